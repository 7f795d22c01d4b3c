"""Frozen networks: their features and texts, kept on disk, and what is made of them."""
