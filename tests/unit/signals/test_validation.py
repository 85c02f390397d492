"""No answer of a strategy passes unless it is a signal in every respect, and none can raise."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve, fields
from hypothesis import given
from hypothesis import strategies as st

from meva_core.model.market import Side
from meva_core.model.order import OrderType, TimeInForce
from meva_core.signals.strategy import Signal
from meva_core.signals.validation import SignalLimits, SignalReject, validate_signal
from tests.unit.signals.case import context

LIMIT = {"type": OrderType.LIMIT, "limit_price": Decimal("100.01")}
GOOD = Signal(Side.BUY, Decimal("0.1"), "good")
HUGE = Decimal(10) ** 40


def reason(**changed: Any) -> SignalReject | None:
    """Return the verdict on a good signal with some fields changed, at time 1,000."""
    return validate_signal(evolve(GOOD, **changed), context(), SignalLimits())


@pytest.mark.parametrize(
    "changed",
    [
        {},
        LIMIT,
        LIMIT | {"post_only": True},
        LIMIT | {"time_in_force": TimeInForce.IOC},
        {"confidence": 0, "edge_bps": 0},
        {"expires_ns": 1_000},
        {"quantity": Decimal("0.123456789")},  # It is rounded down to whole lots later.
        {"quantity": Decimal("0.00001")},
    ],
)
def test_a_valid_signal_passes(changed: dict[str, Any]) -> None:
    """At the limits too."""
    assert reason(**changed) is None


@pytest.mark.parametrize("answer", [None, True, 1, "buy", {"side": "buy"}, Signal, [GOOD]])
def test_what_is_no_signal_is_refused(answer: object) -> None:
    """Whatever it is."""
    assert SignalReject.NOT_A_SIGNAL == validate_signal(answer, context(), SignalLimits())


@pytest.mark.parametrize(
    "changed",
    [
        {"side": "buy"},
        {"side": None},
        {"quantity": 0.1},
        {"quantity": 1},
        {"quantity": None},
        {"quantity": "0.1"},
        {"reason": None},
        {"confidence": None},
        {"confidence": True},
        {"confidence": Decimal("0.5")},
        {"edge_bps": "10"},
        {"type": "market"},
        {"limit_price": 100.01, "type": OrderType.LIMIT},
        {"time_in_force": "GTC"},
        {"post_only": 1},
        {"reduce_only": None},
        {"expires_ns": 1e18},
        {"expires_ns": False},
    ],
)
def test_a_field_of_another_type_is_refused(changed: dict[str, Any]) -> None:
    """Text that looks like an enum, a float for money, a bool for a number: all wrong."""
    assert SignalReject.WRONG_TYPE == reason(**changed)


@pytest.mark.parametrize("number", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_numbers_that_are_none_are_refused(number: str) -> None:
    """In every field that holds a number."""
    assert SignalReject.NAN == reason(quantity=Decimal(number))
    assert SignalReject.NAN == reason(type=OrderType.LIMIT, limit_price=Decimal(number))
    if number != "sNaN":
        assert SignalReject.NAN == reason(confidence=float(number))
        assert SignalReject.NAN == reason(edge_bps=float(number))


@pytest.mark.parametrize(
    ("expected", "changed"),
    [
        (SignalReject.CONFIDENCE_OUT_OF_RANGE, {"confidence": -0.001}),
        (SignalReject.CONFIDENCE_OUT_OF_RANGE, {"confidence": 1.001}),
        (SignalReject.NAN, {"edge_bps": 10**400}),
        (SignalReject.BAD_QUANTITY, {"quantity": Decimal(0)}),
        (SignalReject.BAD_QUANTITY, {"quantity": Decimal(-1)}),
        (SignalReject.BAD_QUANTITY, {"quantity": Decimal("0.0000099")}),
        (SignalReject.BAD_QUANTITY, {"quantity": Decimal("1E-999999")}),
        (SignalReject.BAD_QUANTITY, {"quantity": HUGE}),
        (SignalReject.MISSING_LIMIT_PRICE, {"type": OrderType.LIMIT}),
        (SignalReject.UNEXPECTED_LIMIT_PRICE, {"limit_price": Decimal(100)}),
        (SignalReject.BAD_LIMIT_PRICE, LIMIT | {"limit_price": Decimal(0)}),
        (SignalReject.BAD_LIMIT_PRICE, LIMIT | {"limit_price": Decimal(-1)}),
        (SignalReject.BAD_LIMIT_PRICE, LIMIT | {"limit_price": HUGE}),
        (SignalReject.OFF_GRID_PRICE, LIMIT | {"limit_price": Decimal("100.011")}),
        (SignalReject.OFF_GRID_PRICE, LIMIT | {"limit_price": Decimal("0." + "9" * 70)}),
        (SignalReject.POST_ONLY_CONFLICT, {"post_only": True}),
        (SignalReject.POST_ONLY_CONFLICT, LIMIT | {"post_only": True, "time_in_force": TimeInForce.IOC}),
        (SignalReject.EXPIRED, {"expires_ns": 999}),
        (SignalReject.EXPIRED, {"expires_ns": -1}),
    ],
)
def test_each_fault_has_its_reason(expected: SignalReject, changed: dict[str, Any]) -> None:
    """On a good signal that is changed in one respect, at time 1,000."""
    assert expected == reason(**changed)


def test_a_signal_must_be_worth_its_limits() -> None:
    """At a limit it passes, below it does not."""
    limits = SignalLimits(min_confidence=0.5, min_edge_bps=10)

    def verdict(confidence: float, edge_bps: float) -> SignalReject | None:
        return validate_signal(evolve(GOOD, confidence=confidence, edge_bps=edge_bps), context(), limits)

    assert verdict(0.5, 10) is None
    assert SignalReject.LOW_CONFIDENCE == verdict(0.49, 10)
    assert SignalReject.LOW_EDGE == verdict(0.5, 9.9)


def test_an_exit_need_not_be_worth_anything() -> None:
    """What only reduces a position passes any limit on worth, but nothing else."""
    limits = SignalLimits(min_confidence=1.0, min_edge_bps=1_000)
    leaving = evolve(GOOD, side=Side.SELL, reduce_only=True, confidence=0.1)

    assert validate_signal(leaving, context(), limits) is None
    assert SignalReject.EXPIRED == validate_signal(evolve(leaving, expires_ns=1), context(), limits)


anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.decimals(),
    st.sampled_from(Side),
    st.sampled_from(OrderType),
    st.sampled_from(TimeInForce),
    st.integers().map(lambda power: Decimal((0, (1, 7), power % 2_000_000 - 1_000_000))),
)


@given(st.fixed_dictionaries({}, optional={field.name: anything for field in fields(Signal)}))
def test_no_answer_raises(changed: dict[str, Any]) -> None:
    """Any value in any field gives a verdict, and what passes has a size and a price on the grid."""
    signal = evolve(GOOD, **changed)

    verdict = validate_signal(signal, context(), SignalLimits())

    assert verdict is None or isinstance(verdict, SignalReject)
    if verdict is None:
        assert signal.quantity >= Decimal("0.00001")
        assert (signal.limit_price is None) == (signal.type is OrderType.MARKET)
