"""Show results: to people on a terminal, to programs as JSON."""
