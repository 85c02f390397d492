"""Look at a machine, a configuration and a venue before anything trades; change nothing."""
