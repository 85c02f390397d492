"""What the documentation shows works as it is written."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from meva_runners import main as command_line
from meva_runners.replay import main
from meva_runners.replaying.options import EXAMPLES as REPLAY_EXAMPLES
from meva_runners.trading.options import PAPER_EXAMPLES

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def python_blocks(page: Path) -> list[str]:
    """Return the Python examples of a page."""
    return re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def test_the_strategy_of_the_guide_runs_and_survives_a_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader who saves the example and runs the command below it gets a result."""
    [example] = python_blocks(ROOT / "docs" / "strategies.md")
    (tmp_path / "shown_in_the_guide.py").write_text(example)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    arguments = ["--strategy", "shown_in_the_guide:AboveAverage", "--set", "strategy.size=30", "--check"]
    finished = CliRunner().invoke(main, arguments)

    assert 0 == finished.exit_code, finished.stderr
    assert "AboveAverage" not in finished.stderr
    assert "size=30" in finished.stdout


def test_the_strategy_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the first page shows can be saved as it stands, and trades."""
    [example] = [block for block in python_blocks(ROOT / "README.md") if "AboveAverage" in block]
    (tmp_path / "shown_in_the_readme.py").write_text(example)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    arguments = ["--strategy", "shown_in_the_readme:AboveAverage", "--set", "strategy.size=30", "--json"]
    finished = CliRunner().invoke(main, arguments)

    assert 0 == finished.exit_code, finished.stderr
    assert json.loads(finished.stdout)["fills"] > 0


# What the first page, the help and the guide say of tapes is tried on the bundled one.
SHOWN = {
    f"{place}: {options}": options
    for place, text in (
        ("README", (ROOT / "README.md").read_text(encoding="utf-8")),
        ("meva", command_line.EXAMPLES),
        ("replay", REPLAY_EXAMPLES),
        ("paper", PAPER_EXAMPLES),
    )
    for line in text.splitlines()
    if line.strip().startswith(("meva replay ", "meva paper ")) and "--set" in line and "mine:" not in line
    for options in [" ".join(re.findall(r"--(?:strategy|set) \S+", line))]
}


@pytest.mark.parametrize("options", SHOWN.values(), ids=SHOWN)
def test_the_settings_of_every_example_trade(options: str) -> None:
    """No example sets what its strategy does not know, or wishes for more than the limits allow."""
    finished = CliRunner().invoke(main, [*options.split(), "--json"])

    assert 0 == finished.exit_code, finished.stderr
    assert json.loads(finished.stdout)["fills"] > 0


def test_the_library_example_of_the_readme_runs(tmp_path: Path) -> None:
    """Seven lines to a decision hash."""
    [example] = [block for block in python_blocks(ROOT / "README.md") if "ReplayRun" in block]
    (tmp_path / "trades.csv").write_text("ts_ns,price,qty,side\n1700000000000000000,30000.00,0.1,buy\n")
    (tmp_path / "example.py").write_text(example)
    finished = subprocess.run(
        [sys.executable, "example.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )

    assert 0 == finished.returncode, finished.stderr
    assert re.fullmatch(r"[0-9a-f]{32} 100000(\.0+)?\n", finished.stdout)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """No page points to a file that is not there."""
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text(encoding="utf-8"))

    assert [] == [target for target in targets if not (page.parent / target).exists()]


def test_every_option_is_described() -> None:
    """An option that the reference does not name does not exist for its reader."""
    text = (ROOT / "docs" / "replay.md").read_text(encoding="utf-8")
    options = {option for parameter in main.params for option in parameter.opts if option.startswith("--")}
    told = {
        "--start",
        "--end",
        "--seed",
        "--debug",
        "--log-level",
        "--config",
        "--help",
    }  # Said by --help alone.

    assert set() == {option for option in options - told if option not in text}
