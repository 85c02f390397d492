"""The Binance adapter against a whole venue on the loopback: life cycles, losses and refusals become events."""

from __future__ import annotations

import pytest

from meva_adapters.exchange.dead_man_switch import keep_armed
from meva_adapters.venue.faults import Fault, FaultKind
from meva_adapters.venue.server import VenueServer
from meva_core.commands import CancelAllOrders, CancelOrder, ObserveVenue, QueryOrder
from meva_core.errors import NotSupported
from meva_core.events import (
    CancelRefused,
    ClockMeasured,
    OrderAcknowledged,
    OrderCanceled,
    OrderDropped,
    OrderFilled,
    OrderOutcomeUnknown,
    OrderQueryAnswered,
    OrderRejected,
    RequestFailed,
    VenueStateObserved,
)
from meva_core.model.order import TimeInForce
from tests.integration.exchange.binance_case import adapter, order


async def test_an_order_lives_from_its_acknowledgement_to_its_cancel() -> None:
    """A resting order is acknowledged, found, cancelled once and refused the second time."""
    async with VenueServer() as venue, adapter(venue.url) as exchange:
        [placed] = await exchange.place(order("ours1"))
        [answer] = await exchange.query(QueryOrder("BTC/USDT", "ours1"))
        [canceled] = await exchange.cancel(CancelOrder("BTC/USDT", "ours1", "enough"))
        [refused] = await exchange.cancel(CancelOrder("BTC/USDT", "ours1", "again"))

    assert isinstance(placed, OrderAcknowledged)
    assert isinstance(answer, OrderQueryAnswered)
    assert answer.order is not None
    assert (placed.venue_order_id, "accepted") == (answer.order.venue_order_id, answer.order.status)
    assert isinstance(canceled, OrderCanceled)
    assert isinstance(refused, CancelRefused)


async def test_fills_of_the_answer_and_of_the_trades_are_the_same() -> None:
    """What fills at once is told by the answer and by own trades, under one name, trade id, price and fee."""
    async with VenueServer() as venue, adapter(venue.url) as exchange:
        events = await exchange.place(order("ours1", price=None))
        [state] = await exchange.observe(ObserveVenue("test"))
        last = state.fills[-1].trade_id
        [later] = await exchange.observe(ObserveVenue("test", (("BTC/USDT", last),)))

    answered = [event.fill for event in events if isinstance(event, OrderFilled)]
    told = [(f.trade_id, f.client_order_id, f.price, f.quantity, f.fee, f.fee_asset) for f in answered]
    assert told
    assert told == [
        (f.trade_id, f.client_order_id, f.price, f.quantity, f.fee, f.fee_asset) for f in state.fills
    ]
    assert () == later.fills
    assert {"BTC", "USDT"} <= {asset for asset, _, _ in state.balances}


async def test_a_lost_answer_is_an_unknown_outcome_and_the_order_is_found() -> None:
    """Fault A1: one order in all, although its answer was lost."""
    async with VenueServer() as venue, adapter(venue.url) as exchange:
        venue.strike(Fault(kind=FaultKind.LOST_AFTER, call="order.place"))
        [lost] = await exchange.place(order("ours1"))
        [state] = await exchange.observe(ObserveVenue("test"))

    assert isinstance(lost, OrderOutcomeUnknown)
    assert isinstance(state, VenueStateObserved)
    assert ["ours1"] == [seen.client_order_id for seen in state.open_orders]


async def test_cancel_all_leaves_other_peoples_orders() -> None:
    """Only names of ours are cancelled (invariant I17)."""
    async with VenueServer() as venue, adapter(venue.url) as exchange:
        for name in ("ours1", "theirs", "ours2"):
            await exchange.place(order(name))
        canceled = await exchange.cancel_all(CancelAllOrders(None, "kill"))
        [state] = await exchange.observe(ObserveVenue("test"))

    assert {"ours1", "ours2"} == {e.client_order_id for e in canceled if isinstance(e, OrderCanceled)}
    assert ["theirs"] == [seen.client_order_id for seen in state.open_orders]


async def test_a_wrong_clock_is_a_refusal_and_is_measured_again() -> None:
    """Fault C4: an order whose stamp is 90 s off is refused for certain, and the offset is told."""
    async with VenueServer() as venue, adapter(venue.url) as exchange:
        venue.strike(Fault(kind=FaultKind.CLOCK_OFFSET, milliseconds=90_000))
        refused, measured = await exchange.place(order("ours1"))

    assert isinstance(refused, OrderRejected)
    assert "-1021" == refused.code
    assert isinstance(measured, ClockMeasured)
    assert abs(measured.offset_ns - 90 * 10**9) < 10**9


async def test_refusals_are_told_with_the_venues_code() -> None:
    """A wrong key, a bad filter and an unfunded order are rejected, not unknown."""
    async with VenueServer() as venue:
        async with adapter(venue.url, key="nobody") as stranger:
            [no_key] = await stranger.place(order("ours1"))
        async with adapter(venue.url) as exchange:
            [off_grid] = await exchange.place(order("ours2", price="50000.001"))
            [too_dear] = await exchange.place(order("ours3", quantity="100"))

    assert ["-2015", "-1013", "-2010"] == [event.code for event in (no_key, off_grid, too_dear)]


async def test_an_order_that_cannot_fill_wholly_ends_at_once() -> None:
    """FOK below the market: acknowledged and expired, with no fill."""
    async with VenueServer() as venue, adapter(venue.url) as exchange:
        events = await exchange.place(order("ours1", time_in_force=TimeInForce.FOK))

    assert ["OrderAcknowledged", "OrderExpired"] == [type(event).__name__ for event in events]


async def test_a_venue_that_is_down_gets_nothing() -> None:
    """No connection: the order is dropped with proof, the question failed."""
    async with VenueServer() as venue:
        url = venue.url
    async with adapter(url) as exchange:
        [dropped] = await exchange.place(order("ours1"))
        [failed] = await exchange.observe(ObserveVenue("test"))

    assert isinstance(dropped, OrderDropped)
    assert isinstance(failed, RequestFailed)


async def test_there_is_no_dead_man_switch_and_the_adapter_says_so() -> None:
    """Whoever wants to rely on one is told before anything rests unwatched."""
    async with adapter("http://127.0.0.1:1") as exchange:
        with pytest.raises(NotSupported, match="does not offer dead-man switch"):
            await keep_armed(exchange, on_trouble=lambda _problem: None)

    assert not exchange.capabilities.dead_man_switch
