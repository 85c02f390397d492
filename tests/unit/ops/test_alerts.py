"""A person is told each cause once, soon, and not flooded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meva_core.commands import AlertLevel, RaiseAlert
from meva_core.ops.alerts import CAUSES_MAX, AlertService

HIGH, CRITICAL = AlertLevel.HIGH, AlertLevel.CRITICAL


def test_alert_carries_what_was_said() -> None:
    """The command holds level, code, subject, message and context."""
    alert = AlertService().trigger(
        HIGH, "stale_data", "no trade for 9 s", {"age_s": 9}, time_ns=1, subject="BTC/USDT"
    )

    assert RaiseAlert(HIGH, "stale_data", "BTC/USDT", "no trade for 9 s", {"age_s": 9}) == alert


def test_cause_is_told_once_until_cleared() -> None:
    """A standing cause is silent; once cleared, its return is news."""
    service = AlertService()
    told = [service.trigger(HIGH, "stale_data", "m", time_ns=time) is not None for time in range(3)]
    cleared = service.clear("stale_data")
    again = service.trigger(HIGH, "stale_data", "m", time_ns=4)

    assert [True, False, False] == told
    assert cleared
    assert again is not None


def test_subjects_are_separate_causes() -> None:
    """One symbol's staleness does not hide another's."""
    service = AlertService()
    service.trigger(HIGH, "stale_data", "m", time_ns=0, subject="BTC/USDT")

    assert service.trigger(HIGH, "stale_data", "m", time_ns=0, subject="ETH/USDT") is not None
    assert ["BTC/USDT", "ETH/USDT"] == [item.subject for item in service.standing()]


def test_worsening_cause_is_told_again() -> None:
    """From medium to critical is news; back down is not."""
    service = AlertService()
    levels = (AlertLevel.MEDIUM, CRITICAL, HIGH)

    told = [service.trigger(level, "surplus", "m", time_ns=0) is not None for level in levels]

    assert [True, True, False] == told


def test_limit_holds_back_until_the_window_has_passed() -> None:
    """The third alert within the window waits; it is not taken for told."""
    service = AlertService(alerts_max=2, window_ns=10)
    for code in ("a", "b"):
        service.trigger(HIGH, code, "m", time_ns=0)

    assert service.trigger(HIGH, "c", "m", time_ns=9) is None
    assert service.trigger(HIGH, "c", "m", time_ns=10) is not None
    assert 1 == service.held_back


def test_critical_passes_the_limit_and_takes_no_room() -> None:
    """A kill is told in the middle of a flood, and does not silence what follows."""
    service = AlertService(alerts_max=1, window_ns=10)

    assert service.trigger(CRITICAL, "kill_switch", "m", time_ns=0) is not None
    assert service.trigger(HIGH, "a", "m", time_ns=0) is not None
    assert service.trigger(HIGH, "b", "m", time_ns=0) is None
    assert service.trigger(CRITICAL, "daily_loss", "m", time_ns=0) is not None


def test_context_is_a_copy() -> None:
    """What the caller changes later does not change what was said."""
    context = {"age_s": 9}
    alert = AlertService().trigger(HIGH, "stale_data", "m", context, time_ns=0)
    context["age_s"] = 10

    assert alert is not None
    assert {"age_s": 9} == alert.context


def test_standing_causes_are_bounded() -> None:
    """A flood of critical subjects forgets the oldest rather than growing."""
    service = AlertService()
    for number in range(CAUSES_MAX + 1):
        service.trigger(CRITICAL, "unknown_order", "m", time_ns=0, subject=str(number))

    assert CAUSES_MAX == len(service.standing())
    assert "1" == service.standing()[0].subject


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(list(AlertLevel)), st.integers(0, 5))),
    st.integers(1, 4),
)
def test_never_more_than_the_limit_in_any_window(
    wishes: list[tuple[str, AlertLevel, int]], alerts_max: int
) -> None:
    """Whatever is triggered and cleared, no window holds more than the limit of non-critical alerts."""
    service = AlertService(alerts_max=alerts_max, window_ns=10)
    raised: list[int] = []
    time_ns = 0
    for code, level, wait in wishes:
        time_ns += wait
        if service.trigger(level, code, "m", time_ns=time_ns) and level is not CRITICAL:
            raised.append(time_ns)
        service.clear(code)

    assert all(sum(start <= time < start + 10 for time in raised) <= alerts_max for start in raised)
