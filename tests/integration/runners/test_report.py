"""The commands report, compare and explain do their job, and answer every fault with one sentence and a status."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from meva_adapters.contracts.storage_samples import HEADER
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_runners.main import main

sys.path.insert(0, str(Path(__file__).parents[1] / "reports"))
from recorded import recorded


def meva(*arguments: object) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_report_writes_a_page_json_and_parquet(tmp_path: Path) -> None:
    """Where it is told to, and says where."""
    recorded(tmp_path / "s.db", rows=600, symbols=1)
    finished = meva("report", tmp_path / "s.db", "--out", tmp_path / "out")

    assert 0 == finished.exit_code, finished.output
    assert {"report.html", "report.json", "fills.parquet", "equity.parquet"} <= {
        path.name for path in (tmp_path / "out").iterdir()
    }
    assert f"Report written to {tmp_path / 'out' / 'report.html'}" in finished.stdout


def test_report_prints_exactly_one_object(tmp_path: Path) -> None:
    """For programs, and writes no file."""
    recorded(tmp_path / "s.db", rows=600, symbols=1)
    finished = meva("report", tmp_path / "s.db", "--json")

    assert 1 == json.loads(finished.stdout)["schema"]
    assert [] == list(tmp_path.glob("s-report*"))


def test_report_of_one_day_stands_beside_the_session(tmp_path: Path) -> None:
    """Under a name that says which day it is about; only the formats asked for are written."""
    recorded(tmp_path / "s.db", rows=600, symbols=1)
    finished = meva("report", tmp_path / "s.db", "--day", "2023-11-14", "--format", "html")

    assert 0 == finished.exit_code, finished.output
    assert ["report.html"] == [path.name for path in (tmp_path / "s-report-2023-11-14").iterdir()]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("missing.db", "does not exist"),
        ("empty.db", "holds no event"),
        ("running.db", "is in use by another agent"),
        ("text.db", "is not a session"),
        ("cut.db", "is damaged"),
    ],
)
def test_a_session_that_cannot_be_reported_is_told_in_one_sentence(
    tmp_path: Path, name: str, problem: str
) -> None:
    """Exit status 1, the cause, no file, and not a byte of the session changed."""
    recorded(tmp_path / "good.db", rows=300, symbols=1)
    SqliteSession.create(tmp_path / "empty.db", HEADER).close()
    (tmp_path / "text.db").write_text("ts_ns,price,qty,side\n" * 50)
    (tmp_path / "cut.db").write_bytes((tmp_path / "good.db").read_bytes()[:-4096])
    running = SqliteSession.create(tmp_path / "running.db", HEADER)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.db") if path.name != "running.db"}
    finished = meva("report", tmp_path / name, "--out", tmp_path / "out")
    running.close()

    assert 1 == finished.exit_code
    assert problem in finished.stderr
    assert 1 == len(finished.stderr.splitlines())
    assert not (tmp_path / "out").exists()
    assert before == {
        path.name: path.read_bytes() for path in tmp_path.glob("*.db") if path.name != "running.db"
    }


def test_compare_names_the_first_decision_that_differs(tmp_path: Path) -> None:
    """And the parameters behind it; a run is like itself."""
    for name, slow in (("one", 9), ("two", 12)):
        override = f"strategies=[{{name: sma_cross, parameters: {{fast: 3, slow: {slow}, quantity: 0.01}}}}]"
        recorded(tmp_path / f"{name}.db", rows=600, symbols=1, overrides=(override,))
    (tmp_path / "copy.db").write_bytes((tmp_path / "one.db").read_bytes())
    (tmp_path / "copy.db").chmod(0o600)
    finished = meva(
        "compare", tmp_path / "one.db", tmp_path / "copy.db", tmp_path / "two.db", "--out", tmp_path / "out"
    )

    assert 0 == finished.exit_code, finished.output
    assert "copy decides as one does." in finished.stdout
    assert "First difference of two: decision 1\n" in finished.stdout
    assert "strategies.0.parameters.slow" in finished.stdout
    assert "strategies.0.parameters.fast" not in finished.stdout
    told = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert ["two"] == [each["name"] for each in told["differences"]]
    assert "<script" not in (tmp_path / "out" / "comparison.html").read_text()


def test_compare_needs_two_sessions(tmp_path: Path) -> None:
    """One alone is not compared."""
    recorded(tmp_path / "s.db", rows=300, symbols=1)

    assert "1 sessions were named" in meva("compare", tmp_path / "s.db").stderr


def test_explain_tells_the_whole_story_of_an_order(tmp_path: Path) -> None:
    """What was seen, the signal, every check, the intent, what was sent, answers, fills and balanced postings."""
    recorded(tmp_path / "s.db", rows=600, symbols=1)
    report = json.loads(meva("report", tmp_path / "s.db", "--json").stdout)
    orders = report["tables"]["orders"]["columns"]
    name = orders["client_order_id"][3]
    story = json.loads(meva("explain", tmp_path / "s.db", name, "--json").stdout)
    chapters = {chapter["title"]: chapter for chapter in story["chapters"]}

    assert [
        "In short", "What was seen", "Signal", "Risk checks", "Intent", "Sent", "Venue answers", "Fills", "Postings",
    ] == list(chapters)  # fmt: skip
    assert {"feature fast", "feature slow", "last price"} <= {
        fact[0] for fact in chapters["What was seen"]["facts"]
    }
    assert dict(chapters["What was seen"]["facts"])["last price"] == orders["decision_price"][3]
    assert 19 == len(chapters["Risk checks"]["rows"])
    assert {"True"} == {check["passed"] for check in chapters["Risk checks"]["rows"]}
    assert [["client order id", name]] == [
        fact for fact in chapters["Sent"]["facts"] if fact[0] == "client order id"
    ]
    assert ["OrderAcknowledged", "OrderFilled"] == [row["kind"] for row in chapters["Venue answers"]["rows"]]
    assert ["filled"] == [row["status"] for row in chapters["Fills"]["rows"]]
    assert 6 == len(chapters["Postings"]["rows"])


@pytest.mark.parametrize(
    ("mode", "sent"),
    [
        ("paper", "POST /api/v3/order?symbol=BTCUSDT&side="),
        ("shadow", "nothing: shadow mode"),
        ("replay", "none: the simulated venue"),
    ],
)
def test_explain_shows_the_bytes_that_were_sent(tmp_path: Path, mode: str, sent: str) -> None:
    """To a venue, its request with the order's name; elsewhere, that there was none."""
    recorded(tmp_path / "s.db", rows=600, symbols=1, overrides=(f"mode={mode}",))
    order = json.loads(meva("report", tmp_path / "s.db", "--json").stdout)["tables"]["orders"]["columns"]
    name = order["client_order_id"][3]
    story = json.loads(meva("explain", tmp_path / "s.db", name, "--json").stdout)
    [told] = [chapter["facts"] for chapter in story["chapters"] if chapter["title"] == "Sent"]
    request = dict(told)["bytes sent"]

    assert request.startswith(sent)
    assert ("POST" in sent) == (name in request)


def test_explain_is_readable_at_a_terminal(tmp_path: Path) -> None:
    """The same chapters, in order."""
    recorded(tmp_path / "s.db", rows=600, symbols=1)
    report = json.loads(meva("report", tmp_path / "s.db", "--json").stdout)
    name = report["tables"]["orders"]["columns"]["client_order_id"][0]
    finished = meva("explain", tmp_path / "s.db", name)

    places = [finished.stdout.index(title) for title in ("What was seen", "Risk checks", "Fills", "Postings")]
    assert places == sorted(places)


@pytest.mark.parametrize("name", ["nobody", "", "%"])
def test_an_unknown_order_is_told(tmp_path: Path, name: str) -> None:
    """Not every text that occurs in a journal is an order."""
    recorded(tmp_path / "s.db", rows=300, symbols=1)
    finished = meva("explain", tmp_path / "s.db", name)

    assert 1 == finished.exit_code
    assert f"it holds no order {name!r}" in finished.stderr


def test_a_replay_makes_its_report(tmp_path: Path) -> None:
    """Beside the result, without a session being kept; the page names the recording and not a temporary file."""
    finished = meva("replay", "--report", tmp_path / "out", "--json")
    page = (tmp_path / "out" / "report.html").read_text()

    assert 0 == finished.exit_code, finished.output
    assert {"result.json", "summary.txt", "equity.csv", "report.html", "report.json"} <= {
        path.name for path in (tmp_path / "out").iterdir()
    }
    assert json.loads(finished.stdout)["decision_hash"] in page
    assert "session.db" not in page
    assert json.loads((tmp_path / "out" / "report.json").read_text())["origin"]["source"] == "bundled sample"
