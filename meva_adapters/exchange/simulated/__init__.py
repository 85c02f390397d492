"""Simulate a venue behind a bad network, with faults by plan; see `SimulatedExchange`."""
