"""A strategy's answer is a decision: nothing, a valid signal, or one with the reason why it is refused."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from attrs import frozen

from meva_core.data.feature_library import Sma
from meva_core.errors import StrategyError
from meva_core.model.market import Side
from meva_core.signals.signal_engine import RejectedSignal, SignalEngine
from meva_core.signals.strategy import FeatureValues, Signal
from meva_core.signals.validation import SignalLimits, SignalReject
from tests.unit.signals.case import BTC, context

BUY = Signal(Side.BUY, Decimal("0.5"), "because", confidence=0.6, edge_bps=12.0)


@frozen
class Scripted:
    """Answer what a test says."""

    answer: Callable[[], Any]
    timeframe: str | None = None

    def features(self) -> dict[str, Any]:
        return {}

    def acts(self, features: Any, stance: int) -> bool:
        return True

    def generate_signal(self, ctx: Any) -> Any:
        return self.answer()


def engine(answer: Callable[[], Any], **limits: float) -> SignalEngine:
    """Return an engine around a strategy that answers so."""
    return SignalEngine("scripted", Scripted(answer), SignalLimits(**limits))


def test_a_valid_signal_is_passed_on_unchanged() -> None:
    """The decision is the very signal."""
    assert BUY is engine(lambda: BUY).evaluate(BTC.symbol, context())


def test_no_answer_is_no_decision_to_act() -> None:
    """None is neither a signal nor a refusal."""
    assert engine(lambda: None).evaluate(BTC.symbol, context()) is None


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"min_confidence": 0.61}, SignalReject.LOW_CONFIDENCE),
        ({"min_edge_bps": 12.5}, SignalReject.LOW_EDGE),
        ({"min_confidence": 0.6, "min_edge_bps": 12.0}, None),
    ],
)
def test_a_signal_must_be_worth_it(limits: dict[str, float], reason: SignalReject | None) -> None:
    """Confidence and edge at the limit suffice."""
    decision = engine(lambda: BUY, **limits).evaluate(BTC.symbol, context())

    assert (BUY if reason is None else RejectedSignal(BUY, reason)) == decision


def test_numbers_that_are_none_are_refused_with_a_reason() -> None:
    """NaN is no opinion."""
    answer = Signal(Side.BUY, Decimal("NaN"), "because")
    decision = engine(lambda: answer).evaluate(BTC.symbol, context())

    assert isinstance(decision, RejectedSignal)
    assert SignalReject.NAN is decision.reason


def test_a_strategy_that_raises_is_named_with_the_place() -> None:
    """The error says which strategy, which symbol, what and where; the cause is chained."""
    with pytest.raises(StrategyError) as raised:
        engine(lambda: 1 // 0).evaluate(BTC.symbol, context())

    assert ("scripted", "BTC/USDT") == (raised.value.strategy, raised.value.symbol)
    assert "ZeroDivisionError" in raised.value.problem
    assert "test_signal_engine.py, line" in raised.value.problem
    assert isinstance(raised.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize("answer", ["buy", 1, Signal(Side.BUY, 0.5, "float")])  # type: ignore[arg-type]
def test_what_is_no_signal_is_a_fault_of_the_strategy(answer: object) -> None:
    """A wrong type is a programming error, not an opinion to be counted."""
    with pytest.raises(StrategyError, match="answered"):
        engine(lambda: answer).evaluate(BTC.symbol, context())


def test_an_undeclared_feature_is_named_with_the_declared_ones() -> None:
    """A slip of the pen is found at once."""
    values = FeatureValues({"fast": Sma(3), "slow": Sma(5)})

    with pytest.raises(StrategyError, match="declared no feature 'fats'; declared: fast, slow"):
        engine(lambda: values.fats).evaluate(BTC.symbol, context())
