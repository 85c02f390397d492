"""The ledger of a session can be read and proven by anybody, and a changed posting shows."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from meva_runners.ledger import main as ledger
from meva_runners.replay import main as replay


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """Return a session that was recorded from the bundled tape."""
    directory = tmp_path / "sessions"
    directory.mkdir(mode=0o700)
    path = directory / "one.db"
    finished = CliRunner().invoke(replay, ["--session", str(path), "--json"])
    assert 0 == finished.exit_code, finished.stderr
    return path


def execute(path: Path, *statements: str) -> None:
    """Change a session behind its back."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def asked(path: Path) -> tuple[int, dict[str, Any]]:
    """Return the status and the JSON of the command."""
    finished = CliRunner().invoke(ledger, [str(path), "--json"])
    return finished.exit_code, json.loads(finished.stdout)


def test_a_recorded_session_has_a_sound_ledger(session: Path) -> None:
    """Every fill is there, everything sums to zero, and the tables say so."""
    status, told = asked(session)
    printed = CliRunner().invoke(ledger, [str(session)])

    assert (0, True, []) == (status, told["sound"], told["problems"])
    assert {f"fill:BTC/USDT:{number}" for number in range(1, 21)} < {row["cause"] for row in told["postings"]}
    assert "sum to zero, follow from the journal" in printed.stdout


@pytest.mark.parametrize("statement", ["UPDATE ledger SET amount = '0'", "DELETE FROM ledger"])
def test_a_posting_can_be_neither_changed_nor_removed(session: Path, statement: str) -> None:
    """The table itself refuses: corrections are new postings."""
    with pytest.raises(sqlite3.IntegrityError, match="corrected by a new posting"):
        execute(session, statement)

    assert 0 == asked(session)[0]


def test_who_takes_the_guards_away_is_found_out(session: Path) -> None:
    """Both sides of a posting changed together still sum to zero, but nothing in the journal calls for them."""
    execute(
        session,
        "DROP TRIGGER ledger_keeps_its_rows",
        "UPDATE ledger SET amount = '7' WHERE id = 1",
        "UPDATE ledger SET amount = '-7' WHERE id = 2",
    )
    status, told = asked(session)

    assert (1, False) == (status, told["sound"])
    assert "fill:BTC/USDT:1: its postings are not those that the journal calls for" in told["problems"]
    assert any(problem.startswith("BTC: the ledger says ") for problem in told["problems"])


def test_a_file_that_is_no_session_is_refused(tmp_path: Path) -> None:
    """One sentence, status 1, nothing changed."""
    path = tmp_path / "notes.txt"
    path.write_text("no session")
    finished = CliRunner().invoke(ledger, [str(path)])

    assert 1 == finished.exit_code
    assert "is not a session" in finished.stderr
    assert "no session" == path.read_text()
