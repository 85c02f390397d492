"""Carry out transfers that an operator approved, or hand them to a person."""
