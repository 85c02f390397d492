"""Draw the same examples in every run of a property test; the profile *search* looks for new ones."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
settings.register_profile("search", deadline=None, max_examples=2_000)
settings.load_profile("repeatable")
