"""`meva simulate` from the command line: what it prints, what it refuses, and what it leaves behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest
from click.testing import CliRunner, Result

from meva_runners.simulate import main
from meva_runners.simulation.campaign import Campaign
from meva_runners.simulation.plan_file import read_plan
from meva_runners.simulation.seed_run import Job, SeedResult, run_seed

STRATEGY = """
from decimal import Decimal
from attrs import frozen
from meva_core.model.market import Side
from meva_core.signals.strategy import Signal

@frozen
class Mine:
    wish: str = "1"
    timeframe: str | None = None

    def features(self):
        return {}

    def acts(self, features, stance):
        return True

    def generate_signal(self, ctx):
        if self.wish == "raise":
            raise RuntimeError("no idea")
        return Signal(Side.BUY, Decimal(self.wish), "a wish")
"""


def run(*arguments: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(main, [*arguments, "--processes", "1"])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty current directory with a strategy in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "a_strategy_of_mine.py").write_text(STRATEGY)
    return tmp_path


def test_json_is_one_object_and_nothing_else(here: Path) -> None:
    """Figures, faults and branches, for machines."""
    finished = run("--seeds", "2", "--minutes", "1", "--json")

    figures = json.loads(finished.stdout)
    assert 0 == finished.exit_code
    assert (2, 4, 0, []) == tuple(figures[name] for name in ("seeds", "runs", "violations", "unequal_seeds"))
    assert figures["faults_fired"]


def test_people_get_tables(here: Path) -> None:
    """What ran, which faults fired, which branches of recovery were taken."""
    finished = run("--seed", "3", "--minutes", "2", "--once")

    assert 0 == finished.exit_code
    for word in ("submissions", "violations", "Faults that fired", "Branches of recovery that ran"):
        assert word in finished.stdout


def test_a_strategy_of_ones_own_is_tested(here: Path) -> None:
    """One that raises is switched off and alerted on; nothing is broken by it."""
    finished = run(
        *("--strategy", "a_strategy_of_mine:Mine", "--set", "strategy.wish=raise"),
        *("--seed", "1", "--minutes", "1", "--once", "--json"),
    )

    assert 0 == finished.exit_code, finished.output
    assert json.loads(finished.stdout)["branches_reached"]["alert strategy_failed"] >= 1


def test_a_strategy_that_wants_nan_breaks_nothing(here: Path) -> None:
    """No order leaves that nobody could mean."""
    finished = run(
        *("--strategy", "a_strategy_of_mine:Mine", "--set", "strategy.wish=NaN"),
        *("--seed", "1", "--minutes", "1", "--once", "--json"),
    )

    figures = json.loads(finished.stdout)
    assert (0, 0) == (finished.exit_code, figures["submissions"])


def test_a_failure_ends_with_status_one_and_a_plan_that_repeats_it(here: Path) -> None:
    """The plan file holds few faults; running it fails in the same way."""
    with (
        patch("meva_runners.simulation.checker.SUCCESSORS", {}),
        patch("meva_runners.commands.simulate_app.run_campaign", _in_this_process),
    ):
        finished = run("--seed", "1", "--minutes", "1", "--once", "--json")

    [failure] = json.loads(finished.stdout)["failures"]
    assert 1 == finished.exit_code
    assert failure["reproduce"].endswith("failure-1.json")
    assert read_plan(here / "failure-1.json").seed == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no fault plan"),
        ("[]", "no fault plan"),
        ('{"format": "meva fault plan 1", "faults": [["place", 0, "torn", 1]]}', "torn cannot happen to place"),
        ('{"format": "meva fault plan 1", "faults": [["jump", 0, "torn", 1]]}', "fault 0"),
        ('{"format": "meva fault plan 1", "faults": []}', "seed"),
    ],
    ids=["empty", "another", "impossible", "unknown", "incomplete"],
)  # fmt: skip
def test_a_plan_that_cannot_be_read_is_refused(here: Path, text: str, told: str) -> None:
    """With the file, what is wrong and what to do; status 3, no traceback."""
    (here / "plan.json").write_text(text)
    finished = run("--plan", "plan.json")

    assert 3 == finished.exit_code
    assert "plan.json" in finished.stderr
    assert told in finished.stderr
    assert "Traceback" not in finished.output


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["--plan", "missing.json"], 1, "missing.json"),
        (["--plan", "x.json", "--seed", "1"], 2, "--plan says which seed"),
        (["--set", "strategy.fast=1"], 3, "--strategy"),
        (["--strategy", "nobody:Knows"], 3, "nobody"),
        (["--seeds", "0"], 2, "--seeds"),
    ],
)
def test_impossible_combinations_are_refused(
    here: Path, arguments: list[str], status: int, told: str
) -> None:
    """One sentence that says what to do."""
    finished = run(*arguments)

    assert status == finished.exit_code
    assert told in finished.stderr
    assert "Traceback" not in finished.output


def _in_this_process(
    jobs: list[Job], *, on_result: Callable[[SeedResult], None], processes: int, twice: bool
) -> Campaign:
    """Run the jobs where a patched program is patched."""
    campaign = Campaign()
    for job in jobs:
        result = run_seed(job)
        on_result(result)
        campaign.take(result)
    return campaign


def test_a_strategy_that_sends_nothing_is_no_proof(here: Path) -> None:
    """Whoever waits for more than a seed holds hears that nothing was shown."""
    idle = run(
        "--seeds",
        "1",
        "--minutes",
        "1",
        "--strategy",
        "a_strategy_of_mine:Mine",
        "--set",
        "strategy.timeframe=1h",
    )
    busy = run("--seeds", "1", "--minutes", "1")

    assert "No order was sent" in idle.stdout
    assert "No order was sent" not in busy.stdout
