"""An agent that fails leaves no order resting: not one on its way, and not one that the venue's list lacks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from meva_core.commands import CancelAllOrders, CancelOrder, ObserveVenue, PlaceOrder
from meva_core.errors import StorageError
from meva_core.events import Event, OrderAcknowledged, RequestFailed, TimerFired, VenueStateObserved
from tests.integration.runners.live_driver_case import Case, WatchedExchange, running, until

WIRE_S = 0.8


class SlowWire(WatchedExchange):
    """Let an order arrive some time after it left, whatever becomes of who sent it."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.underway: list[asyncio.Task[Sequence[Event]]] = []

    async def place(self, command: PlaceOrder) -> Sequence[Event]:
        async def arrive() -> Sequence[Event]:
            await asyncio.sleep(WIRE_S)
            return await WatchedExchange.place(self, command)

        self.underway.append(asyncio.create_task(arrive()))
        return await asyncio.shield(self.underway[-1])


class LaggingList(WatchedExchange):
    """Cancel by the list of orders none: it lags behind."""

    async def cancel_all(self, command: CancelAllOrders) -> Sequence[Event]:
        self.sent.append("cancel_all")
        return []


class DeafOnce(LaggingList):
    """Give no answer to the first cancel of an order."""

    async def cancel(self, command: CancelOrder) -> Sequence[Event]:
        self.sent.append("cancel")
        if self.sent.count("cancel") == 1:
            return [RequestFailed(1, "cancel", command.client_order_id, "cut")]
        return await super().cancel(command)


class HungCancel(WatchedExchange):
    """Answer no cancel of one order, and those of all."""

    async def cancel(self, command: CancelOrder) -> Sequence[Event]:
        self.sent.append("cancel")
        if self.sent.count("cancel") == 1:
            await asyncio.Event().wait()
        return await super().cancel(command)


async def fail(case: Case, task: asyncio.Task[None]) -> None:
    """Have the disk fail, and wait for the end."""
    case.session.fails = True
    case.driver.deliver(TimerFired(case.clock.now_ns(), "test"))
    with pytest.raises(StorageError, match="no space left"):
        await task


async def open_at(exchange: WatchedExchange) -> int:
    """Return how many orders rest at the venue."""
    [state] = await exchange.observe(ObserveVenue("test"))
    assert isinstance(state, VenueStateObserved)
    return len(state.open_orders)


async def test_an_order_on_its_way_does_not_rest_after_a_failure() -> None:
    """It is in no list and known to no engine as the first cancels leave; its answer is waited for, then it goes."""
    async with running(exchange=SlowWire) as (case, task):
        assert isinstance(case.exchange, SlowWire)
        case.market.trade()
        await until(lambda: case.exchange.underway)
        await fail(case, task)
        await asyncio.gather(*case.exchange.underway)

        assert "place" in case.exchange.sent
        assert 0 == await open_at(case.exchange)
        assert 1 == len(case.driver.unsettled)


@pytest.mark.parametrize("exchange", [LaggingList, DeafOnce, HungCancel])
async def test_a_resting_order_is_cancelled_by_its_name_and_by_the_list(
    exchange: type[WatchedExchange],
) -> None:
    """A list that lacks it leaves it not to rest, nor does a lost answer to its cancel, nor one that never comes."""
    async with running(exchange=exchange) as (case, task):
        case.market.trade()
        await until(lambda: case.count(OrderAcknowledged))
        before = await open_at(case.exchange)
        await fail(case, task)

        assert 1 == before
        assert 0 == await open_at(case.exchange)


async def test_an_order_that_waits_for_the_disk_holds_up_no_end() -> None:
    """What has not left cannot leave any more, so nobody waits for its answer."""
    async with running(exchange=SlowWire) as (case, task):
        case.session.disk.clear()
        case.market.trade()
        await until(lambda: case.agent.state().open_orders)
        case.driver.fail(StorageError("test", "broken.", "Mend it."))
        await until(lambda: "cancel_all" in case.exchange.sent)
        case.session.disk.set()
        with pytest.raises(StorageError, match="broken"):
            await task

        assert ["cancel_all"] == case.exchange.sent
