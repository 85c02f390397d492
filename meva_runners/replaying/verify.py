"""Prove that a recorded session's decisions are reproduced, or name the first that is not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
from attrs import frozen

from meva_adapters.feed.session_tape import SessionTape
from meva_adapters.settings import config_from_json
from meva_core.agent.orchestrator import AgentOrchestrator
from meva_core.agent.outbox import Outcome
from meva_core.errors import MevaError
from meva_core.ports.storage import JournalEntry
from meva_runners.composition import compose_agent
from meva_runners.replaying.options import ReplayOptions
from meva_runners.strategy_loading import configured_strategies


@frozen
class DifferenceError(MevaError):
    """Report the first event of a session from which something else follows now than was recorded."""

    source: str
    sequence: int
    event: str
    what: str
    recorded: str
    reproduced: str

    def __str__(self) -> str:
        return (
            f"{self.source}: event {self.sequence} differs in its {self.what}.\n"
            f"  event       {self.event}\n"
            f"  recorded    {self.recorded}\n"
            f"  reproduced  {self.reproduced}"
        )


def verify_session(options: ReplayOptions) -> None:
    """Feed every journaled event of the session to an agent made from its own configuration, and compare.

    Where old market events were retired it begins with the oldest checkpoint, and says so.
    """
    if len(options.tapes) != 1:
        raise click.UsageError("--verify needs exactly one session file")
    path = Path(options.tapes[0])
    with SessionTape(path) as tape:
        config = config_from_json(tape.header.config_json)
        before, checkpoint = tape.beginning()
        agent = compose_agent(config, configured_strategies(config), checkpoint=checkpoint)
        events = decisions = 0
        for entry in tape.entries(before):
            _compare(os.fspath(path), entry, agent.handle(entry.event))
            events += 1
            decisions += len(entry.decisions)
        _compare_results(os.fspath(path), agent, before + events, tape.results())
    since = (
        f" after the checkpoint of event {before:,}, up to which market data was retired," if before else ""
    )
    click.echo(
        f"Verified: {events:,} events{since} gave the same {decisions:,} decisions. "
        f"Decision hash {agent.decision_hash}"
    )


def _compare(source: str, entry: JournalEntry, outcome: Outcome) -> None:
    sides: tuple[tuple[str, Any, Any], ...] = (
        ("sequence", entry.sequence, outcome.sequence),
        ("decisions", entry.decisions, outcome.decisions),
        ("commands", entry.commands, outcome.commands),
        ("link", entry.link.hex(), outcome.link.hex()),
    )
    for what, recorded, reproduced in sides:
        if recorded != reproduced:
            raise DifferenceError(
                source, entry.sequence, repr(entry.event), what, _shown(recorded), _shown(reproduced)
            )


def _compare_results(source: str, agent: AgentOrchestrator, events: int, results: dict[str, str]) -> None:
    """Hold the final hashes against the recorded ones; a session that was cut off has none."""
    agent.finish()
    for name, reproduced in (("decision_hash", agent.decision_hash), ("state_hash", agent.state_hash())):
        recorded = results.get(name, reproduced)
        if recorded != reproduced:
            raise DifferenceError(source, events, "the end", name, recorded, reproduced)


def _shown(side: Any) -> str:
    if isinstance(side, tuple):
        return "; ".join(map(str, side)) or "nothing"
    return str(side)
