"""Have numpy calculate on one thread: its own would spin beside the replay, and their sums depend on their number."""

from __future__ import annotations

import os
from typing import Final

# What the linear algebra under numpy may be built with; each reads its own variable when it is loaded.
_THREADS: Final = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def on_one_thread() -> None:
    """Ask for one thread unless the environment says otherwise. Call it before numpy is imported."""
    for name in _THREADS:
        os.environ.setdefault(name, "1")
