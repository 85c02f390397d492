"""Carry bytes to venues and back: sent once, with a limit on every wait, and every outcome named."""
