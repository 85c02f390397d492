"""The dead-man switch is armed before the first order, refreshed, complained about once, and taken off at the end."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from meva_core.commands import AlertLevel, RaiseAlert
from meva_core.errors import VenueRefusedError, VenueUnknownError
from meva_runners.exit_status import PreflightError
from meva_runners.trading.dead_man import DEAD_MAN_SWITCH, DeadManGuard

TIMEOUT_S = 1


class Switch:
    """Stand for a venue that answers or does not, and remember what was asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.failure: Exception | None = None

    async def arm_dead_man_switch(self, timeout_s: int) -> None:
        self.asked.append(timeout_s)
        if self.failure is not None:
            raise self.failure


def guarding(switch: Switch) -> tuple[DeadManGuard, list[RaiseAlert]]:
    """Return a guard of *switch*, and where its alerts go."""
    alerts: list[RaiseAlert] = []
    return DeadManGuard(switch, TIMEOUT_S, on_alert=alerts.append), alerts


async def kept(guard: DeadManGuard, seconds: float) -> None:
    """Let *guard* keep the switch for so long."""
    with suppress(TimeoutError):
        await asyncio.wait_for(guard.keep(), seconds)


async def test_it_is_armed_at_once_three_times_within_its_timeout_and_taken_off() -> None:
    """One call before the first order, one each third of the time-out, and a 0 at the end; nobody is called."""
    switch = Switch()
    guard, alerts = guarding(switch)
    await guard.begin()
    await kept(guard, 0.9 * TIMEOUT_S)
    await guard.end()

    assert [TIMEOUT_S, TIMEOUT_S, TIMEOUT_S, 0] == switch.asked
    assert [] == alerts


@pytest.mark.parametrize(
    "failure",
    [VenueRefusedError("v", "EGeneral:Permission denied", "no"), VenueUnknownError("v", "x", "silence")],
)
async def test_without_it_nothing_starts(failure: Exception) -> None:
    """A key that may not arm it, or a venue that says nothing, is told with what to do."""
    switch = Switch()
    switch.failure = failure
    guard, _ = guarding(switch)

    with pytest.raises(PreflightError, match="the dead-man switch was not armed"):
        await guard.begin()
    assert [TIMEOUT_S] == switch.asked[:1]
    assert [0] * isinstance(failure, VenueUnknownError) == switch.asked[1:], (
        "it may be armed: it is taken off"
    )


async def test_trouble_is_told_once_and_so_is_its_end() -> None:
    """However many refreshes fail, one loud alert leaves; the next success says that it may have fired."""
    switch = Switch()
    guard, alerts = guarding(switch)
    await guard.begin()
    switch.failure = VenueUnknownError("v", "CancelAllOrdersAfter", "silence")
    await kept(guard, 1.2 * TIMEOUT_S)
    failed = len(switch.asked) - 1
    switch.failure = None
    await kept(guard, 0.5 * TIMEOUT_S)

    assert failed >= 3
    assert [AlertLevel.HIGH, AlertLevel.INFO] == [alert.level for alert in alerts]
    assert {DEAD_MAN_SWITCH} == {alert.code for alert in alerts}
    assert "the venue cancels every order" in alerts[0].message
    assert "it may have fired meanwhile" in alerts[1].message


async def test_a_short_trouble_says_that_it_has_not_fired() -> None:
    """One lost call leaves it armed by the call before."""
    switch = Switch()
    guard, alerts = guarding(switch)
    await guard.begin()
    switch.failure = VenueUnknownError("v", "CancelAllOrdersAfter", "silence")
    await kept(guard, 0.4 * TIMEOUT_S)
    switch.failure = None
    await kept(guard, 0.5 * TIMEOUT_S)

    assert ["it has not fired"] == [alert.message.rpartition(": ")[2] for alert in alerts[1:]]


async def test_a_switch_that_stays_on_against_our_wish_is_told() -> None:
    """What was to stay at the venue will be cancelled by it: a person should know."""
    switch = Switch()
    guard, alerts = guarding(switch)
    await guard.begin()
    switch.failure = VenueUnknownError("v", "CancelAllOrdersAfter", "silence")
    await guard.end()

    [alert] = alerts
    assert "was not taken off" in alert.message
