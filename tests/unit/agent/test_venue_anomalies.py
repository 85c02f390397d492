"""A person is told of what a venue says and nobody understands: once per kind, again after an hour of quiet."""

from __future__ import annotations

from meva_adapters.storage.codec import decode, encode
from meva_core.commands import AlertLevel, RaiseAlert
from meva_core.events import VenueAnomalyDetected
from meva_core.ports.exchange import VenueCapabilities
from meva_runners.composition import ConfiguredStrategy, compose_agent
from tests.replay.case import config
from tests.unit.agent.test_venue_watch import Bench, BuyMore, at, wanted


def alerts(bench: Bench, second: float, kind: str, *, count: int = 1) -> list[RaiseAlert]:
    """Let an anomaly be noticed, and return the alerts that it leads to."""
    event = VenueAnomalyDetected(at(second), kind, "'newEvent'", count)
    return wanted(bench.hear(event), RaiseAlert)


def test_an_anomaly_calls_a_person_once_and_stops_no_order() -> None:
    """The alert names kind, number and newest case; the next of the kind adds nothing, another kind does."""
    bench = Bench()
    [told] = alerts(bench, 1, "unknown_frame", count=3)

    assert (AlertLevel.MEDIUM, "venue_anomaly", "unknown_frame") == (told.level, told.code, told.subject)
    assert "3 times" in told.message
    assert "'newEvent'" in told.message
    assert [] == alerts(bench, 2, "unknown_frame")
    assert 1 == len(alerts(bench, 3, "malformed_frame"))
    assert 1 == len(bench.trade(4))


def test_after_an_hour_of_quiet_it_is_news_again() -> None:
    """One that goes on for hours is told once; what comes back later is told again."""
    bench = Bench()
    told = [len(alerts(bench, 1 + 1_800 * half, "unknown_frame")) for half in range(4)]

    assert [1, 0, 0, 0] == told
    assert 1 == len(alerts(bench, 1 + 1_800 * 3 + 3_600, "unknown_frame"))


def test_what_was_told_is_remembered_across_a_restart() -> None:
    """An agent that continues from a checkpoint does not tell it again, and knows when it was last seen."""
    bench = Bench()
    alerts(bench, 1, "unknown_frame")
    bench.agent = compose_agent(
        config(),
        [ConfiguredStrategy("sma_cross", BuyMore())],
        checkpoint=decode(encode(bench.agent.checkpoint()), source="test"),
        capabilities=VenueCapabilities(request_window_ms=5_000),
    )

    assert [] == alerts(bench, 2, "unknown_frame")
    assert 1 == len(alerts(bench, 3_602, "unknown_frame"))
