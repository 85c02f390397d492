"""A venue that says what nobody understands is told of to a person, once, and the agent trades on."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from pathlib import Path

from meva_adapters.transport.http import HttpTransport
from tests.integration.alerts.test_alert_channels import receiving
from tests.sandbox.agent_process import EAGER, started, wait_for
from tests.sandbox.real_venue import ARM, VARIABLES, RealVenue, real_venue
from tests.sandbox.test_alerts_e2e import heard

KINDS = ("unknown_frame", "malformed_frame", "unknown_user_event", "malformed_user_event")
NONSENSE = (
    ("market", '{"e":"newEvent","s":"BTCUSDT"}'),
    ("market", '{"e":"trade","s":"BTCUSDT","t":'),
    ("user", '{"event":{"e":"newEvent"}}'),
    ("user", '{"event":{"e":["executionReport"]}}'),
)


async def say(venue: RealVenue, scope: str, text: str) -> None:
    """Have the venue send *text* to every connection of *scope*."""
    fault = {"kind": "frame", "scope": scope, "message": text}
    async with (
        HttpTransport() as transport,
        transport.session.post(f"{venue.url}/faults", json=fault) as answer,
    ):
        assert 200 == answer.status, await answer.text()


async def test_unknown_events_and_malformed_frames_call_a_person_and_stop_nothing(tmp_path: Path) -> None:
    """Each kind reaches a real receiver once, however often it comes; fills go on afterwards, and all verifies."""
    with real_venue("--balance", "USDT=100000") as venue:
        settings = venue.settings(tmp_path, "live")
        arguments = ("--env", "dev", "-c", settings, *EAGER, "--arm", ARM)
        async with receiving() as receiver:
            hook = {"MEVA_TEST_ALERTS": receiver.address}
            with started("live", tmp_path, *arguments, **(VARIABLES | hook)) as agent:
                client = await asyncio.to_thread(agent.controls)
                before = await asyncio.to_thread(wait_for, client, lambda status: status["fills"])
                for _ in range(5):
                    for scope, text in NONSENSE:
                        await say(venue, scope, text)
                await heard(receiver, "venue_anomaly")
                await asyncio.to_thread(
                    wait_for, client, lambda status: [x for x in status["fills"] if x not in before["fills"]]
                )
                status = await asyncio.to_thread(agent.end, signal.SIGTERM)
        told = [body for body in receiver.bodies if body["code"] == "venue_anomaly"]

    assert 0 == status, agent.errors
    assert Counter(KINDS) == Counter(body["subject"] for body in told)
    assert {"medium"} == {body["level"] for body in told}
    assert "Traceback" not in agent.errors
    assert agent.verified()
