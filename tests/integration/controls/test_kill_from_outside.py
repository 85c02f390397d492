"""A kill from another process stops every later order, also while the agent's main loop hangs (Z7)."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from meva_adapters.controls.kill_latch import KillLatch, LatchedExchange, kill_from_outside
from meva_core.commands import CancelAllOrders, PlaceOrder
from meva_core.events import OrderDropped, TradeReceived
from meva_core.model.market import Side
from tests.integration.controls.controls_case import Desk


class CountingExchange:
    """Stand for a venue that takes everything, and remember in which order."""

    capabilities = None

    def __init__(self) -> None:
        self.taken: list[object] = []

    async def place(self, command: PlaceOrder) -> tuple[()]:
        self.taken.append(command)
        return ()

    async def cancel_all(self, command: CancelAllOrders) -> tuple[()]:
        self.taken.append(command)
        return ()


def order(path: Path) -> PlaceOrder:
    """Return an order that the gate approved."""
    desk = Desk(path)
    desk.now_ns += 1
    steps = list(desk.process.handle(TradeReceived(desk.now_ns, "BTC/USDT", 3_000_000, 1, Side.SELL)))
    desk.session.close()
    return next(step for step in steps if isinstance(step, PlaceOrder))


async def test_z7_a_latch_set_by_another_process_stops_the_next_order(tmp_path: Path) -> None:
    """The order is proven never to have left; before the latch it went."""
    latch, venue, placed = KillLatch(tmp_path / "kill"), CountingExchange(), order(tmp_path / "session.db")
    exchange = LatchedExchange(venue, latch, now_ns=lambda: 7)
    await exchange.place(placed)
    code = (
        "import sys; from pathlib import Path; from meva_adapters.controls.kill_latch import KillLatch; "
        "KillLatch(Path(sys.argv[1])).set('fire', 'ann')"
    )
    killer = await asyncio.create_subprocess_exec(sys.executable, "-c", code, str(tmp_path / "kill"))
    assert 0 == await killer.wait()
    (answer,) = await exchange.place(placed)

    assert OrderDropped(7, placed.request.client_order_id, "the kill latch is set") == answer
    assert [placed] == venue.taken


async def test_z7_the_latch_is_set_before_the_cancel_all_leaves(tmp_path: Path) -> None:
    """No order can slip in between: at the moment of the cancel-all the latch already holds."""
    latch = KillLatch(tmp_path / "kill")
    seen: list[bool] = []

    class Watching(CountingExchange):
        async def cancel_all(self, command: CancelAllOrders) -> tuple[()]:
            seen.append(latch.is_set())
            return await super().cancel_all(command)

    await kill_from_outside(latch, Watching(), reason="hung", actor="ann")

    assert [True] == seen


def test_the_first_reason_stays(tmp_path: Path) -> None:
    """Who kills second changes nothing; the latch names who was first, and is private."""
    latch = KillLatch(tmp_path / "kill")

    assert (True, False) == (latch.set("fire", "ann"), latch.set("again", "bob"))
    assert "ann: fire\n" == (tmp_path / "kill").read_text()
    assert 0o600 == (tmp_path / "kill").stat().st_mode & 0o777


def test_a_latch_that_cannot_be_looked_at_counts_as_set(tmp_path: Path) -> None:
    """A missing folder, or a path that leads through a file, is no permission to trade."""
    (tmp_path / "file").write_text("")
    latch = KillLatch(tmp_path / "kill")

    assert not latch.is_set()
    assert KillLatch(tmp_path / "missing" / "kill").is_set()
    assert KillLatch(tmp_path / "file" / "kill").is_set()
    latch.set("x", "y")
    latch.clear()
    assert not latch.is_set()


def test_the_latch_tells_who_set_it_and_why(tmp_path: Path) -> None:
    """What a hand or a torn write left there is told on one short line, or not at all."""
    path = tmp_path / "kill"
    latch = KillLatch(path)
    latch.set("hung", "ann")
    told = [latch.told()]
    for left in (b"", b"\xff\x1b[2J\nmore", b"x" * 1_000_000):
        path.write_bytes(left)
        told.append(latch.told())

    assert ["the kill latch is set (ann: hung)", "the kill latch is set"] == told[:2]
    assert "the kill latch is set (\ufffd?[2J)" == told[2]
    assert len(told[3]) < 400
