"""A checkpoint of an older program leads on; one that cannot be read is refused in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from meva_adapters.contracts.storage_samples import HEADER, timer
from meva_adapters.storage.codec import decode, encode
from meva_adapters.storage.memory import MemorySession
from meva_core.agent.orchestrator import AgentOrchestrator
from meva_core.errors import StorageError
from meva_core.ports.exchange import VenueCapabilities
from meva_runners.commit_then_act import recover
from meva_runners.composition import ConfiguredStrategy, compose_agent
from tests.replay.case import config
from tests.unit.agent.test_venue_watch import Bench, BuyMore

# What checkpoints did not hold before sessions of schema 3.
ADDED = (
    ("venue_watch", "hastened_ns"),
    ("venue_watch", "unanswered"),
    ("connections", "anomalies"),
    ("market_watch", "breaks"),
)


def compose(checkpoint: Mapping[str, Any] | None) -> AgentOrchestrator:
    """Build the agent of a bench, from *checkpoint* where one is given."""
    return compose_agent(
        config(),
        [ConfiguredStrategy("sma_cross", BuyMore())],
        checkpoint=checkpoint,
        capabilities=VenueCapabilities(request_window_ms=5_000),
    )


def checkpoint() -> dict[str, Any]:
    """Return the memory of an agent that has handled a trade."""
    bench = Bench()
    bench.trade(1)
    memory: dict[str, Any] = decode(encode(bench.agent.checkpoint()), source="here")
    return memory


def session_of(memory: dict[str, Any]) -> MemorySession:
    """Return a session whose newest checkpoint is *memory*."""
    session = MemorySession(HEADER)
    session.append(timer(1))
    session.save(1, memory)
    return session.reopened()


def test_a_checkpoint_of_an_older_program_leads_on() -> None:
    """What it does not know yet begins as in a new agent."""
    memory = checkpoint()
    for part, name in ADDED:
        del memory[part][name]
    agent = recover(session_of(memory), compose)

    again = agent.checkpoint()
    assert [0, 0, {}, {}] == [again[part][name] for part, name in ADDED]


def test_a_checkpoint_that_cannot_be_read_is_refused_in_words() -> None:
    """Whoever starts the wrong program hears what is missing and what to do."""
    memory = checkpoint()
    del memory["orders"]["last_decision"]

    with pytest.raises(StorageError, match=r"checkpoint at event 1 .* 'last_decision' is missing"):
        recover(session_of(memory), compose)
