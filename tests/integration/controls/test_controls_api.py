"""What an operator asks for is decided by the agent, durable before it is answered, and part of every replay."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from meva_adapters.controls.access import Scope
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.commands import CancelAllOrders
from meva_core.errors import StorageError
from meva_core.events import AlertAcknowledgeRequested, KillRequested, PauseRequested
from meva_core.model.market import NS_PER_SECOND
from meva_core.model.state import Gate
from meva_runners.commit_then_act import recover
from meva_runners.composition import ConfiguredStrategy, compose_agent
from tests.integration.controls.controls_case import Desk, served
from tests.integration.test_kill_switch_flow import Always


async def test_z6_a_pause_is_journaled_before_it_is_answered(tmp_path: Path) -> None:
    """The event stands in the session file, with who and why, when the answer arrives."""
    async with served(tmp_path) as (desk, client):
        desk.trade()
        status, answer = await client.post("/v1/pause", Scope.STOP, reason="lunch")
        written = [entry.event for entry in desk.session.entries()]

    assert (200, "OPEN", "PAUSED") == (status, answer["gate_before"], answer["gate_after"])
    paused = [event for event in written if isinstance(event, PauseRequested)]
    assert [("r-1", "ann by stop-token", "lunch")] == [(e.request_id, e.actor, e.reason) for e in paused]


async def test_a_kill_takes_open_orders_off_the_venue(tmp_path: Path) -> None:
    """The cancel-all reaches the venue, and nothing is placed afterwards."""
    async with served(tmp_path) as (desk, client):
        for _ in range(3):
            desk.trade()
        before = len(desk.venue.open_orders())
        status, answer = await client.post("/v1/kill", Scope.STOP)
        desk.trade()

        assert (200, "KILLED") == (status, answer["gate_after"])
        assert 3 == before
        assert () == desk.venue.open_orders()
        assert any(isinstance(command, CancelAllOrders) for command in desk.performed)


async def test_z6_a_repeated_request_gets_the_same_answer_and_happens_once(tmp_path: Path) -> None:
    """An operator who presses twice causes one event."""
    async with served(tmp_path) as (desk, client):
        first = await client.post("/v1/kill", Scope.STOP, request_id="k")
        second = await client.post("/v1/kill", Scope.STOP, request_id="k")
        kills = [entry for entry in desk.session.entries() if isinstance(entry.event, KillRequested)]

    assert first == second
    assert 1 == len(kills)


@pytest.mark.parametrize("trades", [1, 150])
async def test_z6_a_repeated_request_gets_the_same_answer_after_a_restart(
    trades: int, tmp_path: Path
) -> None:
    """The answers are derived from the journal, or from the checkpoint that came after it (150 events)."""
    async with served(tmp_path) as (desk, client):
        first = await client.post("/v1/pause", Scope.STOP, request_id="p")
        _, paused = first
        refused = await client.post("/v1/resume", request_id="r", expected_epoch=paused["gate_epoch"] - 1)
        await client.post("/v1/resume", request_id="again", expected_epoch=paused["gate_epoch"])
        for _ in range(trades):
            desk.trade()
        desk.process.commit()
    async with served(tmp_path) as (desk, client):
        again = await client.post("/v1/pause", Scope.STOP, request_id="p")
        refused_again = await client.post("/v1/resume", request_id="r", expected_epoch=0)
        gate = desk.desk.status().gate.state
        pauses = [entry for entry in desk.session.entries() if isinstance(entry.event, PauseRequested)]

    assert first == again
    assert refused == refused_again
    assert "OPEN" == gate
    assert 1 == len(pauses)


async def test_z6_going_on_needs_the_current_epoch(tmp_path: Path) -> None:
    """Who saw an older gate is refused; who looked again is not."""
    async with served(tmp_path) as (_, client):
        _, paused = await client.post("/v1/pause")
        refused, answer = await client.post("/v1/resume", expected_epoch=paused["gate_epoch"] - 1)
        granted, resumed = await client.post("/v1/resume", expected_epoch=paused["gate_epoch"])

    assert (409, 200) == (refused, granted)
    assert "look again" in answer["refusal"]
    assert "OPEN" == resumed["gate_after"]


async def test_z3_the_budget_is_lowered_with_less_trust_than_it_is_raised(tmp_path: Path) -> None:
    """Lowering needs the budget scope, raising the arm scope, and nobody passes the configured ceiling."""
    async with served(tmp_path) as (_, client):
        _, status = await client.get("/v1/status")
        epoch = status["gate"]["epoch"]
        lowered, _ = await client.post("/v1/budget", Scope.BUDGET, budget="500", expected_epoch=epoch)
        raised, _ = await client.post("/v1/budget", Scope.BUDGET, budget="600", expected_epoch=epoch)
        armed, _ = await client.post("/v1/budget", Scope.ARM, budget="600", expected_epoch=epoch)
        beyond, answer = await client.post("/v1/budget", Scope.ARM, budget="100001", expected_epoch=epoch)
        _, after = await client.get("/v1/status")

    assert (200, 403, 200, 409) == (lowered, raised, armed, beyond)
    assert "configured" in answer["refusal"]
    assert "600" == after["risk_budget"]


async def test_every_order_can_be_explained(tmp_path: Path) -> None:
    """`why` gives the signal, the verdict, the order and what became of it, in this order."""
    async with served(tmp_path) as (desk, client):
        desk.trade()
        _, listed = await client.get("/v1/orders")
        name = listed["orders"][0]["client_order_id"]
        _, why = await client.get(f"/v1/orders/{name}/why")

    assert ["signal", "risk", "submit", "update"] == [line["kind"] for line in why["decisions"]]
    assert "always" in why["decisions"][0]["text"]


async def test_a_recovered_agent_remembers_the_operators_hand(tmp_path: Path) -> None:
    """A replay of the session file includes what the operator did."""
    async with served(tmp_path) as (desk, client):
        desk.trade()
        await client.post("/v1/kill", Scope.STOP)
        link = desk.process.agent.decision_hash
    session = SqliteSession.open(tmp_path / "session.db")
    strategy = ConfiguredStrategy("sma_cross", Always(Decimal(29900), Decimal("0.01")))
    agent = recover(session, lambda memory: compose_agent(desk.settings, [strategy], checkpoint=memory))
    session.close()

    assert Gate.KILLED is agent.state().runtime_flags.gate
    assert link == agent.decision_hash


async def test_what_is_not_durable_is_not_answered_as_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fails gives 503, never 200."""

    def fail(_: Desk) -> None:
        raise StorageError("session", "disk full", "make room")

    async with served(tmp_path) as (desk, client):
        monkeypatch.setattr(type(desk.process), "commit", fail)
        status, answer = await client.post("/v1/pause")

    assert 503 == status
    assert "durable" in answer["problem"]


async def test_health_says_503_while_the_agent_would_not_trade(tmp_path: Path) -> None:
    """A probe needs no knowledge of the answer's body."""
    async with served(tmp_path) as (desk, client):
        desk.trade()
        await client.post("/v1/pause")
        status, answer = await client.get("/v1/health")

    assert 503 == status
    assert "paused" == answer["health"]["status"]


async def test_liveness_is_about_the_loop_and_not_about_trading(tmp_path: Path) -> None:
    """A paused agent lives; one whose loop has not beaten for more than two seconds does not."""
    async with served(tmp_path) as (desk, client):
        desk.trade()
        await client.post("/v1/pause")
        alive, _ = await client.get("/v1/live")
        desk.now_ns += 2 * NS_PER_SECOND + 1_000_000
        dead, answer = await client.get("/v1/live")

    assert (200, 503) == (alive, dead)
    assert {"alive": False, "heartbeat_age_ms": 2_001} == answer


async def test_an_acknowledged_alert_says_who_has_seen_it_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    """The acknowledgement is journaled like every wish; read scope is not enough for it."""
    async with served(tmp_path) as (desk, client):
        desk.trade()
        await client.post("/v1/kill")
        seen = {"code": "kill_switch", "subject": ""}
        forbidden, _ = await client.post("/v1/acknowledge", Scope.READ, **seen)
        wrong, answer = await client.post("/v1/acknowledge", Scope.STOP, code="kill_swich", subject="")
        granted, _ = await client.post("/v1/acknowledge", Scope.STOP, **seen)
        _, shown = await client.get("/v1/alerts")
        written = [entry.event for entry in desk.session.entries()]

    assert (403, 409, 200) == (forbidden, wrong, granted)
    assert "no alert kill_swich stands" == answer["refusal"]
    [alert] = [item for item in shown["alerts"] if item["code"] == "kill_switch"]
    assert (True, "ann by stop-token") == (alert["stands"], alert["acknowledged_by"])
    acknowledged = [event for event in written if isinstance(event, AlertAcknowledgeRequested)]
    assert ["kill_swich", "kill_switch"] == [event.code for event in acknowledged]
