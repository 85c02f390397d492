"""A running agent's search for garbage leaves out what was there before it, and finds what it makes."""

from __future__ import annotations

import gc
import weakref

from meva_runners.trading.settled_memory import settled_memory


class Node:
    """Be garbage that only the collector can find."""

    def __init__(self) -> None:
        self.itself = self


def test_what_was_there_before_is_not_looked_at_until_the_end() -> None:
    """Neither what is in use nor what became garbage of it; the end gives it back."""
    before = Node()
    gone = weakref.ref(before)
    with settled_memory():
        assert not any(each is before for each in gc.get_objects())
        del before
        gc.collect()
        assert gone() is not None
    gc.collect()

    assert gone() is None
    assert 0 == gc.get_freeze_count()


def test_what_is_made_meanwhile_is_collected() -> None:
    """An agent that runs for weeks holds no more than it uses."""
    with settled_memory():
        gone = weakref.ref(Node())
        gc.collect()

        assert gone() is None
