"""Be a spot exchange on a local port, for clients written by others."""
