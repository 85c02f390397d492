"""Carry alerts to people; decide nothing about what is worth telling."""
