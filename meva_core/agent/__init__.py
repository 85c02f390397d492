"""Sequence the pipeline: data, signals, risk, execution, portfolio, state."""
