"""Class names as texts: prompts, and the token ids that CLIP reads."""
