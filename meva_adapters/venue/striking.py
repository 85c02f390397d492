"""Carry out the faults that strike one call, before and after it takes effect; choose none of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from attrs import frozen

from meva_adapters.venue.faults import Fault, FaultKind
from meva_core.errors import MevaError

_MS: Final = 1000


@frozen
class ConnectionCut(MevaError):  # noqa: N818 - it is no error of ours: a fault asks for it.
    """Say that the connection is to be cut without an answer."""

    call: str

    def __str__(self) -> str:
        return f"a fault cuts the connection of {self.call}"


@frozen(kw_only=True)
class Striker:
    """Know how a protocol says that it timed out, refuses, or fails with an HTTP status."""

    timeout: Callable[[], MevaError]
    rejected: Callable[[Fault], MevaError]
    failed: Callable[[Fault], MevaError]

    async def before(self, call: str, struck: Mapping[FaultKind, Fault]) -> None:
        """Delay *call*, or raise what its client hears in place of an answer; nothing was done then."""
        if FaultKind.DELAY_BEFORE in struck:
            await asyncio.sleep(struck[FaultKind.DELAY_BEFORE].milliseconds / _MS)
        if FaultKind.LOST_BEFORE in struck:
            raise ConnectionCut(call)
        if FaultKind.TIMEOUT_BEFORE in struck:
            raise self.timeout()
        if FaultKind.REJECT in struck:
            raise self.rejected(struck[FaultKind.REJECT])
        if FaultKind.STATUS in struck:
            raise self.failed(struck[FaultKind.STATUS])

    async def after(self, call: str, struck: Mapping[FaultKind, Fault]) -> None:
        """Delay the answer of *call*, which took effect, or raise what its client hears in its place."""
        if FaultKind.DELAY_AFTER in struck:
            await asyncio.sleep(struck[FaultKind.DELAY_AFTER].milliseconds / _MS)
        if FaultKind.LOST_AFTER in struck:
            raise ConnectionCut(call)
        if FaultKind.TIMEOUT_AFTER in struck:
            raise self.timeout()
