"""Speak the protocol of Kraken spot."""
