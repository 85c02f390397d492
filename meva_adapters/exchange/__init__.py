"""Reach venues: each adapter turns one venue's protocol into the port's events."""
