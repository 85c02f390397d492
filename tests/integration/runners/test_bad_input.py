"""Every bad input, through the real command line: one clear sentence, a status, no traceback."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from meva_adapters.storage.market_segments import OpenSegment
from meva_runners.replay import main

ROOT = Path(__file__).resolve().parents[3]
T0 = 1_700_000_000_000_000_000
HEADER = "ts_ns,price,qty,side\n"
ROW = f"{T0},30000.00,0.1,buy\n"
NEXT = f"{T0 + 10**9},30000.01,0.1,sell\n"
GOOD = HEADER + ROW + NEXT
COMMAND = (sys.executable, "-m", "meva_runners.replay")


def replay(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, in the directory *cwd*."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*COMMAND, *arguments], check=False, capture_output=True, text=True, cwd=cwd, env=environment
    )


def second(value: str) -> str:
    """Return a recording whose second trade, in line 3, has the price *value*."""
    return f"{HEADER}{ROW}{T0 + 10**9},{value},0.1,buy\n"


def cut_gzip() -> bytes:
    """Return a packed recording whose end is missing."""
    rows = "".join(f"{T0 + row},30000.0{row % 10},0.{row % 9 + 1},buy\n" for row in range(5_000))
    packed = gzip.compress((HEADER + rows).encode())
    return packed[: len(packed) // 2]


def trades_with_ids(*ids: int) -> str:
    """Return a recording of trades with these ids."""
    rows = (f"{T0 + row},30000.00,0.1,buy,{trade_id}\n" for row, trade_id in enumerate(ids))
    return "ts_ns,price,qty,side,id\n" + "".join(rows)


def book_frames(*updates: tuple[int, int]) -> str:
    """Return frames: a book's snapshot of update id 100, then changes with these first and last ids."""
    snapshot = {"lastUpdateId": 100, "bids": [["30000.00", "1"]], "asks": [["30000.01", "1"]]}
    lines = [f"{T0} {json.dumps(snapshot)}\n"]
    for number, (first, last) in enumerate(updates, 1):
        change = {
            "e": "depthUpdate",
            "E": T0 // 10**6,
            "s": "BTCUSDT",
            "U": first,
            "u": last,
            "b": [],
            "a": [],
        }
        lines.append(f"{T0 + number} {json.dumps(change)}\n")
    return "".join(lines)


# What the file `tape` holds, the arguments after it, the status, and what standard error must name.
SENTENCES: dict[str, tuple[str | bytes, Sequence[str], int, Sequence[str]]] = {
    "empty file": ("", (), 1, ("tape: the file is empty", "Give a recording with data")),
    "missing column": ("ts_ns,price,qty\n1,2,3\n", (), 1, ("tape, line 1", "no column for side", "Add 'side'")),
    "wrong type": (second("abc"), (), 1, ("tape, line 3", "price 'abc'", "Write it in plain digits")),
    "not a number": (second("NaN"), (), 1, ("tape, line 3", "price NaN", "Mend or remove")),
    "negative price": (second("-5"), (), 1, ("tape, line 3", "price -5", "Mend or remove")),
    "off the grid": (second("30000.005"), (), 1, ("tape, line 3", "price 30000.005", "Set tick_size of BTC/USDT")),
    "time backwards": (HEADER + ROW + NEXT + ROW, (), 1, ("tape, line 4", "2023-11-14T22:13:20Z", "--sort")),
    "duplicate trade ids": (trades_with_ids(5, 6, 6, 7), (), 1, ("tape, line 4", "trade id 6", "Remove the")),
    "gap in update ids": (
        book_frames((101, 103), (107, 109)), (), 1, ("tape, line 3", "104 to 106 of BTC/USDT", "Record it again"),
    ),
    "truncated gzip": (cut_gzip(), (), 1, ("tape, line ", "damaged or cut short", "Copy or download it again")),
    "0-byte Parquet": (b"", (), 1, ("tape: the file is empty", "Give a recording with data")),
    "cut Parquet": (b"PAR1PAR1", (), 1, ("tape: the Parquet file", "cut short", "Copy or download it again")),
    "unknown strategy": (
        GOOD, ("--strategy", "momentun"), 3, ("unknown strategy 'momentun'", "known: ", "Did you mean 'momentum'?"),
    ),
    "unwritable session": (GOOD, ("--session", "/proc/none/run.db"), 1, ("/proc/none/run.db", "may write to")),
    "session that exists": (GOOD, ("--session", "tape"), 1, ("tape: exists already", "Choose another name")),
    "session in no folder": (GOOD, ("--session", "tape/run.db"), 1, ("tape: is not a directory", "Choose another")),
}  # fmt: skip


@pytest.mark.parametrize(("content", "arguments", "status", "named"), SENTENCES.values(), ids=SENTENCES)
def test_a_bad_input_is_answered_with_one_sentence(
    tmp_path: Path, *, content: str | bytes, arguments: Sequence[str], status: int, named: Sequence[str]
) -> None:
    """One line on standard error names the file, the line or value, and what to do; no traceback is shown."""
    tape = tmp_path / "tape"
    tape.write_bytes(content.encode() if isinstance(content, str) else content)
    finished = replay("BTC/USDT=tape", *arguments, cwd=tmp_path)

    assert status == finished.returncode, finished.stderr
    assert 1 == len(finished.stderr.splitlines()), finished.stderr
    assert finished.stderr.startswith("Error: ")
    assert [] == [text for text in named if text not in finished.stderr], finished.stderr


def test_an_unknown_symbol_is_named_with_those_that_are_known(tmp_path: Path) -> None:
    """Whether it was written on the command line or in the file."""
    (tmp_path / "tape").write_text(GOOD)
    (tmp_path / "table").write_text(f"ts_ns,price,qty,side,symbol\n{T0},1,1,buy,DOGEUSDT\n")
    for argument, symbol in (("DOGE/USDT=tape", "DOGE/USDT"), ("table", "DOGEUSDT")):
        finished = replay(argument, cwd=tmp_path)

        assert 3 == finished.returncode
        assert 1 == len(finished.stderr.splitlines())
        assert f"Error: unknown symbol '{symbol}'; configured: BTC/USDT, ETH/USDT" in finished.stderr


def test_a_wrong_key_is_told_with_its_place_and_the_nearest_key(tmp_path: Path) -> None:
    """A file of settings is named with its line."""
    (tmp_path / "mine.yaml").write_text("risk:\n  max_open_order: 3\n")
    finished = replay("--config", "mine.yaml", cwd=tmp_path)

    assert 3 == finished.returncode
    assert "risk.max_open_order: found an unknown key" in finished.stderr
    assert "at mine.yaml:2:" in finished.stderr
    assert "Did you mean max_open_orders?" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_what_was_replayed_around_a_gap_is_not_lost(tmp_path: Path) -> None:
    """The object is complete and the session is whole, though the status says that the tape was not."""
    (tmp_path / "tape").write_text(book_frames((101, 103), (107, 109)))
    finished = replay("BTC/USDT=tape", "--json", "--session", "run.db", cwd=tmp_path)
    verified = replay("run.db", "--verify", cwd=tmp_path)

    assert 1 == finished.returncode
    assert 3 == json.loads(finished.stdout)["events"]
    assert "Warning: market data was not used: BTC/USDT gap, 1 times." in finished.stderr
    assert 0 == verified.returncode, verified.stderr


def test_book_updates_without_a_gap_pass(tmp_path: Path) -> None:
    """Ids that follow each other, and the updates that a snapshot already holds, are no fault."""
    (tmp_path / "tape").write_text(book_frames((95, 101), (102, 103), (104, 104)))
    finished = replay("BTC/USDT=tape", cwd=tmp_path)

    assert (0, "") == (finished.returncode, finished.stderr)


def test_rows_committed_before_a_bad_line_are_kept(tmp_path: Path) -> None:
    """The session opens, and every event before the line that stopped the run is in it."""
    rows = "".join(f"{T0 + row},30000.00,0.1,buy\n" for row in range(20_000))
    (tmp_path / "tape").write_text(HEADER + rows + "no,row,at,all\n")
    failed = replay("BTC/USDT=tape", "--session", "run.db", cwd=tmp_path)
    verified = replay("run.db", "--verify", cwd=tmp_path)

    assert 1 == failed.returncode
    assert failed.stderr.startswith("Error: tape, line 20002")
    assert 0 == verified.returncode, verified.stderr
    assert verified.stdout.startswith("Verified: 20,000 events")


def test_ctrl_c_while_the_program_is_still_loading_is_answered_alike(tmp_path: Path) -> None:
    """The first thing that a long start imports already stands inside the guard."""
    slow = "import time, pathlib; pathlib.Path('loading').touch(); time.sleep(30)\n"
    (tmp_path / "rich").mkdir()
    (tmp_path / "rich" / "__init__.py").write_text(slow)
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    process = subprocess.Popen(
        COMMAND, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not (tmp_path / "loading").exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)

    assert 130 == process.returncode, errors
    assert "Interrupted. What was committed is kept.\n" == errors


def test_ctrl_c_amid_an_event_commits_no_half_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was half appended is dropped; the session ends with the last commit, and opens."""
    rows = "".join(f"{T0 + row},30000.00,0.1,buy\n" for row in range(200_000))
    tape, session = tmp_path / "tape", tmp_path / "run.db"
    tape.write_text(HEADER + rows)
    add_trades, calls = OpenSegment.add_trades, iter(range(100))

    def interrupted(segment: OpenSegment, *arguments: Any, **bounds: Any) -> None:
        if next(calls) == 11:  # Amid the second block.
            raise KeyboardInterrupt
        add_trades(segment, *arguments, **bounds)

    monkeypatch.setattr(OpenSegment, "add_trades", interrupted)
    finished = CliRunner().invoke(main, [f"BTC/USDT={tape}", "--session", str(session)])
    verified = CliRunner().invoke(main, [str(session), "--verify"])

    assert 130 == finished.exit_code
    assert "Interrupted. What was committed is kept.\n" == finished.stderr
    assert 0 == verified.exit_code, verified.stderr
    assert 0 < int(verified.stdout.split()[1].replace(",", "")) < 200_000
