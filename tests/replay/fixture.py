"""Replay the canonical recording, and refresh on purpose what is expected of it: `python -m tests.replay.fixture`.

The recording is a random walk of 5,000 trades, written once by `write_trades(rows=5000, seed=7)` and packed. When a
decision is meant to change, run the command, read the difference, and say in the commit why it is right.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from meva_runners.replaying.run import ReplayRun
from meva_runners.run_result import RunFacts
from tests.replay.case import config, strategies, tapes

FIXTURES = Path(__file__).parent / "fixtures"
RECORDING = FIXTURES / "walk.csv.gz"
EXPECTED = FIXTURES / "walk.expected.json"


def replayed() -> dict[str, Any]:
    """Return what the agent makes of the recording today."""
    settings = config()
    run = ReplayRun(settings, strategies(fast=5, slow=20))
    recording = tapes(settings, [RECORDING])
    run.replay(recording)
    agent = run.driver.agent
    state = agent.state()
    facts = RunFacts(config_hash="", tape_hash=recording[0].digest, source="", symbols=())
    result = run.result(facts)
    return {
        "tape_hash": result.tape_hash,
        "events": result.events,
        "orders": result.summary.orders,
        "fills": result.summary.fills,
        "decisions": state.sequence.decisions,
        "decision_hash": agent.decision_hash,
        "state_hash": agent.state_hash(),
        "final_equity": f"{agent.account.equity:f}",
        "max_drawdown": f"{agent.account.max_drawdown:f}",
        "fees": f"{state.pnl.fees:f}",
    }


if __name__ == "__main__":
    EXPECTED.write_text(json.dumps(replayed(), indent=1) + "\n", encoding="utf-8")
