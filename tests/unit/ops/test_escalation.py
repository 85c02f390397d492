"""A loud alert is told again until somebody says that it is seen, or until its cause is gone."""

from __future__ import annotations

from meva_core.commands import AlertLevel
from meva_core.model.market import NS_PER_SECOND
from meva_core.ops.alerts import AlertService
from meva_core.ops.escalation import Escalation

MINUTE_NS = 60 * NS_PER_SECOND


def raised(*levels: AlertLevel) -> AlertService:
    """Return a service that has told one cause per level, coded by it."""
    service = AlertService()
    for level in levels:
        assert service.trigger(level, level.value, "look", time_ns=0, subject="s") is not None
    return service


def told(service: AlertService, escalation: Escalation, minutes: int) -> list[tuple[int, str]]:
    """Return at which minute which code is told again."""
    return [
        (minute, alert.code)
        for minute in range(minutes)
        for alert in escalation.due(service.standing(), minute * MINUTE_NS)
    ]


def test_only_what_is_loud_is_told_again_every_five_minutes_as_critical() -> None:
    """Information and warnings wait for whoever looks."""
    service = raised(*AlertLevel)
    escalation = Escalation()

    assert [(5, "high"), (5, "critical"), (10, "high"), (10, "critical")] == told(service, escalation, 12)
    [alert, _] = Escalation(after_ns=0).due(service.standing(), 7 * MINUTE_NS)
    assert (AlertLevel.CRITICAL, "s", "not acknowledged for 7 min: look") == (
        alert.level,
        alert.subject,
        alert.message,
    )


def test_an_acknowledged_or_ended_cause_is_left_alone() -> None:
    """Each of the two is enough."""
    service = raised(AlertLevel.HIGH, AlertLevel.CRITICAL)
    seen = service.acknowledge("high", "s", actor="ann")
    service.clear("critical", "s")

    assert seen
    assert [] == told(service, Escalation(), 30)
    assert ["ann"] == [item.acknowledged_by for item in service.standing()]


def test_what_is_acknowledged_stays_so_over_a_restart_and_ends_with_its_cause() -> None:
    """The memory carries it; when the cause returns, it is news again."""
    service = raised(AlertLevel.HIGH)
    service.acknowledge("high", "s", actor="ann")
    restored = AlertService()
    restored.restore(service.snapshot())
    remembered = restored.standing() == service.standing()
    restored.clear("high", "s")
    restored.trigger(AlertLevel.HIGH, "high", "look", time_ns=0, subject="s")

    assert remembered
    assert [(5, "high")] == told(restored, Escalation(), 8)


def test_what_does_not_stand_cannot_be_acknowledged() -> None:
    """A mistyped code is no acknowledgement."""
    assert not raised(AlertLevel.HIGH).acknowledge("hihg", "s", actor="ann")


def test_a_flood_is_told_in_pieces() -> None:
    """A hundred causes are ten messages at a look, and nothing is forgotten."""
    service = AlertService()
    for number in range(25):
        service.trigger(AlertLevel.CRITICAL, "order_unknown", "look", time_ns=0, subject=str(number))
    escalation = Escalation(after_ns=MINUTE_NS)
    looks = [
        len(escalation.due(service.standing(), second * NS_PER_SECOND)) for second in (0, 60, 61, 62, 63)
    ]

    assert [0, 10, 10, 5, 0] == looks
