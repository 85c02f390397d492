"""Who logs and measures holds up no order: they are told when it has left, of everything, in order, and soon."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from meva_core.commands import PlaceOrder
from meva_core.events import Event, KillRequested, OrderAcknowledged, TradeReceived
from tests.integration.runners.live_driver_case import Case, PreparedExchange, running, until


def trades_told(case: Case) -> int:
    """Return of how many trades the observers were told."""
    return case.count(TradeReceived)


async def test_an_order_leaves_before_anybody_is_told_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the venue has it the observers have not heard of the trade yet; soon they have, and of the answer."""
    async with running(exchange=PreparedExchange) as (case, _):
        told_before: list[int] = []
        place = case.exchange.place

        async def placing(command: PlaceOrder) -> Sequence[Event]:
            told_before.append(trades_told(case))
            return await place(command)

        monkeypatch.setattr(case.exchange, "place", placing)
        case.market.trade()
        await until(lambda: case.count(OrderAcknowledged))

        assert [0] == told_before
        assert 1 == trades_told(case)
        assert case.ticks_ns


async def test_they_are_told_though_the_disk_takes_its_time() -> None:
    """An order that waits for its row keeps nothing from those who watch."""
    async with running() as (case, _):
        case.session.disk.clear()
        case.market.trade()
        await until(lambda: trades_told(case))

        assert not case.exchange.sent


async def test_they_are_told_in_the_order_of_the_events() -> None:
    """What comes behind an order is told behind it; nothing is told twice, and nothing is left out at the end."""
    async with running() as (case, task):
        for number in range(200):
            case.market.trade(3_000_000 + number)
        await until(lambda: case.count(OrderAcknowledged))
        case.driver.stop("test")
        await task

        numbers = [outcome.sequence for _, outcome in case.outcomes]
        assert [*range(1, case.agent.sequence + 1)] == numbers


async def test_whoever_asks_finds_everything_told() -> None:
    """A kill is told when it is answered, and so is what was handled before it."""
    async with running() as (case, _):
        case.market.trade()
        while case.driver.waiting:  # noqa: ASYNC110 - a timer would let it be told.
            await asyncio.sleep(0)
        before = trades_told(case)
        case.driver.ask(KillRequested(case.clock.now_ns(), "k", "ann", "enough"))

        assert not before
        assert [TradeReceived, KillRequested] == [type(event) for event, _ in case.outcomes][-2:]


async def test_an_observer_that_fails_ends_the_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    """However late it is told, what it raises is the agent's failure, and its orders are cancelled."""
    async with running() as (case, task):

        def broken(event: Event, _: Any) -> None:
            assert not isinstance(event, TradeReceived), "a bug of ours"

        monkeypatch.setattr(case.driver._process, "tell", broken)
        case.market.trade()
        with pytest.raises(AssertionError, match="a bug of ours"):
            await asyncio.wait_for(task, 5)

        assert "cancel_all" == case.exchange.sent[-1]


async def test_nothing_is_left_untold_by_an_agent_that_fails() -> None:
    """What was decided right before the failure is told before the driver ends."""
    async with running() as (case, task):
        case.market.trade()
        while case.driver.waiting:  # noqa: ASYNC110 - a timer would let it be told.
            await asyncio.sleep(0)
        case.driver.fail(RuntimeError("a bug of ours"))
        with pytest.raises(RuntimeError, match="a bug of ours"):
            await task

        assert 1 == trades_told(case)
