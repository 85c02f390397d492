"""Consecutive rejects pause trading for a while, and nothing else does."""

from __future__ import annotations

from meva_core.model.state import Gate, GateMarker, RuntimeFlags
from meva_core.risk.circuit_breaker import CircuitBreaker
from meva_core.risk.gate import OPERATOR_PAUSE, TradingGate


class Case:
    """Hold a breaker of three rejects that cools down for ten nanoseconds."""

    def __init__(self) -> None:
        self.flags = RuntimeFlags()
        self.gate = TradingGate(self.flags, lambda _: None)
        self.breaker = self.another()

    def another(self) -> CircuitBreaker:
        """Return a new breaker on the same gate."""
        return CircuitBreaker(self.gate, limit=3, cool_down_ns=10)

    def reject(self, times: int, *, time_ns: int = 100) -> list[bool]:
        """Let the venue refuse so many orders."""
        return [self.breaker.on_reject(f"reason {number}", time_ns=time_ns) for number in range(1, times + 1)]


def test_the_breaker_opens_at_its_limit_and_says_the_last_reason() -> None:
    """Two rejects are an accident, three are a state of affairs."""
    case = Case()

    assert [False, False, True] == case.reject(3)
    assert Gate.PAUSED is case.gate.state
    assert "circuit_breaker: 3 consecutive rejects, the last: reason 3" == case.flags.pause_reason


def test_a_success_starts_the_count_anew() -> None:
    """Only consecutive rejects count."""
    case = Case()

    for _ in range(5):
        case.reject(2)
        case.breaker.on_success()

    assert Gate.OPEN is case.gate.state


def test_the_breaker_closes_when_it_has_cooled_down() -> None:
    """Not a nanosecond earlier, once, and with a clean count."""
    case = Case()
    case.reject(3)

    assert [False, True, False] == [case.breaker.on_time(time_ns) for time_ns in (109, 110, 111)]
    assert [False, False, True] == case.reject(3, time_ns=112)


def test_a_late_reject_lengthens_the_pause() -> None:
    """An answer that was under way when the breaker opened is a refusal like any other."""
    case = Case()
    case.reject(3)

    case.reject(1, time_ns=105)

    assert [False, True] == [case.breaker.on_time(time_ns) for time_ns in (114, 115)]


def test_the_breaker_lifts_its_own_marker_alone() -> None:
    """An operator's pause outlives the cool-down."""
    case = Case()
    case.gate.close(GateMarker(OPERATOR_PAUSE, Gate.PAUSED, "lunch", "operator", 1))
    case.reject(3)

    case.breaker.on_time(110)

    assert [OPERATOR_PAUSE] == list(case.flags.markers)


def test_the_breaker_survives_a_checkpoint() -> None:
    """Count and cool-down go on where they were."""
    case = Case()
    case.reject(3)
    restored = case.another()

    restored.restore(case.breaker.snapshot())

    assert [False, True] == [restored.on_time(time_ns) for time_ns in (109, 110)]
