"""Hold the pure core: events in, commands and records out; no I/O, no clock, no randomness."""
