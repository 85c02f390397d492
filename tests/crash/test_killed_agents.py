"""An agent whose process is killed at any moment recovers to the very state of its last commit (R2, I1, I19)."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random

import pytest

from meva_adapters.feed.session_tape import SessionTape
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.agent.orchestrator import AgentOrchestrator
from meva_core.errors import StorageError
from meva_core.ports.storage import LedgerRow
from meva_runners.commit_then_act import recover
from meva_runners.composition import instruments_of
from meva_runners.sessions.ledger_rows import ledger_rows
from tests.crash import trader
from tests.crash.test_killed_processes import nursery
from tests.replay.case import config

KILLS_PER_FILE = 10
# Composing an agent takes some 10 ms, recovering one as long again; most are killed amid their trading.
LIFE_S_MAX = 0.4


class Undisturbed:
    """Be the agent that nobody kills, run up to any later event."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Start with the first event."""
        self.agent = trader.compose(None)
        self.postings: list[LedgerRow] = []

    def run_to(self, sequence: int) -> None:
        """Handle the events up to *sequence*, and collect what they book."""
        if self.agent.sequence > sequence:
            self.begin()
        while self.agent.sequence < sequence:
            outcome = self.agent.handle(trader.next_event(self.agent))
            self.postings += ledger_rows(outcome, instruments_of(config()))


def hashes(agent: AgentOrchestrator) -> tuple[str, str]:
    """Return state and decision hash."""
    return agent.state_hash(), agent.decision_hash


def recovered(path: Path) -> AgentOrchestrator | None:
    """Return the agent that a new process would have; `None` where the making of the session was cut off."""
    try:
        session = SqliteSession.open(path)
    except StorageError as problem:
        if "was only begun" not in str(problem) and "does not exist" not in str(problem):
            raise
        path.unlink(missing_ok=True)
        return None
    try:
        return recover(session, trader.compose)
    finally:
        session.abandon()


def followed(tape: SessionTape) -> AgentOrchestrator:
    """Return the agent that follows from what the file still holds."""
    before, checkpoint = tape.beginning()
    agent = trader.compose(checkpoint)
    for entry in tape.entries(before):
        agent.handle(entry.event)
    return agent


def kill(
    count: int, folder: Path, *, seed: int, life_s_max: float = LIFE_S_MAX
) -> tuple[list[str], int, int, int]:
    """Kill so many agents; return what is wrong, and how many events were compared, orders held, events retired."""
    draw, wrong, events, orders, told, retired = Random(seed), [], 0, 0, 0, 0
    undisturbed = Undisturbed()
    with nursery(trader.__name__) as processes:
        for number in range(count):
            path = folder / f"agent-{number // KILLS_PER_FILE}.db"
            if number % KILLS_PER_FILE == 0:
                told = 0
            told = processes.killed(path, life_s=draw.uniform(0, life_s_max)) or told
            agent = recovered(path)
            found = 0 if agent is None else agent.sequence
            if found < told:
                wrong.append(f"{path.name}: told of event {told}, recovered at {found}")
            if agent is not None:
                undisturbed.run_to(found)
                if hashes(agent) != hashes(undisturbed.agent):
                    wrong.append(f"{path.name}: another state at event {found}")
                with SessionTape(path) as tape:
                    if list(tape.ledger()) != undisturbed.postings:
                        wrong.append(f"{path.name}: another ledger at event {found}")
                    retired = max(retired, tape.beginning()[0])
                    if hashes(followed(tape)) != hashes(agent):
                        wrong.append(
                            f"{path.name}: another state at event {found}, from its oldest checkpoint"
                        )
            told, events = found, events + found
            orders += 0 if agent is None else agent.state().sequence.decisions
    return wrong, events, orders, retired


def test_killed_agents_recover_their_state(tmp_path: Path) -> None:
    """A sample of six kills: nothing lost; hashes and ledger equal those of a life without death."""
    # A crowded machine gives them little of their time.
    wrong, events, orders, _ = kill(6, tmp_path, seed=1, life_s_max=4 * LIFE_S_MAX)

    assert [] == wrong
    assert events > 0
    assert orders > 0


@pytest.mark.prove
def test_a_thousand_killed_agents_recover_their_state(tmp_path: Path) -> None:
    """R2: a thousand SIGKILLs."""
    started = time.perf_counter()
    wrong, events, orders, retired = kill(1_000, tmp_path, seed=2)
    print(
        f"1,000 SIGKILLs of agents in {time.perf_counter() - started:.0f} s: {len(wrong)} recovered otherwise;"
        f" {events:,} events and {orders:,} decisions compared, market events retired up to {retired:,}"
    )

    assert [] == wrong
    assert retired
