"""What may wait is told together, at times that somebody chose; what is critical never waits, and nothing is lost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meva_core.commands import AlertLevel, RaiseAlert
from meva_core.config.schema import DigestConfig
from meva_core.model.hours import NS_PER_DAY
from meva_core.model.market import NS_PER_SECOND
from meva_core.ops.digest import AGAIN_NS, WAITING_MAX, Digest

MINUTE_NS = 60 * NS_PER_SECOND
HOUR_NS = 60 * MINUTE_NS
# 2023-11-14 00:00 UTC.
DAY_NS = 19_675 * NS_PER_DAY
INFO, MEDIUM, HIGH, CRITICAL = AlertLevel


def at(hours: float) -> int:
    """Return the time so many hours after the midnight of the test."""
    return DAY_NS + int(hours * HOUR_NS)


def alert(level: AlertLevel, code: str = "reconciling", subject: str = "", text: str = "look") -> RaiseAlert:
    """Return an alert."""
    return RaiseAlert(level, code, subject, text, {})


def nightly(**changed: Any) -> Digest:
    """Return a digest at 07:00 of what is below high, with a quiet night."""
    usual = {"below": "high", "at": "07:00", "every_s": 86_400, "quiet_hours": "22:00-06:00"}
    return Digest(DigestConfig(**usual | changed))


def told_at(digest: Digest, start: float, end: float) -> list[float]:
    """Return at which hours of the day a message is due, looking each minute; each reaches somebody."""
    hours = []
    for now_ns in range(at(start), at(end), MINUTE_NS):
        if digest.due(now_ns) is not None:
            hours.append((now_ns - DAY_NS) / HOUR_NS)
            digest.told()
    return hours


def test_nothing_waits_unless_somebody_says_so() -> None:
    """The defaults tell every alert at once."""
    digest = Digest(DigestConfig())

    assert [False] * 4 == [digest.hold(alert(level), at(3)) for level in AlertLevel]


@pytest.mark.parametrize(("below", "wait"), [("info", set()), ("medium", {INFO}), ("high", {INFO, MEDIUM})])
def test_by_day_only_what_is_below_the_level_waits(below: str, wait: set[AlertLevel]) -> None:
    """High and critical alerts never wait by day."""
    digest = nightly(below=below)

    assert wait == {level for level in AlertLevel if digest.hold(alert(level), at(12))}


def test_in_quiet_hours_only_a_critical_alert_is_told() -> None:
    """Its start belongs to them, its end does not."""
    digest = nightly(below="info")
    told = {
        hour: [level for level in AlertLevel if not digest.hold(alert(level), at(hour))]
        for hour in (21.9, 22, 5.9, 6)
    }

    assert {21.9: list(AlertLevel), 22: [CRITICAL], 5.9: [CRITICAL], 6: list(AlertLevel)} == told


def test_the_schedule_counts_from_its_first_time_of_the_day() -> None:
    """Every six hours from seven: at 7, 13 and 19; the one at 1 falls into the night and comes when it ends."""
    digest = nightly(every_s=21_600)
    hours = []
    for hour in range(24):
        digest.hold(alert(INFO), at(hour) + 1)
        hours += told_at(digest, hour + 1 / 60, hour + 1 + 1 / 60)

    assert [6, 7, 13, 19] == hours


def test_what_waited_through_the_night_comes_when_it_ends() -> None:
    """A high alert is due at once then, and takes those along that had time until seven."""
    digest = nightly()
    digest.hold(alert(INFO, "operator_pause"), at(20))
    digest.hold(alert(HIGH, "stale_data"), at(23))
    message = None
    assert [] == told_at(digest, 20, 24 + 6)
    message = digest.due(at(24 + 6))

    assert message is not None
    assert (HIGH, "digest", 2) == (message.level, message.code, message.context["alerts"])
    assert [
        "2 alerts waited, 2023-11-14 20:00 to 2023-11-14 23:00 UTC",
        "HIGH stale_data 2023-11-14 23:00: look",
        "INFO operator_pause 2023-11-14 20:00: look",
    ] == message.message.splitlines()


def test_alerts_of_one_kind_are_one_line() -> None:
    """With their number, their first subjects and the last text."""
    digest = nightly()
    for number in range(5):
        digest.hold(alert(MEDIUM, "reconciling", f"S{number}", f"text {number}"), at(12 + number))
    message = digest.due(at(24 + 7))

    assert message is not None
    assert (
        "MEDIUM reconciling x5 (S0, S1, S2 and 2 more) 2023-11-14 16:00: text 4"
        == message.message.splitlines()[1]
    )


def test_a_message_is_short_enough_for_every_service() -> None:
    """Whatever waited: Telegram takes 4,096 characters."""
    digest = nightly()
    for number in range(WAITING_MAX + 7):
        digest.hold(alert(INFO, f"{'c' * 40}{number % 60}", "S" * 24 + str(number), "t" * 900), at(12))
    message = digest.due(at(24 + 7))

    assert message is not None
    assert len(message.message) < 5_500
    assert "and 40 more kinds: meva controls alerts" in message.message
    assert "and 7 older ones, which the session file holds" in message.message


def test_a_message_that_reached_nobody_is_told_again() -> None:
    """With what came meanwhile, and not before its repetitions are over."""
    digest = nightly()
    digest.hold(alert(INFO, "one"), at(12))
    first = digest.due(at(24 + 7))
    digest.hold(alert(INFO, "two"), at(24 + 7.01))
    early = digest.due(at(24 + 7) + AGAIN_NS - 1)
    again = digest.due(at(24 + 7) + AGAIN_NS)

    assert first is not None
    assert early is None
    assert again is not None
    assert 2 == again.context["alerts"]


def test_what_came_while_a_message_was_on_its_way_waits_for_the_next() -> None:
    """Only what the message held is forgotten."""
    digest = nightly()
    digest.hold(alert(INFO, "one"), at(12))
    digest.due(at(24 + 7))
    digest.hold(alert(INFO, "two"), at(24 + 7.01))
    digest.told()

    assert ["two"] == [item.code for item in digest.waiting]
    assert [48 + 7] == told_at(digest, 24 + 8, 48 + 8)


def test_the_end_of_a_process_is_a_time_to_tell_but_not_at_night() -> None:
    """What may not be told then stays for the next process."""
    digest = nightly()
    digest.hold(alert(INFO), at(12))

    assert digest.due(at(13)) is None
    assert digest.due(at(23), at_once=True) is None
    assert digest.due(at(13), at_once=True) is not None
    assert digest.due(at(13), at_once=True) is None, "it is on its way"
    assert 1 == len(digest.waiting)


def test_what_waits_survives_a_restart() -> None:
    """The restored digest tells the same at the same time."""
    digest = nightly()
    digest.hold(alert(INFO, "one", "S", "text"), at(12))
    restored = nightly()
    restored.restore(digest.snapshot())

    assert digest.due(at(24 + 7)) == restored.due(at(24 + 7))
    assert restored.waiting == digest.waiting


@given(
    st.lists(st.tuples(st.sampled_from(AlertLevel), st.integers(0, 180)), max_size=60),
    st.sampled_from(["", "22:00-06:00", "00:00-23:59", "11:00-12:00"]),
    st.sampled_from(["info", "medium", "high"]),
    st.sampled_from([60, 3_600, 86_400]),
)
def test_nothing_is_lost_or_told_twice(
    raised: list[tuple[AlertLevel, int]], quiet_hours: str, below: str, every_s: int
) -> None:
    """Each alert is told at once or in exactly one message, and none but a critical one at night."""
    digest = nightly(quiet_hours=quiet_hours, below=below, every_s=every_s)
    at_once, together, now_ns = 0, 0, at(10)
    for level, minutes in (*raised, (INFO, 3_000)):
        for _ in range(minutes):
            now_ns += MINUTE_NS
            message = digest.due(now_ns)
            if message is not None:
                together += message.context["alerts"]
                digest.told()
                assert not digest.is_quiet(now_ns)
        waits = digest.hold(alert(level), now_ns)
        at_once += not waits
        assert waits or level is CRITICAL or not digest.is_quiet(now_ns)

    assert len(raised) + 1 == at_once + together + len(digest.waiting)


@pytest.mark.parametrize("changed", [{"at": "7"}, {"quiet_hours": "night"}])
def test_times_that_are_none_are_refused(changed: dict[str, str]) -> None:
    """Whoever skips the check of the configuration hears of it here."""
    with pytest.raises(ValueError, match="no times of day"):
        nightly(**changed)
