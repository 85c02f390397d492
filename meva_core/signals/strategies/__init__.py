"""Ship the strategies that are registered by name."""
