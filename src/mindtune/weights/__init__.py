"""Weights in and out: read any file safely, load it strictly, save it atomically."""
