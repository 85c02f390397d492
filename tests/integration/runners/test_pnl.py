"""The results of a session are told by either method, and its days are explained."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from meva_runners.pnl import main as pnl
from meva_runners.replay import main as replay


@pytest.mark.parametrize("method", ["fifo", "average"])
def test_the_results_of_the_bundled_tape_agree_with_the_replay(tmp_path: Path, method: str) -> None:
    """Realised and unrealised, less fees, is what the account gained; each day sums exactly."""
    directory = tmp_path / "sessions"
    directory.mkdir(mode=0o700)
    path = directory / "one.db"
    told = json.loads(CliRunner().invoke(replay, ["--session", str(path), "--json"]).stdout)
    finished = CliRunner().invoke(pnl, [str(path), "--method", method, "--json"])
    assert 0 == finished.exit_code, finished.stderr
    results: dict[str, Any] = json.loads(finished.stdout)
    earned = sum(Decimal(line["realized"]) for line in results["lines"])
    earned += sum(Decimal(each["amount"]) for each in results["unrealized"])
    dates = [day.pop("day") for day in results["days"]]
    days = [{name: Decimal(amount) for name, amount in day.items()} for day in results["days"]]

    gained = Decimal(told["final_equity"]) - 100_000
    assert gained + Decimal(told["fees"]) == earned
    assert 20 == sum(line["fills"] for line in results["lines"])
    assert ["2026-03-02", "2026-03-03", "2026-03-04"] == dates
    for day in days:
        parts = ("opening", "price", "fees", "costs", "transfers")
        assert day["closing"] == sum(day[name] for name in parts)
    shown = CliRunner().invoke(pnl, [str(path)]).stdout
    assert "Why equity changed" in shown
    assert "…" not in shown  # An amount that is cut is not exact.
