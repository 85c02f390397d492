"""Declare what the core needs from outside, as Protocols; implement none of it."""
