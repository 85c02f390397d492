"""Whoever wants trading to go on after a stop waits for one comparison with the venue, and keeps no cancel waiting."""

from __future__ import annotations

from typing import Any

import pytest

from meva_core.commands import CancelAllOrders
from meva_core.events import (
    KillReleaseRequested,
    KillRequested,
    OrderAcknowledged,
    PauseRequested,
    ResumeRequested,
    TimerFired,
)
from meva_core.model.state import Gate
from tests.unit.agent.test_venue_watch import Bench, at, wanted


@pytest.mark.parametrize(
    ("stop", "go"), [(PauseRequested, ResumeRequested), (KillRequested, KillReleaseRequested)]
)
def test_who_wants_to_go_on_need_not_wait_for_the_next_comparison(stop: Any, go: Any) -> None:
    """A request that only a comparison is missing for has it made at once, and is granted when it is repeated."""
    bench = Bench()
    bench.hear(stop(at(2), "k", "ann", "enough"))
    first, asked = bench.asked(go(at(4), "r-1", "ann", bench.epoch))
    second, at_once = bench.asked(go(at(4.1), "r-2", "ann", bench.epoch))
    bench.agree(4.2)
    third, no_more = bench.asked(go(at(4.3), "r-3", "ann", bench.epoch))

    assert (True, True, "") == (bool(first), bool(second), third)
    assert (1, 0, 0) == (len(asked), len(at_once), len(no_more))
    assert Gate.OPEN is bench.gate


def test_a_hastened_comparison_delays_no_cancel() -> None:
    """Whoever asks for the release of a kill again and again keeps nobody from repeating the cancels."""
    bench = Bench()
    order = bench.placed(1)
    bench.hear(OrderAcknowledged(at(1.1), order.request.client_order_id, "v1"))
    bench.hear(KillRequested(at(2), "k", "ann", "enough"))
    refusals = {bench.release(2 + tenths / 10) for tenths in range(1, 20)}
    again = wanted(bench.hear(TimerFired(at(4), "venue_watch")), CancelAllOrders)

    assert {"the venue has not confirmed yet that every order is cancelled"} == refusals
    assert 1 == len(again)
