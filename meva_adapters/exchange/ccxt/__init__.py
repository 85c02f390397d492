"""Speak to any exchange that ccxt knows; needs the extra `ccxt`."""
