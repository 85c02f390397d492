"""Spare a running agent the search for garbage among what lives as long as it does; decide nothing."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def settled_memory() -> Iterator[None]:
    """Look for garbage once, and until the block ends only among what is made within it.

    Modules, settings and the composed agent are some hundred thousand objects. To look at them all takes 50 ms, in
    which neither an order nor a cancel leaves, and nothing is ever found.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
