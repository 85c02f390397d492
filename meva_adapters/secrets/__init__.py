"""Fetch secrets from where their references say; keep none."""
