"""Books and venue are compared by a pure function that invents nothing."""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from meva_core.agent.runtime_state import initial_state
from meva_core.commands import Approved, PlaceOrder
from meva_core.config.schema import AppConfig
from meva_core.events import ObservedOrder, VenueStateObserved
from meva_core.execution.idempotency import ClientOrderIds, idem_key
from meva_core.execution.order_service import OrderService
from meva_core.execution.reconcile_service import ReconcileReport, ReconcileService
from meva_core.model.fill import Fill, Liquidity
from meva_core.model.instrument import Instrument
from meva_core.model.market import Side
from meva_core.model.order import OrderRecord, OrderType, TimeInForce, TradeIntent
from meva_core.model.state import AssetBalance

INSTRUMENT = Instrument("BTC/USDT", "BTC", "USDT", Decimal("0.01"), Decimal("0.0001"))


class Books:
    """Hold one open buy of one BTC at a venue, and 100,000 USDT."""

    def __init__(self) -> None:
        self.state = initial_state(AppConfig())
        self.state.balances["USDT"] = AssetBalance("USDT", Decimal(100_000))
        ids = ClientOrderIds("meva", "main")
        self.orders = OrderService(self.state, ids)
        self.service = ReconcileService(self.orders, ids, {"BTC/USDT": INSTRUMENT})
        intent = TradeIntent(
            1,
            "mine",
            "BTC/USDT",
            Side.BUY,
            OrderType.LIMIT,
            TimeInForce.GTC,
            Decimal(1),
            Decimal(30_000),
            False,
            False,
            Decimal(30_000),
            0,
            0,
        )
        approved = Approved(intent, 0, Decimal(30_000), "USDT", Decimal(30_000))
        placed = self.orders.submit(approved, idem_key(intent))
        assert isinstance(placed, PlaceOrder)
        self.name = placed.request.client_order_id
        self.order: OrderRecord = self.state.open_orders[self.name]

    def compare(self, report: VenueStateObserved) -> ReconcileReport:
        """Return what the service finds."""
        return self.service.reconcile(self.state, report)


def seen(name: str) -> ObservedOrder:
    """Return an open order of that name at the venue."""
    return ObservedOrder(name, "v1", "BTC/USDT", Side.BUY, Decimal(1), Decimal(0), "accepted")


def fill(name: str, trade_id: str = "1", quantity: str = "0.1") -> Fill:
    """Return a trade at 30,000 without a fee."""
    size = Decimal(quantity)
    return Fill(
        "BTC/USDT",
        trade_id,
        name,
        "v1",
        Side.BUY,
        Decimal(30_000),
        size,
        Decimal(0),
        "USDT",
        Liquidity.TAKER,
        1,
    )


def report(
    *orders: ObservedOrder, fills: tuple[Fill, ...] = (), usdt: str = "100000", btc: str = "0"
) -> VenueStateObserved:
    """Return a venue's report."""
    balances = (("BTC", Decimal(btc), Decimal(0)), ("USDT", Decimal(usdt), Decimal(0)))
    return VenueStateObserved(10, 10, orders, fills, balances, 9)


def test_equal_books_are_clean() -> None:
    """The order is open on both sides, and so is every balance."""
    books = Books()
    found = books.compare(report(seen(books.name)))

    assert found.is_clean
    assert [books.name] == [order.client_order_id for order in found.open]


def test_an_order_that_is_not_there_is_missing_and_not_ended() -> None:
    """It ended somehow; how, only the venue's answer about it says (invariant I6)."""
    books = Books()
    before = books.order.status
    found = books.compare(report())

    assert ((books.name,), before) == (found.missing, books.order.status)
    assert not found.is_clean


def test_a_missed_fill_is_found_and_explains_the_balances() -> None:
    """No difference is left once it is booked."""
    books = Books()
    found = books.compare(report(seen(books.name), fills=(fill(books.name),), usdt="97000", btc="0.1"))

    assert ["1"] == [each.trade_id for each in found.fills]
    assert () == found.differences


def test_a_difference_names_both_numbers() -> None:
    """And the asset."""
    books = Books()
    [difference] = books.compare(report(seen(books.name), usdt="99999.5")).differences

    assert "99999.5 USDT" in difference
    assert "100000" in difference


def test_an_asset_that_only_one_side_knows_differs() -> None:
    """A missing balance is zero on its side."""
    books = Books()
    [difference] = books.compare(report(seen(books.name), btc="0.25")).differences

    assert "0.25 BTC" in difference


def test_an_order_of_our_name_that_nobody_knows_is_a_stranger() -> None:
    """A store that was rolled back looks like this."""
    books = Books()
    stranger = books.name[:-1] + "9"
    found = books.compare(report(seen(books.name), seen(stranger), fills=(fill(stranger),)))

    assert all(stranger in text for text in found.strangers)
    assert 2 == len(found.strangers)
    assert () == found.fills


def test_other_peoples_orders_are_counted_and_left_alone() -> None:
    """Invariant I17: they are none of ours."""
    books = Books()
    found = books.compare(report(seen(books.name), seen("somebody"), fills=(fill("somebody"),)))

    assert (2, (), ()) == (found.foreign, found.strangers, found.fills)


@given(
    parts=st.lists(st.integers(1, 2_000), min_size=1, max_size=5),
    order=st.randoms(use_true_random=False),
    copies=st.integers(1, 3),
)
def test_order_and_repetition_of_a_report_change_nothing(
    parts: list[int], order: object, copies: int
) -> None:
    """Invariant I21: the same facts give the same result, and the books are untouched by it."""
    books = Books()
    fills = [fill(books.name, str(number), f"{part / 10_000}") for number, part in enumerate(parts, 1)]
    shuffled = fills * copies
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    told = report(seen(books.name), fills=tuple(fills))
    before = deepcopy(books.state)
    first = books.compare(told)
    again = books.compare(evolve(told, fills=tuple(shuffled)))

    assert books.state == before
    assert first == books.compare(told)
    assert set(first.fills) == set(again.fills)
    assert (first.differences, first.missing) == (again.differences, again.missing)


@given(st.lists(st.sampled_from(["1", "2", "3"]), max_size=6))
def test_no_fill_is_invented(trade_ids: list[str]) -> None:
    """What is to be booked was reported, and was not booked before."""
    books = Books()
    books.orders.apply_fill(fill(books.name, "1"), 1)
    told = tuple(fill(books.name, trade_id) for trade_id in trade_ids)
    found = books.compare(report(seen(books.name), fills=told))

    assert set(found.fills) == {each for each in told if each.trade_id != "1"}
