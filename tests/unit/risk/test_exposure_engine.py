"""Exposure is the worst that could come of what is open: nothing that may fill is forgotten."""

from __future__ import annotations

from decimal import Decimal
from itertools import product

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from meva_core.model.market import Side
from meva_core.model.money import exact
from meva_core.model.order import OrderStatus
from meva_core.model.state import Position
from meva_core.risk.exposure_engine import ExposureEngine
from tests.unit.risk_case import Policy, order

OPEN = [
    OrderStatus.SUBMITTED,
    OrderStatus.ACCEPTED,
    OrderStatus.PARTIALLY_FILLED,
    OrderStatus.PENDING_CANCEL,
    OrderStatus.UNKNOWN,
]
ORDERS = st.lists(
    st.tuples(st.sampled_from(Side), st.integers(1, 4), st.integers(0, 3), st.sampled_from(OPEN)), max_size=5
)


@given(st.integers(-5, 5), ORDERS, st.none() | st.sampled_from(Side), st.integers(1, 4))
def test_the_worst_case_is_that_of_all_combinations_of_fills(
    held: int, orders: list[tuple[Side, int, int, OrderStatus]], side: Side | None, quantity: int
) -> None:
    """Each order fills or does not: the largest position that can be reached, no more and no less.

    An order of unknown outcome counts like any other, and so does the one that is asked about.
    """
    state = Policy().state
    state.positions["BTC/USD"] = Position("BTC/USD", Decimal(held))
    for number, (each, rest, filled, status) in enumerate(orders):
        record = order(str(rest + filled), side=each, status=status, name=f"o-{number}")
        record.filled_quantity = Decimal(filled)
        state.open_orders[f"o-{number}"] = record

    with exact():
        quantities = ExposureEngine().open_quantities(state, "BTC/USD")
        worst = quantities.worst_case() if side is None else quantities.worst_case(side, Decimal(quantity))

    changes = [each.sign * rest for each, rest, _, _ in orders]
    changes += [] if side is None else [side.sign * quantity]
    reachable = (held + sum(filled) for filled in product(*[(0, change) for change in changes]))
    assert max(abs(position) for position in reachable) == worst


def test_exposure_adds_up_over_symbols() -> None:
    """At what one unit of each base is worth; a first order counts, and an empty position needs no mark."""
    state = Policy().state
    state.positions["BTC/USD"] = Position("BTC/USD", Decimal(2))
    state.positions["ETH/USD"] = Position("ETH/USD", Decimal(-3))
    state.positions["XRP/USD"] = Position("XRP/USD")
    state.open_orders["o-1"] = order("4")
    state.open_orders["o-2"] = first = order("7", name="o-2")
    first.request = evolve(first.request, symbol="NEW/USD")
    prices = {"BTC/USD": Decimal(10), "ETH/USD": Decimal(5), "NEW/USD": Decimal(1)}

    with exact():
        exposure = ExposureEngine().portfolio(state, prices.__getitem__)
        others = ExposureEngine().portfolio(state, prices.__getitem__, without="BTC/USD")

    assert (Decimal(6 * 10 + 3 * 5 + 7), Decimal(3 * 5 + 7)) == (exposure, others)
