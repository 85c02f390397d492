"""Implement the ports of the core: one adapter, one technology; decide nothing about money."""
