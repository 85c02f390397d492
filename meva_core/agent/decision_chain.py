"""Link every decision to all decisions before it, so that two runs compare by one short hash; decide nothing.

One link per event that decided something: `blake2b(text, key=previous link)`. Unlike a running hash, a link can
be stored in a checkpoint and continued from there.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

LINK_BYTES: Final = 16
FIRST_LINK: Final = blake2b(b"meva decision chain 1", digest_size=LINK_BYTES).digest()


def next_link(previous: bytes, text: str) -> bytes:
    """Return the link of *text* after *previous*."""
    return blake2b(text.encode(), digest_size=LINK_BYTES, key=previous).digest()
