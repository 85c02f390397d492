"""Hold a kill outside the process that it stops: a file that anyone trusted can set and every send looks at."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from meva_adapters.transport.http import LAST_LOOK
from meva_core.commands import (
    CancelAllOrders,
    CancelOrder,
    ObserveVenue,
    PlaceOrder,
    QueryOrder,
)
from meva_core.events import Event, OrderDropped
from meva_core.ports.exchange import Clearance, ExchangeAdapter, PreparingExchange, VenueCapabilities

_SET: Final = "the kill latch is set"
# As much as an operator may give for a reason, with a name before it.
_TOLD_MAX: Final = 300


class KillLatch:
    """Be set while the file *path* exists. Looking costs one system call and needs no running event loop."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def set(self, reason: str, actor: str) -> bool:
        """Set the latch, durably; return whether this call did it. Whoever was first stays named in it."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        try:
            descriptor = os.open(self._path, flags, 0o600)
        except FileExistsError:
            return False
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"{actor}: {reason}\n")
            file.flush()
            os.fsync(descriptor)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return True

    def is_set(self) -> bool:
        """Return whether the latch is set; a latch that cannot be looked at counts as set."""
        try:
            os.lstat(self._path)
        except FileNotFoundError:
            # No folder means that nobody could set it: as safe as a latch that cannot be read.
            return not self._path.parent.is_dir()
        except OSError:
            return True
        return True

    def told(self) -> str:
        """Return that it is set, with who set it and why as far as the file says so."""
        try:
            with self._path.open(encoding="utf-8", errors="replace") as file:
                line = file.readline(_TOLD_MAX).strip()
        except OSError:
            line = ""
        said = "".join(each if each.isprintable() else "?" for each in line)
        return f"{_SET} ({said})" if said else _SET

    def clear(self) -> None:
        """Take the latch off; only after an operator released the kill."""
        self._path.unlink(missing_ok=True)


class LatchedExchange:
    """Refuse every order while the latch is set, on the way to *exchange*; cancels and questions pass."""

    def __init__(self, exchange: ExchangeAdapter, latch: KillLatch, *, now_ns: Callable[[], int]) -> None:
        self._exchange = exchange
        self._preparing = exchange if isinstance(exchange, PreparingExchange) else None
        self._latch = latch
        self._now_ns = now_ns

    @property
    def capabilities(self) -> VenueCapabilities:
        """Return the facts about the venue."""
        return self._exchange.capabilities

    async def place(self, command: PlaceOrder) -> Sequence[Event]:
        """Send the order, unless the latch is set: then it never left, and the event is the proof.

        It is looked at again before the first byte: a connection takes time, and the loop may have hung meanwhile.
        """
        if self._latch.is_set():
            return self._dropped(command, _SET)
        token = LAST_LOOK.set(self._beside(LAST_LOOK.get()))
        try:
            return await self._exchange.place(command)
        finally:
            LAST_LOOK.reset(token)

    async def place_when(self, command: PlaceOrder, clearance: Clearance) -> Sequence[Event]:
        """Send the order when *clearance* lets it, unless the latch is set by then.

        An exchange that cannot prepare orders may keep this one waiting, so *clearance* is asked again in the step
        that writes the first byte.
        """
        look = self._beside(clearance)
        if self._preparing is not None:
            return await self._preparing.place_when(command, look)
        if why := await look():
            return self._dropped(command, why)
        token = LAST_LOOK.set(clearance)
        try:
            return await self.place(command)
        finally:
            LAST_LOOK.reset(token)

    def _beside(self, clearance: Clearance | None) -> Clearance:
        """Return what looks at the latch in the step in which *clearance* answered."""

        async def look() -> str:
            why = await clearance() if clearance is not None else ""
            return why or (_SET if self._latch.is_set() else "")

        return look

    def _dropped(self, command: PlaceOrder, why: str) -> tuple[OrderDropped]:
        return (OrderDropped(self._now_ns(), command.request.client_order_id, why),)

    async def cancel(self, command: CancelOrder) -> Sequence[Event]:
        """Cancel one order."""
        return await self._exchange.cancel(command)

    async def cancel_all(self, command: CancelAllOrders) -> Sequence[Event]:
        """Cancel every order of ours."""
        return await self._exchange.cancel_all(command)

    async def query(self, command: QueryOrder) -> Sequence[Event]:
        """Ask what became of one order."""
        return await self._exchange.query(command)

    async def observe(self, command: ObserveVenue) -> Sequence[Event]:
        """Ask for open orders, own trades and balances."""
        return await self._exchange.observe(command)


async def kill_from_outside(
    latch: KillLatch, exchange: ExchangeAdapter, *, reason: str, actor: str
) -> Sequence[Event]:
    """Stop an agent whose process no longer answers: latch first, then cancel all over an own connection."""
    latch.set(reason, actor)
    return await exchange.cancel_all(CancelAllOrders(None, reason))
