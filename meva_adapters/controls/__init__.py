"""Serve the operator's controls and dashboard over HTTP; decide nothing about trading."""
