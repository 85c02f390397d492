"""The Kraken adapter against a whole venue on the loopback: life cycles, losses and refusals become events."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from attrs import evolve

from meva_adapters.exchange.dead_man_switch import keep_armed
from meva_adapters.exchange.kraken.exchange import KrakenExchange
from meva_adapters.transport.decaying_budget import DecayingBudget
from meva_adapters.venue.faults import Fault, FaultKind
from meva_adapters.venue.kraken.server import KrakenServer
from meva_adapters.venue.kraken.settings import KRAKEN_SETTINGS
from meva_core.commands import CancelAllOrders, CancelOrder, ObserveVenue, QueryOrder
from meva_core.errors import ConfigError, NotSupported
from meva_core.events import (
    CancelRefused,
    Event,
    OrderAcknowledged,
    OrderCanceled,
    OrderDropped,
    OrderOutcomeUnknown,
    OrderQueryAnswered,
    OrderRejected,
    RequestFailed,
    VenueStateObserved,
)
from meva_core.model.fill import Liquidity
from meva_core.model.order import TimeInForce
from tests.integration.exchange.kraken_case import ROOMY, WRONG_SECRET, adapter, order


async def state_of(exchange: KrakenExchange) -> VenueStateObserved:
    """Return what the venue holds of ours."""
    [state] = await exchange.observe(ObserveVenue("test"))
    assert isinstance(state, VenueStateObserved), state
    return state


async def answer_of(exchange: KrakenExchange, name: str) -> OrderQueryAnswered:
    """Return what the venue says of one order."""
    [answer] = await exchange.query(QueryOrder("BTC/USD", name))
    assert isinstance(answer, OrderQueryAnswered), answer
    return answer


def status_of(answer: OrderQueryAnswered) -> str | None:
    """Return the status of the order that was found, if any."""
    return answer.order.status if answer.order else None


async def test_an_order_lives_from_its_acknowledgement_to_its_cancel() -> None:
    """A resting order is acknowledged, found, cancelled once and refused the second time, and found as cancelled."""
    async with KrakenServer(ROOMY) as venue, adapter(venue.url) as exchange:
        [placed] = await exchange.place(order("ours1"))
        resting = await answer_of(exchange, "ours1")
        [canceled] = await exchange.cancel(CancelOrder("BTC/USD", "ours1", "enough"))
        [refused] = await exchange.cancel(CancelOrder("BTC/USD", "ours1", "again"))
        ended = await answer_of(exchange, "ours1")

    assert isinstance(placed, OrderAcknowledged)
    assert resting.order is not None
    assert (placed.venue_order_id, "accepted") == (resting.order.venue_order_id, status_of(resting))
    assert (OrderCanceled, CancelRefused) == (type(canceled), type(refused))
    assert "canceled" == status_of(ended)


async def test_fills_are_found_with_name_price_and_fee_and_not_twice() -> None:
    """A market buy is told by the history with the fee in dollars; asked again after its last id, nothing comes."""
    async with KrakenServer(ROOMY) as venue, adapter(venue.url) as exchange:
        await exchange.place(order("ours1", price=None))
        state = await state_of(exchange)
        after = (("BTC/USD", state.fills[-1].trade_id),)
        [later] = await exchange.observe(ObserveVenue("test", after))
        filled = await answer_of(exchange, "ours1")

    assert isinstance(later, VenueStateObserved)
    assert () == later.fills
    assert {("ours1", "USD", Liquidity.TAKER)} == {
        (f.client_order_id, f.fee_asset, f.liquidity) for f in state.fills
    }
    assert Decimal("0.01") == sum(fill.quantity for fill in state.fills)
    assert all(fill.fee >= fill.price * fill.quantity * Decimal("0.004") for fill in state.fills)
    assert "filled" == status_of(filled)
    held = {asset: free + locked for asset, free, locked in state.balances}
    spent = sum(fill.price * fill.quantity + fill.fee for fill in state.fills)
    assert (Decimal("10.01"), 1_000_000 - spent) == (held["BTC"], held["USD"])


async def test_a_long_history_is_read_page_by_page_and_named() -> None:
    """120 fills on three pages come once each, in order, with the names of their orders, to an adapter that is new."""
    async with KrakenServer(ROOMY) as venue, adapter(venue.url) as exchange:
        for number in range(120):
            market = "ETH/USD" if number % 3 else "BTC/USD"
            await exchange.place(order(f"ours{number}", symbol=market, price=None))
        budget = DecayingBudget(limit=1_000, reserve=3, decay_milli=1)
        async with adapter(venue.url, budget=budget) as fresh:
            state = await state_of(fresh)
            whole = budget.level(0)
            again = await state_of(fresh)

    assert {f"ours{number}" for number in range(120)} == {fill.client_order_id for fill in state.fills}
    assert (state.fills, 4) == (again.fills, budget.level(0) - whole), "one page is enough the second time"
    ids = [fill.trade_id for fill in state.fills]
    assert len(ids) == len(set(ids)) >= 120
    for market in ("BTC/USD", "ETH/USD"):
        times = [fill.venue_time_ns for fill in state.fills if fill.symbol == market]
        assert sorted(times) == times


@pytest.mark.parametrize(
    ("kind", "placed"),
    [
        (FaultKind.LOST_BEFORE, False),
        (FaultKind.LOST_AFTER, True),
        (FaultKind.TIMEOUT_BEFORE, False),
        (FaultKind.TIMEOUT_AFTER, True),
        (FaultKind.STATUS, False),
    ],
)
async def test_silence_is_an_unknown_outcome_that_a_question_resolves(
    kind: FaultKind, *, placed: bool
) -> None:
    """Lost requests, lost answers, EService:Timeout and 5xx prove nothing; afterwards there is one order or none."""
    async with KrakenServer(ROOMY) as venue, adapter(venue.url) as exchange:
        venue.strike(Fault(kind=kind, call="AddOrder", status=520))
        [lost] = await exchange.place(order("ours1"))
        answer = await answer_of(exchange, "ours1")
        state = await state_of(exchange)

    assert isinstance(lost, OrderOutcomeUnknown)
    assert ("accepted" if placed else None) == status_of(answer)
    assert (["ours1"] if placed else []) == [seen.client_order_id for seen in state.open_orders]


async def test_an_answer_that_comes_too_late_is_an_unknown_outcome() -> None:
    """The order takes effect at once, its answer after our patience has ended."""
    async with KrakenServer(ROOMY) as venue, adapter(venue.url, timeout_s=0.3) as exchange:
        venue.strike(Fault(kind=FaultKind.DELAY_AFTER, call="AddOrder", milliseconds=600))
        [late] = await exchange.place(order("ours1", price=None))
        answer = await answer_of(exchange, "ours1")

    assert isinstance(late, OrderOutcomeUnknown)
    assert "filled" == status_of(answer)
    assert {"ours1"} == {fill.client_order_id for fill in answer.fills}


async def test_an_order_that_reaches_the_engine_after_its_deadline_is_refused() -> None:
    """Delayed on its way beyond the deadline: a proven refusal, and no order at the venue."""
    async with KrakenServer(ROOMY) as venue, adapter(venue.url, deadline_ms=500) as exchange:
        venue.strike(Fault(kind=FaultKind.DELAY_BEFORE, call="AddOrder", milliseconds=700))
        [refused] = await exchange.place(order("ours1"))
        state = await state_of(exchange)

    assert isinstance(refused, OrderRejected)
    assert "EService:Deadline elapsed" == refused.code
    assert () == state.open_orders


async def test_a_stale_answer_does_not_know_the_order_and_the_next_one_does() -> None:
    """A query may lag behind the engine; it says what it knew then."""
    async with KrakenServer(ROOMY) as venue, adapter(venue.url) as exchange:
        venue.strike(Fault(kind=FaultKind.LOST_AFTER, call="AddOrder"))
        await exchange.place(order("ours1"))
        for call in ("OpenOrders", "ClosedOrders"):
            venue.strike(Fault(kind=FaultKind.STALE, call=call, milliseconds=60_000))
        stale = await answer_of(exchange, "ours1")
        fresh = await answer_of(exchange, "ours1")

    assert (None, "accepted") == (status_of(stale), status_of(fresh))


async def test_refusals_come_with_http_200_and_say_what_to_do() -> None:
    """Wrong key and secret, no right to trade, bad price, no funds, unknown pair, halt: rejected, with a remedy."""
    account = KRAKEN_SETTINGS.accounts[0]
    read_only = evolve(ROOMY, accounts=(evolve(account, can_trade=False),))
    rejected: list[Event] = []
    async with KrakenServer(ROOMY) as venue:
        async with adapter(venue.url, key="nobody") as stranger:
            rejected += await stranger.place(order("ours1"))
        async with adapter(venue.url, secret=WRONG_SECRET) as forger:
            rejected += await forger.place(order("ours2"))
        async with adapter(venue.url) as exchange:
            rejected += await exchange.place(order("ours3", price="50000.001"))
            rejected += await exchange.place(order("ours4", quantity="100"))
            rejected += await exchange.place(order("ours5", quantity="0.00000001"))
            rejected += await exchange.place(order("ours6", symbol="NO/SUCH"))
            venue.strike(Fault(kind=FaultKind.HALT, symbol="BTCUSD"))
            rejected += await exchange.place(order("ours7"))
    async with KrakenServer(read_only) as venue, adapter(venue.url) as reader:
        rejected += await reader.place(order("ours8"))

    assert [OrderRejected] * 8 == [type(event) for event in rejected]
    assert [
        "EAPI:Invalid key",
        "EAPI:Invalid signature",
        "EOrder:Tick size check failed",
        "EOrder:Insufficient funds",
        "EOrder:Order minimum not met",
        "EQuery:Unknown asset pair",
        "EService:Market in cancel_only mode",
        "EGeneral:Permission denied",
    ] == [event.code for event in rejected if isinstance(event, OrderRejected)]
    remedies = [event.reason for event in rejected if isinstance(event, OrderRejected)]
    assert all(remedies[place] for place in (0, 1, 5, 7))


async def test_a_name_in_use_proves_nothing_about_this_attempt() -> None:
    """The second order of one name is refused by the venue; that an order of this name is open is all it says."""
    async with KrakenServer(ROOMY) as venue, adapter(venue.url) as exchange:
        await exchange.place(order("ours1"))
        [second] = await exchange.place(order("ours1"))
        state = await state_of(exchange)

    assert isinstance(second, OrderOutcomeUnknown)
    assert 1 == len(state.open_orders)


async def test_cancel_all_leaves_other_peoples_orders() -> None:
    """Only names of ours are cancelled (invariant I17), and of the symbol that is named."""
    async with KrakenServer(ROOMY) as venue, adapter(venue.url) as exchange:
        for name in ("ours1", "theirs"):
            await exchange.place(order(name))
        await exchange.place(order("ours2", symbol="ETH/USD", price="2000.00"))
        first = await exchange.cancel_all(CancelAllOrders("ETH/USD", "test"))
        rest = await exchange.cancel_all(CancelAllOrders(None, "kill"))
        state = await state_of(exchange)

    assert [["ours2"], ["ours1"]] == [
        [event.client_order_id for event in events if isinstance(event, OrderCanceled)]
        for events in (first, rest)
    ]
    assert ["theirs"] == [seen.client_order_id for seen in state.open_orders]


async def test_what_cannot_fill_at_once_ends_and_post_only_never_takes() -> None:
    """IOC below the market ends unfilled; post-only above it is refused; FOK and names too long never leave."""
    async with KrakenServer(ROOMY) as venue, adapter(venue.url) as exchange:
        [taken] = await exchange.place(order("ours1", time_in_force=TimeInForce.IOC))
        ended = await answer_of(exchange, "ours1")
        [crossing] = await exchange.place(order("ours2", price="70000.0", post_only=True))
        [too_long] = await exchange.place(order("ours" * 5))
        with pytest.raises(NotSupported, match="fill or kill"):
            await exchange.place(order("ours3", time_in_force=TimeInForce.FOK))

    assert isinstance(taken, OrderAcknowledged)
    assert "expired" == status_of(ended)
    assert isinstance(crossing, OrderRejected)
    assert "EOrder:Post only order" == crossing.code
    assert isinstance(too_long, OrderDropped)


async def test_a_venue_that_is_down_gets_nothing() -> None:
    """No connection: the order is dropped with proof, questions and cancels failed."""
    async with KrakenServer() as venue:
        url = venue.url
    async with adapter(url) as exchange:
        [dropped] = await exchange.place(order("ours1"))
        [failed] = await exchange.observe(ObserveVenue("test"))
        [kept] = await exchange.cancel(CancelOrder("BTC/USD", "ours1", "test"))

    assert (OrderDropped, RequestFailed, RequestFailed) == (type(dropped), type(failed), type(kept))


async def test_the_switch_fires_when_the_agent_falls_silent() -> None:
    """Armed and refreshed, orders rest beyond the timeout; once nobody refreshes, the venue cancels them."""
    trouble: list[str] = []
    async with KrakenServer(ROOMY) as venue, adapter(venue.url) as exchange:
        await exchange.place(order("ours1"))
        keeping = asyncio.create_task(
            keep_armed(exchange, on_trouble=trouble.append, timeout_s=1, every_s=0.2)
        )
        await asyncio.sleep(1.5)
        alive = await answer_of(exchange, "ours1")
        keeping.cancel()
        await asyncio.sleep(1.2)
        fired = await answer_of(exchange, "ours1")

    assert [] == trouble
    assert ("accepted", "canceled") == (status_of(alive), status_of(fired))


async def test_a_switch_that_cannot_be_armed_is_told_and_tried_again() -> None:
    """Two lost calls are two troubles; the third arms, and 0 disarms."""
    trouble: list[str] = []
    async with KrakenServer(ROOMY) as venue, adapter(venue.url) as exchange:
        await exchange.place(order("ours1"))
        venue.strike(Fault(kind=FaultKind.LOST_BEFORE, call="CancelAllOrdersAfter", times=2))
        keeping = asyncio.create_task(
            keep_armed(exchange, on_trouble=trouble.append, timeout_s=1, every_s=0.05)
        )
        await asyncio.sleep(0.5)
        keeping.cancel()
        await exchange.arm_dead_man_switch(0)
        await asyncio.sleep(1.1)
        kept = await answer_of(exchange, "ours1")
        with pytest.raises(ConfigError, match="three times"):
            await keep_armed(exchange, on_trouble=trouble.append, timeout_s=1, every_s=0.9)

    assert 2 == len(trouble)
    assert "accepted" == status_of(kept)
