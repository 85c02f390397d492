"""What `meva new` writes works as far as it claims: a strategy trades, an adapter is proven in nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from meva_runners.new import main

ROOT = Path(__file__).resolve().parents[3]


def new(*arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, arguments)


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run Python in *folder*, as whoever wrote the files does."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


def test_a_new_strategy_trades_at_once_and_passes_its_test(tmp_path: Path) -> None:
    """Both files are written, the test passes, and the command that is named next works."""
    done = new("strategy", "above_mean", "--out", str(tmp_path))
    tested = run(tmp_path, "pytest", "-q", "-p", "no:cacheprovider")
    replayed = run(tmp_path, "meva_runners.replay", "--strategy", "above_mean:AboveMean", "--json")

    assert 0 == done.exit_code, done.output
    assert ["above_mean.py", "test_above_mean.py"] == sorted(path.name for path in tmp_path.glob("*.py"))
    assert "meva replay --strategy above_mean:AboveMean" in done.stderr
    assert "Its test: python -m pytest test_above_mean.py\n" in done.stderr
    assert 0 == tested.returncode, tested.stdout
    assert json.loads(replayed.stdout)["fills"] > 0


def test_who_has_no_pytest_is_told_what_its_test_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra `contracts` brings it, from a clone."""
    monkeypatch.setattr("meva_runners.commands.new_app.find_spec", lambda _: None)
    done = new("strategy", "above_mean", "--out", str(tmp_path))

    assert "(needs pytest: pip install '.[contracts]' in a clone of meva)" in done.stderr


def test_a_new_adapter_claims_nothing_and_its_test_fails_until_it_is_written(tmp_path: Path) -> None:
    """Every case is NOT PROVEN with what to write first; strictly, and in its own tests, that is a failure."""
    done = new("adapter", "corner", "--out", str(tmp_path))
    checked = run(tmp_path, "meva_runners.adapter", "check", "corner_harness:harness", "--json", "--strict")
    tested = run(tmp_path, "pytest", "-q", "-p", "no:cacheprovider")
    counts = json.loads(checked.stdout)["counts"]

    assert 0 == done.exit_code, done.output
    assert (1, 0, 0) == (checked.returncode, counts["proven"], counts["broken"])
    assert counts["not proven"] > 80
    assert "write start()" in checked.stdout
    assert 1 == tested.returncode
    assert "5 failed" in tested.stdout, tested.stdout


def test_a_new_adapter_that_is_started_is_broken_where_it_is_not_written(tmp_path: Path) -> None:
    """Its answers claim nothing: an order is dropped, and nothing is told of it."""
    new("adapter", "corner", "--out", str(tmp_path))
    harness = tmp_path / "corner_harness.py"
    text = harness.read_text().replace(
        'raise NotProvenError("venue: write start(), and return CornerExchange()")',
        "from corner import CornerExchange\n        return CornerExchange()",
    )
    text = text.replace('raise NotProvenError("rules: write instrument()")', "return INSTRUMENTS[0]")
    text = text.replace('raise NotProvenError("prices: write quote()")', "return quote_of(INSTRUMENTS[0])")
    harness.write_text(
        text.replace(
            "class CornerHarness",
            "from meva_runners.harnesses.still_market import INSTRUMENTS, quote_of\nclass CornerHarness",
        )
    )
    checked = run(
        tmp_path, "meva_runners.adapter", "check", "corner_harness:harness", "--json", "--case", "EX-01"
    )

    assert 1 == checked.returncode, checked.stderr
    assert "this adapter does not send it yet" in checked.stdout


@pytest.mark.parametrize("name", ["Corner", "1st", "a-b", "class", "json", "../evil", "_a", "a__b"])
@pytest.mark.parametrize("kind", ["strategy", "adapter"])
def test_a_name_that_is_no_module_is_refused(tmp_path: Path, kind: str, name: str) -> None:
    """Nothing is written, and the sentence says what is expected."""
    done = new(kind, name, "--out", str(tmp_path))

    assert 3 == done.exit_code
    assert "Expected" in done.stderr
    assert [] == list(tmp_path.iterdir())


def test_what_is_there_is_not_touched(tmp_path: Path) -> None:
    """One file of that name is enough to write none."""
    (tmp_path / "test_corner.py").write_text("mine")
    done = new("adapter", "corner", "--out", str(tmp_path))

    assert 3 == done.exit_code
    assert "exists already" in done.stderr
    assert "mine" == (tmp_path / "test_corner.py").read_text()
    assert ["test_corner.py"] == [path.name for path in tmp_path.iterdir()]
