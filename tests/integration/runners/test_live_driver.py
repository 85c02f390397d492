"""The driver decides, commits and acts, in this order, whatever the disk and the network do meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from meva_adapters.clock.manual import ManualClock
from meva_adapters.exchange.simulated.matching_exchange import MatchingExchange
from meva_adapters.transfers.memory import MemoryTransferExecutor
from meva_core.commands import CancelAllOrders, SetTimer
from meva_core.errors import StorageError
from meva_core.events import (
    Event,
    KillRequested,
    OrderAcknowledged,
    OrderCancelRequested,
    OrderDropped,
    OrderOutcomeUnknown,
    RequestFailed,
    StreamConnected,
    StreamLost,
    TradeReceived,
)
from meva_core.model.market import NS_PER_SECOND
from meva_core.model.order import OrderStatus
from meva_core.ops.log_records import OrderUpdated
from meva_runners.composition import compose_venue
from meva_runners.trading.exchange_performer import ExchangePerformer
from tests.integration.runners.live_driver_case import (
    MarketByHand,
    PreparedExchange,
    WatchedExchange,
    running,
    until,
)
from tests.replay.case import config

# Some are handed an order when it may leave, some get it ready before.
EXCHANGES = pytest.mark.parametrize("exchange", [WatchedExchange, PreparedExchange])


@EXCHANGES
async def test_no_order_leaves_before_it_is_durable(exchange: type[WatchedExchange]) -> None:
    """While the disk is busy an order waits; when the commit is done it leaves, once."""
    async with running(exchange=exchange) as (case, _):
        await until(lambda: not case.session.disk.clear())
        case.market.trade()
        await asyncio.sleep(0.05)
        before = list(case.exchange.sent)
        case.session.disk.set()
        await until(lambda: case.count(OrderAcknowledged))

        assert [] == before
        assert ["place"] == case.exchange.sent


@EXCHANGES
async def test_a_kill_waits_for_no_disk_and_lets_no_order_out(exchange: type[WatchedExchange]) -> None:
    """A kill that comes while an order waits for the disk cancels at once, and the order never leaves."""
    async with running(exchange=exchange) as (case, _):
        case.session.disk.clear()
        case.market.trade()
        await until(lambda: case.agent.state().open_orders)
        durable = case.driver.ask(KillRequested(0, "k", "ann", "test"))
        await until(lambda: "cancel_all" in case.exchange.sent)
        answered_early = durable.done()
        case.session.disk.set()
        await durable
        await until(lambda: case.count(OrderDropped))

        assert not answered_early
        assert ["cancel_all"] == case.exchange.sent


@EXCHANGES
async def test_a_failed_commit_lets_nothing_out_cancels_and_ends(exchange: type[WatchedExchange]) -> None:
    """The order that could not be journaled is not sent, every order is cancelled, and the error says why."""
    async with running(exchange=exchange) as (case, task):
        case.session.fails = True
        case.market.trade()
        with pytest.raises(StorageError, match="no space left"):
            await task

        assert ["cancel_all"] == case.exchange.sent


@EXCHANGES
async def test_a_last_cancel_without_an_answer_is_asked_for_again(exchange: type[WatchedExchange]) -> None:
    """An agent that failed does not leave its orders to one lost answer."""

    class Deaf(exchange):  # type: ignore[misc, valid-type]
        """Give no answer to the first cancel-all."""

        async def cancel_all(self, command: CancelAllOrders) -> Sequence[Event]:
            events: Sequence[Event] = await super().cancel_all(command)
            return (
                events if self.sent.count("cancel_all") > 1 else [RequestFailed(1, "cancel_all", "", "cut")]
            )

    async with running(exchange=Deaf) as (case, task):
        case.session.fails = True
        case.market.trade()
        with pytest.raises(StorageError, match="no space left"):
            await task

        assert ["cancel_all", "cancel_all"] == case.exchange.sent


@EXCHANGES
async def test_an_intent_that_waited_too_long_for_the_disk_is_dropped(
    exchange: type[WatchedExchange],
) -> None:
    """The age of an intent is looked at again after the commit; what is too old never leaves, and that is recorded."""
    async with running("signals.max_age_ms=50", exchange=exchange) as (case, _):
        case.session.disk.clear()
        case.market.trade()
        await until(lambda: case.agent.state().open_orders)
        await asyncio.sleep(0.1)
        case.session.disk.set()
        await until(lambda: case.count(OrderDropped))

        assert [] == case.exchange.sent
        assert not case.agent.state().open_orders


async def test_an_intent_grows_old_although_the_clock_is_set_back() -> None:
    """What was handled since tells the age of an intent where the clock tells of an earlier hour."""
    async with running("signals.max_age_ms=50") as (case, _):
        case.session.disk.clear()
        case.market.trade()
        await until(lambda: case.agent.state().open_orders)
        [first] = case.agent.state().open_orders
        case.clock.shift_ns = -3600 * NS_PER_SECOND
        await asyncio.sleep(0.1)
        case.market.trade()
        await until(lambda: case.count(TradeReceived) > 1)
        case.session.disk.set()
        await until(lambda: case.count(OrderDropped))

        dropped = [event.client_order_id for event, _ in case.outcomes if isinstance(event, OrderDropped)]
        assert first == dropped[0]


async def test_a_clock_that_is_set_back_delays_no_timer() -> None:
    """A timer that the core asked for fires after the time it asked for, not when the clock has caught up."""
    clock, fired = ManualClock(0), asyncio.Event()
    handled_ns = 3600 * NS_PER_SECOND
    performer = ExchangePerformer(
        MatchingExchange(compose_venue(config()), clock),
        clock,
        books=MarketByHand(),
        transfers=MemoryTransferExecutor(),
        refusal=lambda _: None,
        deliver=lambda _: fired.set(),
        on_alert=lambda _: None,
        on_failure=lambda _: None,
        handled_ns=lambda: handled_ns,
    )
    performer.perform(SetTimer("venue_watch", handled_ns + NS_PER_SECOND // 100))
    await asyncio.wait_for(fired.wait(), 2)
    await performer.close()

    assert fired.is_set()


async def test_too_much_market_data_is_dropped_and_said() -> None:
    """Beyond its bound the inbox gives up market data alone, says so, and starts the stream anew."""
    async with running(inbox_events_max=100) as (case, _):
        for _ in range(250):
            case.market.trade()
        await until(lambda: case.market.starts > 1)
        await until(lambda: case.count(StreamConnected) > 2)

        lost = [event.reason for event, _ in case.outcomes if isinstance(event, StreamLost)]
        assert case.count(TradeReceived) < 250
        assert any("events dropped" in reason for reason in lost)


async def test_a_stop_in_good_order_leaves_nothing_open() -> None:
    """Resting orders are cancelled, the venue confirms it, and the journal holds all of it."""
    async with running() as (case, task):
        case.market.trade()
        await until(lambda: case.count(OrderAcknowledged))
        case.driver.stop("test")
        await task

        assert not case.agent.state().open_orders
        assert () == case.driver.unsettled
        assert case.agent.sequence == case.session.last_sequence()


async def test_orders_may_be_left_resting_where_that_is_configured() -> None:
    """With `cancel_on_stop` off an accepted order stays, and is not called unsettled."""
    async with running(cancel_on_stop=False) as (case, task):
        case.market.trade()
        await until(lambda: case.count(OrderAcknowledged))
        case.driver.stop("test")
        await task

        assert 1 == len(case.agent.state().open_orders)
        assert () == case.driver.unsettled


@EXCHANGES
async def test_a_stop_while_an_order_waits_for_the_disk_is_no_contradiction(
    exchange: type[WatchedExchange],
) -> None:
    """The order is wished cancelled before it has left, and then does not leave: nothing is open, nobody is called."""
    async with running(exchange=exchange) as (case, task):
        case.session.disk.clear()
        case.market.trade()
        await until(lambda: case.agent.state().open_orders)
        case.driver.stop("test")
        await until(lambda: case.count(OrderCancelRequested))
        case.session.disk.set()
        await task

        assert [] == case.exchange.sent
        assert () == case.driver.unsettled
        assert not case.agent.state().runtime_flags.markers


async def test_who_asks_twice_does_not_wait_for_the_venue() -> None:
    """A second request to stop ends the wait for a cancel that nobody answers; what is open is named."""
    async with running(stop_grace_s=60) as (case, task):
        case.market.trade()
        await until(lambda: case.count(OrderAcknowledged))
        case.exchange.answers = False
        case.driver.stop("once")
        await until(lambda: case.count(OrderCancelRequested))
        still_running = not task.done()
        case.driver.stop("twice")
        await asyncio.wait_for(task, 5)

        assert still_running
        assert case.driver.unsettled == tuple(case.agent.state().open_orders)
        assert 1 == len(case.driver.unsettled)


async def test_a_bug_in_an_adapter_stops_the_agent() -> None:
    """What no adapter may raise ends the run with that error, after the last cancels."""
    async with running() as (case, task):
        case.exchange.query = None  # type: ignore[method-assign, assignment]
        case.exchange.place = None  # type: ignore[method-assign, assignment]
        case.market.trade()
        with pytest.raises(TypeError):
            await task

        assert "cancel_all" in case.exchange.sent


@EXCHANGES
async def test_an_order_that_the_adapter_cannot_send_is_denied(exchange: type[WatchedExchange]) -> None:
    """What raises `NotSupported` before anything leaves ends the order with its reason; it is no unknown outcome."""
    async with running(exchange=exchange) as (case, task):
        case.exchange.offers = False
        case.market.trade()
        await until(lambda: case.count(OrderDropped))
        [dropped] = [event for event, _ in case.outcomes if isinstance(event, OrderDropped)]
        updates = [
            record
            for _, outcome in case.outcomes
            for record in outcome.records
            if isinstance(record, OrderUpdated) and record.request.client_order_id == dropped.client_order_id
        ]

        assert "the adapter does not offer post only" in dropped.reason
        assert OrderStatus.DENIED is updates[-1].status
        assert 0 == case.count(OrderOutcomeUnknown)
        assert {} == case.agent.state().open_orders
        assert not task.done()


async def test_an_order_is_prepared_while_the_disk_works() -> None:
    """Where the exchange can, the order is made ready at once; it leaves when it is durable, and not before."""
    async with running(exchange=PreparedExchange) as (case, _):
        assert isinstance(case.exchange, PreparedExchange)
        case.session.disk.clear()
        case.market.trade()
        await until(lambda: case.exchange.prepared)
        await asyncio.sleep(0.05)
        before = list(case.exchange.sent)
        case.session.disk.set()
        await until(lambda: case.count(OrderAcknowledged))

        assert [] == before
        assert ["place"] == case.exchange.sent
        assert 1 == case.exchange.prepared


async def test_an_order_waits_for_a_row_and_a_commit_follows() -> None:
    """What an order waits for is secured; the answer is committed, and so is what was secured, without being asked."""
    async with running() as (case, _):
        secured = case.session.secured
        case.market.trade()
        await until(lambda: case.count(OrderAcknowledged))
        await until(lambda: case.session.last_sequence() == case.agent.sequence)

        assert secured + 1 == case.session.secured
