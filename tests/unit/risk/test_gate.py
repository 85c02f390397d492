"""The gate is as safe as its safest marker, and only its own code lifts one."""

from __future__ import annotations

from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from meva_core.model.state import Gate, GateMarker, RuntimeFlags
from meva_core.risk.gate import DAILY_LOSS, DRAWDOWN, KILL_SWITCH, OPERATOR_PAUSE, TradingGate
from meva_core.risk.kill_switch import KillSwitchService


@define
class Case:
    """Hold a gate with its flags, and every change that it told of."""

    flags: RuntimeFlags = field(factory=RuntimeFlags)
    told: list[GateMarker] = field(factory=list)

    @property
    def gate(self) -> TradingGate:
        """Return the gate of the flags."""
        return TradingGate(self.flags, self.told.append)


def marker(code: str, gate: Gate, reason: str = "why") -> GateMarker:
    """Return a reason to close."""
    return GateMarker(code, gate, reason, "tester", 1)


def test_a_new_gate_is_open() -> None:
    """Nothing is wrong before something is."""
    case = Case()

    assert (Gate.OPEN, 0) == (case.gate.state, case.gate.epoch)


def test_a_marker_closes_and_its_own_code_opens() -> None:
    """Flags, epoch and listeners follow each real change."""
    case = Case()
    pause = marker(OPERATOR_PAUSE, Gate.PAUSED)

    assert case.gate.close(pause)
    assert (False, False, "operator_pause: why", 1) == (
        case.flags.trading_enabled,
        case.flags.kill_switch_active,
        case.flags.pause_reason,
        case.flags.gate_epoch,
    )
    assert case.gate.lift(OPERATOR_PAUSE, actor="somebody", reason="done", time_ns=2)

    assert (True, None, 2) == (case.flags.trading_enabled, case.flags.pause_reason, case.flags.gate_epoch)
    assert [pause, GateMarker(OPERATOR_PAUSE, Gate.OPEN, "done", "somebody", 2)] == case.told


def test_repetition_changes_nothing() -> None:
    """Not even the reason: the first one is why (invariant I14)."""
    case = Case()
    case.gate.close(marker(KILL_SWITCH, Gate.KILLED, "first"))

    assert not case.gate.close(marker(KILL_SWITCH, Gate.KILLED, "second"))
    assert not case.gate.close(marker(KILL_SWITCH, Gate.PAUSED, "third"))
    assert ("kill_switch: first", 1) == (case.flags.pause_reason, case.gate.epoch)


def test_a_marker_may_become_safer() -> None:
    """The same cause may get worse."""
    case = Case()
    case.gate.close(marker(DRAWDOWN, Gate.PAUSED))

    assert case.gate.close(marker(DRAWDOWN, Gate.KILLED))
    assert case.flags.kill_switch_active


def test_what_is_not_set_cannot_be_lifted() -> None:
    """And does not move the epoch."""
    case = Case()

    assert not case.gate.lift(DAILY_LOSS, actor="a", reason="r", time_ns=1)
    assert (0, []) == (case.gate.epoch, case.told)


MOVES = st.lists(
    st.tuples(
        st.sampled_from([KILL_SWITCH, OPERATOR_PAUSE, DAILY_LOSS, DRAWDOWN]),
        st.sampled_from([None, Gate.REDUCE_ONLY, Gate.PAUSED, Gate.KILLED]),
    ),
    max_size=30,
)


@given(MOVES)
def test_the_gate_is_as_safe_as_its_safest_marker(moves: list[tuple[str, Gate | None]]) -> None:
    """Whatever is set and lifted, in whatever order; the epoch rises with every change and never falls."""
    case, changes = Case(), 0
    model: dict[str, Gate] = {}
    for code, gate in moves:
        before = model.get(code, Gate.OPEN)
        if gate is None:
            changed = case.gate.lift(code, actor="a", reason="r", time_ns=1)
            expected = model.pop(code, None) is not None
        else:
            changed = case.gate.close(marker(code, gate))
            expected = gate > before
            model[code] = max(gate, before)
        changes += changed

        assert expected == changed
        assert max(model.values(), default=Gate.OPEN) == case.gate.state
        assert (case.gate.state is Gate.OPEN) == case.flags.trading_enabled == (not case.flags.markers)
        assert (case.gate.state is Gate.KILLED) == case.flags.kill_switch_active
        assert changes == case.gate.epoch == len(case.told)


def test_the_kill_switch_holds_until_it_is_released() -> None:
    """Activated twice is activated once; released twice is released once."""
    switch = KillSwitchService(Case().gate)

    killed = [switch.activate("fire", "guard", time_ns=1) for _ in range(2)], switch.is_active()
    released = [switch.deactivate("guard", time_ns=2) for _ in range(2)], switch.is_active()

    assert ([True, False], True) == killed
    assert ([True, False], False) == released


def test_a_release_ends_a_drawdown_halt_too_and_no_pause() -> None:
    """A person has looked; what else holds the gate goes on holding it."""
    case = Case()
    case.gate.close(marker(DRAWDOWN, Gate.KILLED))
    case.gate.close(marker(DAILY_LOSS, Gate.PAUSED))

    KillSwitchService(case.gate).deactivate("operator", time_ns=2)

    assert (Gate.PAUSED, [DAILY_LOSS]) == (case.gate.state, list(case.flags.markers))
