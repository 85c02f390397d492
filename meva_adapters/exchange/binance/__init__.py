"""Speak the protocol of Binance spot."""
