"""The same tape, settings and seed give the same decisions and the same state, however the replay is run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from decimal import Context, localcontext
from pathlib import Path
from random import Random

import pytest

from meva_runners.replaying.run import ReplayRun
from tests.replay.case import config, hashes, strategies, tapes, write_trades

ROWS = 3_000
ROOT = Path(__file__).resolve().parents[2]
OVERRIDES = (
    "--strategy", "sma_cross", "--set", "strategy.quantity=0.001",
    "--set", "risk.max_orders_per_window=10000", "--set", "risk.max_repeated_orders=10000",
)  # fmt: skip
DEPENDENCIES = "import attrs, cattrs, click, jinja2, loguru, orjson, punq, rich, sqlite_utils, statsd, yaml"


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the tapes of two symbols."""
    directory = tmp_path_factory.mktemp("tapes")
    return [write_trades(directory / f"{seed}.csv", rows=ROWS, seed=seed) for seed in (1, 2)]


def straight(
    paths: list[Path], *overrides: str, block_rows: int = 8192, columns_from: int | None = None
) -> tuple[str, str]:
    """Return the hashes of an undisturbed run, event by event unless told otherwise."""
    settings = config(*overrides)
    run = ReplayRun(settings, strategies(), columns_from=columns_from)
    run.replay(tapes(settings, paths, block_rows=block_rows))
    return hashes(run)


@pytest.mark.parametrize("columns_from", [None, 1, 50])
@pytest.mark.parametrize("block_rows", [1, 7, 64, 1_000])
def test_the_size_of_a_read_changes_nothing(
    paths: list[Path], block_rows: int, columns_from: int | None
) -> None:
    """Rows decide, not the portions in which they are read, nor how many of them are looked at together."""
    assert straight(paths) == straight(paths, block_rows=block_rows, columns_from=columns_from)
    assert straight(paths[:1]) == straight(paths[:1], block_rows=block_rows, columns_from=columns_from)


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        ("execution.fill_model=volume", "execution.latency_ms=300"),
        ("exchange.fees.paid_in=quote", "risk.daily_loss_limit=150", "risk.resume_after_daily_loss=true"),
    ],
)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("columns_from", [None, 1])
def test_a_run_that_was_stopped_and_resumed_equals_a_straight_one(
    paths: list[Path], overrides: tuple[str, ...], seed: int, columns_from: int | None
) -> None:
    """At any event the agent and the venue can go through their stored form."""
    stops = sorted(Random(seed).sample(range(1, 2 * ROWS), 12))
    settings = config(*overrides)
    run = ReplayRun(settings, strategies(), columns_from=columns_from)
    run.replay(tapes(settings, paths), stops=stops)

    assert straight(paths, *overrides) == hashes(run)


def test_the_decimal_context_of_the_caller_changes_nothing(paths: list[Path]) -> None:
    """Whoever runs the agent may calculate with three digits, and trap nothing: orders and money stay exact."""
    with localcontext(Context(prec=3, traps=[])):
        coarse = straight(paths, "exchange.fees.paid_in=quote", columns_from=1)

    assert straight(paths, "exchange.fees.paid_in=quote", columns_from=1) == coarse


@pytest.mark.parametrize("columns_from", [None, 1])
def test_a_run_can_be_stopped_after_each_event(tmp_path: Path, columns_from: int | None) -> None:
    """There is no event after which a checkpoint is incomplete."""
    short = [write_trades(tmp_path / "short.csv", rows=160, seed=5)]
    settings = config()
    run = ReplayRun(settings, strategies(fast=2, slow=5), columns_from=columns_from)
    run.replay(tapes(settings, short), stops=range(1, 160))
    undisturbed = ReplayRun(settings, strategies(fast=2, slow=5), columns_from=None)
    undisturbed.replay(tapes(settings, short))

    assert hashes(undisturbed) == hashes(run)
    assert run.driver.agent.state().sequence.decisions > 10


def command_hashes(python: str, paths: list[Path], hash_seed: str) -> tuple[str, str]:
    """Return the hashes that the command prints in a fresh process."""
    named = [f"{symbol}={path}" for symbol, path in zip(("BTC/USDT", "ETH/USDT"), paths, strict=True)]
    finished = subprocess.run(
        [python, "-m", "meva_runners.replay", *named, *OVERRIDES, "--json"],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
    )
    result = json.loads(finished.stdout)
    return result["decision_hash"], result["state_hash"]


def test_fresh_processes_agree_whatever_their_hash_seed(paths: list[Path]) -> None:
    """No order of a set or dictionary of the process reaches a decision."""
    found = {command_hashes(sys.executable, paths, seed) for seed in ("0", "1", "4711")}

    assert 1 == len(found)


def succeeds(*command: str | Path) -> bool:
    """Return whether *command* exits with status 0."""
    return not subprocess.run(command, check=False, capture_output=True).returncode


def another_python(directory: Path) -> str:
    """Return a Python 3.13 that has the dependencies, installed in *directory* where that is asked for."""
    other = shutil.which("python3.13")
    if other is None or not succeeds(other, "-c", "import sys; sys.exit(sys.version_info[:2] != (3, 13))"):
        pytest.skip("no python3.13 on PATH starts: put one there")
    if succeeds(other, "-c", DEPENDENCIES):
        return other
    if os.environ.get("MEVA_TEST_INSTALL") != "1":
        pytest.skip(f"{other} lacks the dependencies: set MEVA_TEST_INSTALL=1 to install them for this test")
    python = directory / "bin" / "python"
    lock = ROOT / "requirements" / "base.txt"
    subprocess.run([other, "-m", "venv", directory], check=True)
    install = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input")
    subprocess.run(
        [python, *install, "--require-hashes", "--only-binary", ":all:", "--requirement", lock], check=True
    )
    assert succeeds(python, "-c", DEPENDENCIES), "the lock holds every dependency"
    return str(python)


def test_another_python_decides_alike(paths: list[Path], tmp_path: Path) -> None:
    """Python 3.11 and 3.13 give equal hashes."""
    other = another_python(tmp_path / "python3.13")

    assert command_hashes(sys.executable, paths, "0") == command_hashes(other, paths, "0")


def test_settings_that_matter_change_the_decisions(paths: list[Path]) -> None:
    """The hash is no constant."""
    assert straight(paths)[0] != straight(paths, "execution.slippage_bps=5")[0]
