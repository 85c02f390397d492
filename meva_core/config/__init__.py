"""Define the configuration and what is valid in it."""
