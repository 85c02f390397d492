"""Tell the time: of the machine, or of a test."""
