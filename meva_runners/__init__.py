"""Compose the core with adapters and run it; hold no trading rule."""
