"""Whatever is sent and whatever the market does, the simulated venue keeps its books and its promises."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from attrs import define, evolve, field
from hypothesis import assume, given
from hypothesis import strategies as st

from meva_core.events import (
    BookChanged,
    Event,
    OrderAcknowledged,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    QuoteReceived,
)
from meva_core.execution.fill_models import FILL_MODELS, FillSettings
from meva_core.execution.matching import MatchingEngine
from meva_core.execution.venue_fees import FeeSchedule
from meva_core.execution.venue_orders import VenueOrder
from meva_core.model.fill import Fill, Liquidity
from meva_core.model.instrument import Instrument
from meva_core.model.market import Candle, Side
from meva_core.model.order import OrderRequest, OrderType, TimeInForce

BTC = Instrument("BTC/USDT", "BTC", "USDT", tick_size=Decimal("0.25"), lot_size=Decimal("0.003"))
BNB = Instrument("BNB/USDT", "BNB", "USDT", tick_size=Decimal("0.7"), lot_size=Decimal("0.01"))
INSTRUMENTS = {instrument.symbol: instrument for instrument in (BTC, BNB)}
# Little, so that it runs out.
START = {"USDT": Decimal(3), "BTC": Decimal("0.06"), "BNB": Decimal("0.12")}

Step = Callable[[MatchingEngine, int], list[Event]]  # What happens at a time, and what the venue answers.

PRICES = st.integers(96, 104)
LOTS = st.integers(1, 8)
LEVELS = st.lists(st.tuples(PRICES, st.integers(0, 8)), max_size=4).map(tuple)
SYMBOLS = st.sampled_from(["BTC/USDT", "BTC/USDT", "BTC/USDT", "BNB/USDT"])


@st.composite
def requests(draw: st.DrawFn) -> OrderRequest:
    """Draw an order; client ids repeat on purpose."""
    instrument = INSTRUMENTS[draw(SYMBOLS)]
    limit_ticks = draw(st.none() | PRICES)
    post_only = limit_ticks is not None and draw(st.booleans())
    return OrderRequest(
        client_order_id=f"o-{draw(st.integers(1, 30))}",
        idem_key="key",
        strategy="test",
        symbol=instrument.symbol,
        side=draw(st.sampled_from(Side)),
        type=OrderType.MARKET if limit_ticks is None else OrderType.LIMIT,
        time_in_force=TimeInForce.GTC if post_only else draw(st.sampled_from(TimeInForce)),
        quantity=instrument.quantity(draw(LOTS)),
        limit_price=None if limit_ticks is None else instrument.price(limit_ticks),
        post_only=post_only,
        reduce_only=False,
    )


def submits(request: OrderRequest) -> Step:
    """Send *request*."""
    return lambda engine, time_ns: engine.submit(request, time_ns)


def cancels(name: str) -> Step:
    """Cancel one order."""
    return lambda engine, time_ns: engine.cancel("BTC/USDT", name, time_ns)


def cancels_all(symbol: str | None) -> Step:
    """Cancel every order, of *symbol* or everywhere."""
    return lambda engine, time_ns: engine.cancel_all(symbol, time_ns)


def trades(symbol: str, price_ticks: int, lots: int, taker_side: Side) -> Step:
    """Print a trade."""
    return lambda engine, time_ns: engine.on_trade(
        symbol, time_ns=time_ns, price_ticks=price_ticks, lots=lots, taker_side=taker_side
    )


def closes_bar(prices: tuple[int, int, int, int], volume: int) -> Step:
    """Close a bar that opened now."""
    opening, close, *_ = prices

    def step(engine: MatchingEngine, time_ns: int) -> list[Event]:
        candle = Candle(time_ns, time_ns + 1, opening, max(prices), min(prices), close, volume)
        return engine.on_bar("BTC/USDT", candle, time_ns + 1)

    return step


def quotes(bid: tuple[int, int], ask: tuple[int, int]) -> Step:
    """Show a quote."""
    return lambda engine, time_ns: engine.on_quote(QuoteReceived(time_ns, "BTC/USDT", *bid, *ask))


def shows_book(symbol: str, bids: tuple[tuple[int, int], ...], asks: tuple[tuple[int, int], ...]) -> Step:
    """Show a snapshot."""
    return lambda engine, time_ns: engine.on_book(
        BookChanged(time_ns, symbol, True, time_ns, time_ns, bids, asks)
    )


def changes_book(bids: tuple[tuple[int, int], ...], asks: tuple[tuple[int, int], ...], missed: int) -> Step:
    """Change the book; one time in ten updates are missing."""

    def step(engine: MatchingEngine, time_ns: int) -> list[Event]:
        first = time_ns if missed == 0 else 0
        return engine.on_book(BookChanged(time_ns, "BTC/USDT", False, first, time_ns, bids, asks))

    return step


MARKET_STEPS = st.one_of(
    st.builds(trades, SYMBOLS, PRICES, LOTS, st.sampled_from(Side)),
    st.builds(closes_bar, st.tuples(PRICES, PRICES, PRICES, PRICES), st.integers(0, 60)),
    st.builds(quotes, st.tuples(st.integers(96, 100), LOTS), st.tuples(st.integers(100, 104), LOTS)),
    st.builds(shows_book, SYMBOLS, LEVELS, LEVELS),
    st.builds(changes_book, LEVELS, LEVELS, st.integers(0, 9)),
)
STEPS = st.one_of(
    MARKET_STEPS,
    MARKET_STEPS,
    MARKET_STEPS,
    st.builds(submits, requests()),
    st.builds(submits, requests()),
    st.builds(submits, requests()),
    st.builds(submits, requests()),
    st.builds(cancels, st.integers(1, 30).map(lambda number: f"o-{number}")),
    st.builds(cancels_all, st.sampled_from(["BNB/USDT", "BNB/USDT", "BNB/USDT", None])),
)
# Long enough to fill, expire and run out of money; shorter ones say little.
SESSIONS = st.lists(STEPS, min_size=30, max_size=50)
# Every venue has first shown a book and a price.
OPENING: list[Step] = [
    shows_book("BTC/USDT", ((99, 5), (98, 5)), ((101, 5), (102, 5))),
    shows_book("BNB/USDT", ((99, 5), (98, 5)), ((101, 5), (102, 5))),
    trades("BTC/USDT", 100, 1, Side.BUY),
    trades("BNB/USDT", 100, 1, Side.BUY),
]


@define
class Setup:
    """Hold what an engine is made of."""

    fill_model: str
    paid_in: str = "received"
    latency_ns: int = 0
    slippage_bps: Decimal = Decimal(0)
    balances: dict[str, Decimal] = field(factory=lambda: dict(START))

    def build(self) -> MatchingEngine:
        """Return a new engine."""
        return MatchingEngine(
            INSTRUMENTS.values(),
            balances=self.balances,
            fees=FeeSchedule(Decimal("7.5"), Decimal(30), self.paid_in),
            fill_model=self.fill_model,
            settings=FillSettings(slippage_bps=self.slippage_bps, bar_volume_share=Decimal("0.25")),
            latency_ns=self.latency_ns,
        )


SETUPS = st.builds(
    Setup,
    fill_model=st.sampled_from(sorted(FILL_MODELS)),
    paid_in=st.sampled_from(["received", "quote", "base", "BNB"]),
    latency_ns=st.sampled_from([0, 0, 1, 25]),
    slippage_bps=st.sampled_from([Decimal(0), Decimal("12.5")]),
)


def play(engine: MatchingEngine, steps: list[Step], *, first: int = 0) -> list[list[Event]]:
    """Perform *steps*, ten nanoseconds apart, numbered from *first*; return each one's events."""
    return [step(engine, 10 * number) for number, step in enumerate(steps, start=first + 1)]


def expected_totals(fills: list[Fill]) -> dict[str, Fraction]:
    """Return what the account must hold after *fills*, by another arithmetic."""
    totals = {asset: Fraction(amount) for asset, amount in START.items()}
    for fill in fills:
        base, quote = fill.symbol.split("/")
        sign = fill.side.sign
        totals[base] += sign * Fraction(fill.quantity)
        totals[quote] -= sign * Fraction(fill.quantity) * Fraction(fill.price)
        totals[fill.fee_asset] -= Fraction(fill.fee)
    return totals


def expected_locks(engine: MatchingEngine, sent: dict[str, OrderRequest]) -> dict[str, Fraction]:
    """Return what the open orders must lock."""
    locks = dict.fromkeys(START, Fraction(0))
    for order in engine.open_orders():
        request = sent[order.venue_order_id]
        base, quote = order.symbol.split("/")
        rest = Fraction(order.quantity - order.filled_quantity)
        if order.side is Side.SELL:
            locks[base] += rest
        elif request.limit_price is not None:
            locks[quote] += rest * Fraction(request.limit_price)
    return locks


def acknowledged(engine: MatchingEngine) -> dict[str, OrderRequest]:
    """Return the requests of the orders that are open now, by venue id."""
    markets = [engine.market(symbol) for symbol in INSTRUMENTS]
    orders = [order for market in markets for order in all_orders(market.orders)]
    return {order.venue_order_id: order.request for order in orders}


def all_orders(orders: Any) -> list[VenueOrder]:
    """Return the open orders of one market."""
    return [*orders.taking, *orders.bids, *orders.asks]


@given(setup=SETUPS, session=SESSIONS)
def test_every_unit_is_accounted_for_after_every_step(setup: Setup, session: list[Step]) -> None:
    """I9: totals are start plus fills less fees, locks are those of open orders; none is negative."""
    engine = setup.build()
    booked: list[Fill] = []

    for number, step in enumerate(OPENING + session, start=1):
        events = step(engine, 10 * number)
        booked += [event.fill for event in events if isinstance(event, OrderFilled)]
        balances = engine.balances()

        totals = {asset: Fraction(free) + Fraction(locked) for asset, (free, locked) in balances.items()}
        locks = {asset: Fraction(locked) for asset, (_, locked) in balances.items()}
        assert expected_totals(booked) == totals
        assert expected_locks(engine, acknowledged(engine)) == locks
        assert all(free >= 0 and locked >= 0 for free, locked in balances.values())


@given(setup=SETUPS, session=SESSIONS)
def test_every_order_keeps_its_terms(setup: Setup, session: list[Step]) -> None:
    """Filled within quantity and limit; FOK whole or not; post-only never takes; IOC and FOK in one step."""
    engine = setup.build()
    requests_by_id: dict[str, OrderRequest] = {}
    steps_by_id: dict[str, dict[int, list[Fill]]] = {}

    for number, step in enumerate(OPENING + session, start=1):
        before = acknowledged(engine)
        events = step(engine, 10 * number)
        requests_by_id |= before | acknowledged(engine)
        for event in events:
            if isinstance(event, OrderFilled):
                by_step = steps_by_id.setdefault(event.fill.venue_order_id, {})
                by_step.setdefault(number, []).append(event.fill)

    for venue_order_id, by_step in steps_by_id.items():
        request = requests_by_id.get(venue_order_id)
        if request is None:
            assert setup.latency_ns  # It arrived and ended inside one step, unseen here.
            continue
        own = [fill for some in by_step.values() for fill in some]
        filled = sum(fill.quantity for fill in own)
        assert 0 < filled <= request.quantity
        if request.limit_price is not None:
            assert all(request.side.sign * (fill.price - request.limit_price) <= 0 for fill in own)
        if request.post_only:
            assert {Liquidity.MAKER} == {fill.liquidity for fill in own}
        if request.time_in_force is TimeInForce.FOK:
            assert filled == request.quantity
        if request.time_in_force is not TimeInForce.GTC:
            assert 1 == len(by_step)


@given(setup=SETUPS, session=SESSIONS)
def test_price_time_priority_holds(setup: Setup, session: list[Step]) -> None:
    """When a resting order fills, every resting order before it in price-time order has filled whole."""
    engine = setup.build()

    for number, step in enumerate(OPENING + session, start=1):
        queues = [
            list(queue)
            for symbol in INSTRUMENTS
            for queue in (engine.market(symbol).orders.bids, engine.market(symbol).orders.asks)
        ]
        events = step(engine, 10 * number)
        filled = [event.fill.venue_order_id for event in events if isinstance(event, OrderFilled)]
        for queue in queues:
            ranks = [rank for rank, order in enumerate(queue) if order.venue_order_id in filled]
            before_the_last = queue[: ranks[-1]] if ranks else []
            assert not [order for order in before_the_last if engine.is_open(order.client_order_id)]


@given(setup=SETUPS, session=SESSIONS, data=st.data())
def test_a_snapshot_at_any_point_gives_the_same_future(
    setup: Setup, session: list[Step], data: st.DataObject
) -> None:
    """Events, trade ids, balances and the next snapshot are equal: it is a function of its calls."""
    steps = OPENING + session
    cut = data.draw(st.integers(0, len(steps)))
    original = setup.build()
    play(original, steps[:cut])

    restored = evolve(setup, balances={"USDT": Decimal(1)}).build()
    restored.restore(original.snapshot())

    assert [original.market(symbol).waiting for symbol in INSTRUMENTS] == [
        restored.market(symbol).waiting for symbol in INSTRUMENTS
    ]
    assert play(original, steps[cut:], first=cut) == play(restored, steps[cut:], first=cut)
    assert original.snapshot() == restored.snapshot()
    assert original.trades_since("BTC/USDT") == restored.trades_since("BTC/USDT")


@given(setup=SETUPS, session=SESSIONS)
def test_event_times_never_fall(setup: Setup, session: list[Step]) -> None:
    """I22, late answers included."""
    events = [event for some in play(setup.build(), OPENING + session) for event in some]

    times = [event.time_ns for event in events]

    assert sorted(times) == times


@given(
    fill_model=st.sampled_from(sorted(FILL_MODELS)),
    request=requests().filter(
        lambda request: request.time_in_force is TimeInForce.GTC and not request.post_only
    ),
    market=st.lists(MARKET_STEPS, max_size=30),
    latencies=st.tuples(st.integers(0, 150), st.integers(0, 150)).map(sorted),
)
def test_a_larger_latency_never_fills_earlier(
    fill_model: str, request: OrderRequest, market: list[Step], latencies: list[int]
) -> None:
    """For one order that stays until it fills; one that ended was gone when a later one arrived."""
    never = 10**9
    rich = dict.fromkeys(START, Decimal(1_000_000))
    starts = []
    for latency_ns in latencies:
        engine = Setup(fill_model, latency_ns=latency_ns, balances=rich).build()
        played = play(engine, [*OPENING, submits(request), *market])
        events = [event for some in played for event in some]
        assume(not any(isinstance(event, OrderRejected | OrderExpired) for event in events))
        starts.append(next((event.time_ns for event in events if isinstance(event, OrderFilled)), never))

    sooner, later = starts

    assert sooner <= later


@given(setup=SETUPS, request=requests(), session=st.lists(STEPS, max_size=12))
def test_an_answer_to_a_submission_is_never_a_fill(
    setup: Setup, request: OrderRequest, session: list[Step]
) -> None:
    """What is decided on an event fills in the next one at the earliest."""
    engine = setup.build()
    played = play(engine, OPENING + session)

    answer = engine.submit(request, 10 * len(played))

    assert all(not isinstance(event, OrderFilled) for event in answer)
    assert setup.latency_ns or 1 == len(answer)


def test_the_drawn_sessions_reach_fills() -> None:
    """A guard of the tests above: a plain session acknowledges and fills in every model."""
    buy = OrderRequest(
        "o-1",
        "key",
        "test",
        "BTC/USDT",
        Side.BUY,
        OrderType.MARKET,
        TimeInForce.GTC,
        Decimal("0.003"),
        None,
        False,
        False,
    )
    for model in sorted(FILL_MODELS):
        session = [*OPENING, submits(buy), trades("BTC/USDT", 101, 5, Side.BUY)]
        kinds = [type(event) for some in play(Setup(model).build(), session) for event in some]
        assert [OrderAcknowledged, OrderFilled] == kinds
