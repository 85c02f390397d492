"""The replay command does its main job, and answers every fault with one sentence and a status, never a traceback."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from meva_adapters.reports.json_result import FIELDS
from meva_runners.replay import main
from tests.replay.case import write_trades

ROOT = Path(__file__).resolve().parents[3]
HEADER = "ts_ns,price,qty,side\n"
ROW = "1700000000000000000,30000.00,0.1,buy\n"
NEXT = "1700000001000000000,30000.01,0.1,sell\n"


def replay(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command in a fresh process."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "meva_runners.replay", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=cwd or ROOT,
        env=environment,
    )


def test_without_arguments_the_bundled_recording_is_replayed() -> None:
    """No key, no network, no file to edit."""
    finished = replay()

    assert 0 == finished.returncode
    assert "REPLAY  bundled sample BTC/USDT" in finished.stdout
    assert "Decisions" in finished.stdout
    assert "" == finished.stderr


def test_the_title_names_what_the_recording_holds(tmp_path: Path) -> None:
    """Two instruments are configured; raw frames of one of them are no run of two."""
    frame = '{"e":"trade","E":1700000000000,"s":"ETHUSDT","t":1,"p":"2000.00","q":"0.0100","T":1700000000000,"m":true}'
    tape = tmp_path / "frames"
    tape.write_text(f"1700000000000000000 {frame}\n", encoding="ascii")

    assert f"REPLAY  {tape} ETH/USDT   momentum" in replay(str(tape)).stdout.replace("\n", "")


def test_json_is_exactly_one_object() -> None:
    """Programs read standard output and find nothing else there."""
    finished = replay("--json")
    result = json.loads(finished.stdout)

    assert list(FIELDS) == list(result)
    assert 4_320 == result["events"]
    assert 1 == finished.stdout.count("\n")


def test_refusals_are_counted_by_code(tmp_path: Path) -> None:
    """A summary for programs names each rule that refused."""
    tape = write_trades(tmp_path / "t.csv", rows=500)
    result = json.loads(replay(f"BTC/USDT={tape}", "--strategy", "sma_cross", "--json").stdout)

    assert result["risk_rejected"]["max_notional_per_trade"] == result["intents"]
    assert 0 == result["orders"]


def test_a_recorded_session_is_verified_and_replayed(tmp_path: Path) -> None:
    """What was recorded is reproduced, decision by decision; the session is also a tape."""
    session = tmp_path / "run.db"
    recorded = replay("--session", str(session), "--json")
    verified = replay(str(session), "--verify")
    again = replay(str(session), "--json")

    assert 0 == recorded.returncode, recorded.stderr
    assert 0 == verified.returncode, verified.stderr
    assert json.loads(recorded.stdout)["decision_hash"] in verified.stdout
    assert json.loads(recorded.stdout)["decision_hash"] == json.loads(again.stdout)["decision_hash"]
    assert 0o600 == session.stat().st_mode & 0o777


def test_verification_names_the_first_difference_with_both_sides(tmp_path: Path) -> None:
    """A strategy that changed since the recording shows where the two part, and how."""
    steady = HIDDEN.replace("type(self).seen % 97", "ctx.time_ns // 60_000_000_000 % 97")
    (tmp_path / "mine.py").write_text(steady)
    session = str(tmp_path / "run.db")
    recorded = replay("--strategy", "mine:Hidden", "--session", session, cwd=tmp_path)
    (tmp_path / "mine.py").write_text(steady.replace("0.001", "0.002"))
    verified = replay(session, "--verify", cwd=tmp_path)

    assert 0 == recorded.returncode, recorded.stderr
    assert 1 == verified.returncode
    assert "differs in its decisions" in verified.stderr
    assert "buy 0.001" in verified.stderr.partition("reproduced")[0]
    assert "buy 0.002" in verified.stderr.partition("reproduced")[2]


def test_a_checked_run_says_so() -> None:
    """Shipped strategies survive being stopped and resumed."""
    finished = replay("--check")

    assert 0 == finished.returncode
    assert "Check passed" in finished.stderr


HIDDEN = """
from attrs import define
from decimal import Decimal
from meva_core.model.market import Side
from meva_core.signals.strategy import Signal

@define
class Hidden:
    timeframe: str | None = "1m"
    seen = 0
    def features(self):
        return {}
    def acts(self, features, stance):
        return True
    def generate_signal(self, ctx):
        type(self).seen += 1
        if type(self).seen % 97:
            return None
        if ctx.stance > 0:
            return Signal(Side.SELL, ctx.sellable, "remembered")
        return Signal(Side.BUY, Decimal("0.001"), "remembered")

@define
class Broken(Hidden):
    def generate_signal(self, ctx):
        return 1 / 0
"""


def test_a_strategy_with_a_hidden_memory_is_found(tmp_path: Path) -> None:
    """What no checkpoint carries shows as a difference, and the message says what it usually is."""
    (tmp_path / "mine.py").write_text(HIDDEN)
    finished = replay("--strategy", "mine:Hidden", "--check", cwd=tmp_path)

    assert 1 == finished.returncode
    assert "remembers what no checkpoint carries" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_a_strategy_that_raises_stops_the_replay_and_is_told_where(tmp_path: Path) -> None:
    """The author reads the error, the file and the line."""
    (tmp_path / "mine.py").write_text(HIDDEN)
    finished = replay("--strategy", "mine:Broken", cwd=tmp_path)

    assert 1 == finished.returncode
    assert "ZeroDivisionError: division by zero (mine.py, line 26)" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_reports_are_written(tmp_path: Path) -> None:
    """Result, equity curve and summary lie in the directory that was named."""
    finished = replay("--report", str(tmp_path / "out"))
    names = sorted(path.name for path in (tmp_path / "out").iterdir())

    assert 0 == finished.returncode
    assert {"equity.csv", "report.html", "report.json", "result.json", "summary.txt"} <= set(names)
    assert (tmp_path / "out" / "equity.csv").read_text().startswith("ts_ns,equity_usdt\n")


def plain(text: str) -> Callable[[Path], None]:
    """Return what writes *text* to a file."""

    def write(path: Path) -> None:
        path.write_text(text)

    return write


def cut_gzip(path: Path) -> None:
    """Write a packed file whose end is missing."""
    packed = gzip.compress((HEADER + (ROW * 2_000)).encode())
    path.write_bytes(packed[: len(packed) // 2])


FAULTS: list[tuple[str, Callable[[Path], None], Sequence[str], str]] = [
    ("empty", plain(""), (), "empty"),
    ("missing column", plain("ts_ns,price,qty\n1,2,3\n"), (), "line 1"),
    ("wrong type", plain(HEADER + ROW + "1700000001000000000,abc,0.1,buy\n"), (), "line 3"),
    ("not a number", plain(HEADER + ROW + "1700000001000000000,NaN,0.1,buy\n"), (), "line 3"),
    ("negative price", plain(HEADER + ROW + "1700000001000000000,-5,0.1,buy\n"), (), "line 3"),
    ("off the grid", plain(HEADER + ROW + "1700000001000000000,30000.005,0.1,buy\n"), (), "tick_size 0.01"),
    ("time backwards", plain(HEADER + NEXT + ROW), (), "--sort"),
    ("cut gzip", cut_gzip, (), "cut short"),
    ("no rows", plain(HEADER), (), "no rows"),
    ("unknown strategy", plain(HEADER + ROW), ("--strategy", "momentun"), "Did you mean 'momentum'?"),
    (
        "module with its ending",
        plain(HEADER + ROW),
        ("--strategy", "mine.py:Mine"),
        "without its ending: mine:Mine",
    ),
    ("strategy without module", plain(HEADER + ROW), ("--strategy", "nowhere:Mine"), "no module 'nowhere'"),
    ("wrong key", plain(HEADER + ROW), ("--set", "risk.max_open_order=3"), "risk.max_open_order"),
    ("wrong value", plain(HEADER + ROW), ("--set", "risk.max_open_orders=many"), "risk.max_open_orders"),
    ("wrong parameter", plain(HEADER + ROW), ("--set", "strategy.lookbak=3"), "lookback"),
    ("wrong environment", plain(HEADER + ROW), ("--env", "nowhere"), "nowhere"),
    ("wrong time", plain(HEADER + ROW), ("--start", "soon"), "--start"),
    ("bars too long", plain(HEADER + ROW), ("--set", "strategy.timeframe=7m"), "7m"),
]


@pytest.mark.parametrize(
    ("write", "arguments", "named"), [each[1:] for each in FAULTS], ids=[each[0] for each in FAULTS]
)
def test_a_fault_is_one_clear_message(
    tmp_path: Path, write: Callable[[Path], None], arguments: Sequence[str], named: str
) -> None:
    """It names what is wrong, exits with a status other than 0, and shows no traceback."""
    tape = tmp_path / "tape.csv"
    write(tape)
    finished = CliRunner().invoke(main, [f"BTC/USDT={tape}", *arguments])

    assert finished.exit_code in {1, 2, 3}
    assert named in finished.stderr
    assert "Traceback" not in finished.stderr
    assert "Internal error" not in finished.stderr
    assert "" == finished.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "named"),
    [
        (("nofile.csv",), 1, "nofile.csv"),
        ((".",), 1, "directory"),
        (("XRP/USDT=x.csv",), 1, "x.csv"),
        (("--session", "/proc/none/run.db"), 1, "/proc/none"),
        (("--verify",), 2, "exactly one session"),
        (("README.md", "--verify"), 1, "not a session"),
        (("--strategy", "decimal:Nope"), 3, "no class 'Nope'; it has"),
        (("--set", "risk.max_open_orders"), 3, "section.key=value"),
        (("--nonsense",), 2, "--nonsense"),
    ],
)
def test_a_wrong_argument_is_one_clear_message(arguments: Sequence[str], status: int, named: str) -> None:
    """Wrong usage is 2, a configuration that must be mended 3, anything else that failed 1."""
    finished = CliRunner().invoke(main, list(arguments))

    assert status == finished.exit_code
    assert named in finished.stderr
    assert "Traceback" not in finished.stderr


def test_repeated_trade_ids_are_dropped_and_told(tmp_path: Path) -> None:
    """A duplicate is no reason to stop: the result is complete and warns, and the status says it rests on less."""
    times = ((1, 0), (1, 5), (2, 9))
    rows = [f"{number},30000.00,0.1,3000.0,{1_700_000_000_000 + ms},true,true\n" for number, ms in times]
    tape = tmp_path / "BTCUSDT-trades.csv"
    tape.write_text("".join(rows))
    finished = CliRunner().invoke(main, [f"BTC/USDT={tape}"])

    assert 1 == finished.exit_code
    assert "line 2: trade id 1 had come before" in finished.stderr
    assert "1 trades were dropped because their id had come before" in " ".join(finished.stdout.split())


def test_an_interrupted_run_keeps_what_was_committed(tmp_path: Path) -> None:
    """Ctrl-C ends with status 130 and one sentence; the session opens, and its events are verified."""
    tape = write_trades(tmp_path / "long.csv", rows=400_000)
    session = tmp_path / "run.db"
    command = [sys.executable, "-m", "meva_runners.replay", f"BTC/USDT={tape}", "--session", str(session)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    log = tmp_path / "run.db-wal"  # What is committed stands here long before it stands in the file itself.
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not (log.exists() and log.stat().st_size > 200_000):
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    verified = replay(str(session), "--verify")

    assert 130 == process.returncode
    assert "Interrupted" in errors
    assert "Traceback" not in errors
    assert 0 == verified.returncode, verified.stderr
    assert 0 < int(verified.stdout.split()[1].replace(",", "")) < 400_000
