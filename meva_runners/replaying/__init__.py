"""Replay recordings: from the options of a command to a verified session."""
