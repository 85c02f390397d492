"""Decide whether an order may be sent; nothing else may."""
