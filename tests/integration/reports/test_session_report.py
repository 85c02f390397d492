"""A report of a session says what the agent's own books said, to the last digit, whole, by the day and by the week."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from meva_adapters.clock.day_zone import next_day_in
from meva_adapters.feed.session_tape import SessionTape
from meva_adapters.settings import config_from_json
from meva_core.errors import DataError, StorageError
from meva_core.model.money import ZERO
from meva_core.ops.report import Report
from meva_core.ops.report_collector import ReportCollector
from meva_runners.sessions.books import SessionBooks
from meva_runners.sessions.report import report_of
from tests.integration.storage.sessions import change, contents

sys.path.insert(0, str(Path(__file__).parent))
from recorded import recorded
from sim_sessions import simulated

LAST = "SELECT max(sequence) FROM journal"
FIRST = "SELECT min(sequence) FROM journal WHERE event NOT NULL"
HOLDINGS = ("exchange.balances={USDT: 100000, ETH: 2}",)
TWO_SYMBOLS = pytest.param(2, HOLDINGS, id="two symbols")
ONE_SYMBOL = pytest.param(1, (), id="one symbol")
WORSE = pytest.param(
    2,
    ("execution.slippage_bps=3", "execution.fill_model=volume", "exchange.fees.paid_in=quote"),
    id="slippage",
)
SLOW = "strategies=[{name: sma_cross, parameters: {fast: 60, slow: 240, quantity: 0.5}}]"
HELD = pytest.param(1, (SLOW,), id="held long")
REFUSED = pytest.param(2, ("risk.max_notional_per_trade=305",), id="refusals")
HALTED = pytest.param(2, ("risk.max_drawdown_limit=20",), id="drawdown halt")


def value(report: Report, key: str) -> object:
    """Return the value of a figure."""
    return report.figures()[key].value


@pytest.mark.parametrize(("symbols", "overrides"), [ONE_SYMBOL, TWO_SYMBOLS, HELD, WORSE, REFUSED, HALTED])
def test_a_report_equals_the_runs_own_result(
    tmp_path: Path, symbols: int, overrides: tuple[str, ...]
) -> None:
    """Every amount and count that both know; none of them goes through the same code."""
    result = recorded(tmp_path / "s.db", symbols=symbols, overrides=overrides)
    report, summary = report_of(tmp_path / "s.db"), result.summary

    assert {
        "decision_hash": result.decision_hash,
        "state_hash": result.state_hash,
        "end_equity": summary.final_equity,
        "start_equity": summary.start_equity,
        "max_drawdown": -summary.max_drawdown,
        "fees": result.fees,
        "turnover": summary.turnover,
        "signals": summary.signals,
        "orders": summary.orders,
        "fills": summary.fills,
        "closing": summary.closing_fills,
        "hit_rate": summary.win_rate.value,
        "realized": result.realized_pnl,
        "alerts": summary.alerts,
        "gate_changes": summary.gate_changes,
    } == {
        "decision_hash": report.origin.decision_hash,
        "state_hash": report.origin.state_hash,
        "realized": report.waterfall[0].amount,
        "alerts": len(report.table("alerts").rows),
        "gate_changes": len(report.table("gate").rows),
        **{
            key: value(report, key)
            for key in (
                "end_equity", "start_equity", "max_drawdown", "fees", "turnover", "signals", "orders", "fills",
                "closing", "hit_rate",
            )
        },
    }  # fmt: skip
    assert summary.fills > 50 or overrides not in ((), HOLDINGS)
    assert dict(summary.risk_rejected) == dict(
        zip(report.table("refusals").column("code"), report.table("refusals").column("count"), strict=True)
    )
    assert pytest.approx(summary.profit_factor.value) == value(report, "profit_factor")
    assert pytest.approx(summary.mean_slippage_bps.value) == value(report, "slippage_mean")


@pytest.mark.parametrize("seed", range(3))
def test_books_of_a_session_under_faults_equal_the_agents(tmp_path: Path, seed: int) -> None:
    """Lost answers, crashes, strangers' fills, kills and resumes: equity, drawdown, sums, open orders, hash."""
    ending = simulated(tmp_path / "s.db", seed)
    with SessionTape(tmp_path / "s.db") as tape:
        config = config_from_json(tape.header.config_json)
        collector = ReportCollector(next_day_in(config.day_zone))
        books = SessionBooks(tape, config, collector)
        books.read()
        open_orders = books._orders.open

    assert books.closed is not None
    assert ending == type(ending)(
        books.closed.equity,
        books.max_drawdown,
        books.closed.realized,
        books.closed.fees,
        books.closed.transfers,
        {name: (record.status.value, record.filled_quantity) for name, record in sorted(open_orders.items())},
        books.link.hex(),
    )
    assert collector.comparisons["equal"] > 0
    assert len(collector.controls.rows) > 0


def test_days_add_up_to_the_whole(tmp_path: Path) -> None:
    """Each day opens with the equity that the last one closed with; amounts of the days sum to those of all."""
    recorded(tmp_path / "s.db", rows=40_000, symbols=1)
    whole = report_of(tmp_path / "s.db")
    names = [str(name) for name in whole.table("days").column("day")]
    days = [report_of(tmp_path / "s.db", day=name) for name in names]

    assert len(days) > 1
    for before, after in pairwise(days):
        assert value(before, "end_equity") == value(after, "start_equity")
    for key in ("net", "fees", "turnover", "orders", "fills", "signals"):
        assert value(whole, key) == sum((value(day, key) for day in days), start=ZERO)  # type: ignore[misc]
    assert [value(day, "end_equity") for day in days] == whole.table("days").column("close")
    assert days[-1].origin.decision_hash == whole.origin.decision_hash


def test_a_week_holds_its_days(tmp_path: Path) -> None:
    """By its number or by any of its days."""
    recorded(tmp_path / "s.db", rows=2_000)
    whole = report_of(tmp_path / "s.db")
    day = datetime.fromtimestamp(whole.first_ns // 10**9, UTC).date()
    year, number, _ = day.isocalendar()

    assert value(whole, "net") == value(report_of(tmp_path / "s.db", week=f"{year}-W{number:02}"), "net")
    assert f"Week {year}-W{number:02}" == report_of(tmp_path / "s.db", week=str(day)).title


def test_days_are_those_of_the_configured_zone(tmp_path: Path) -> None:
    """14 November 2023, 22:13 UTC, is the 15th in Kathmandu."""
    recorded(tmp_path / "s.db", rows=500, overrides=("day_zone=Asia/Kathmandu",))

    assert ["2023-11-15"] == report_of(tmp_path / "s.db").table("days").column("day")


def test_equity_is_explained_to_the_last_digit(tmp_path: Path) -> None:
    """The steps of the waterfall lead from the start to the end."""
    recorded(tmp_path / "s.db")
    report = report_of(tmp_path / "s.db")
    start, end = value(report, "start_equity"), value(report, "end_equity")
    steps = [step for step in report.waterfall if not step.is_total]

    assert isinstance(start, Decimal)
    assert end == start + sum((step.amount for step in steps), start=ZERO)
    assert report.waterfall[3].amount == value(report, "net")


def test_a_period_without_events_is_refused(tmp_path: Path) -> None:
    """It says when the session was."""
    recorded(tmp_path / "s.db", rows=500)
    day = datetime(2023, 11, 14, tzinfo=UTC).date() - timedelta(days=3)

    with pytest.raises(DataError, match=r"nothing happened in day 2023-11-11\. .* 2023-11-14"):
        report_of(tmp_path / "s.db", day=str(day))
    with pytest.raises(DataError, match="no day"):
        report_of(tmp_path / "s.db", day="yesterday")
    with pytest.raises(DataError, match="no week"):
        report_of(tmp_path / "s.db", week="2023-W99")


def test_a_session_that_was_cut_off_says_so(tmp_path: Path) -> None:
    """Its figures are those of its last commit, and there is no state hash."""
    recorded(tmp_path / "s.db", rows=500, close=False)
    before = contents(tmp_path / "s.db")
    report = report_of(tmp_path / "s.db")

    assert "cut off" in report.warnings[0]
    assert "" == report.origin.state_hash
    assert before == contents(tmp_path / "s.db")


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        (f"UPDATE journal SET decisions = CAST('[]' AS BLOB) WHERE sequence = ({LAST})",
         "does not end at event|changed, lost or added"),
        (f"UPDATE journal SET event = NULL WHERE sequence = ({FIRST})",
         "changed, lost or added row"),
        (f"DELETE FROM journal WHERE sequence = ({FIRST})",
         "changed, lost or added row"),
        ("UPDATE market SET rows = rows + 1 WHERE id = 1", "unreadable segment|lost or added segment"),
        ("DELETE FROM market WHERE id = 1", "changed, lost or added segment"),
        ("UPDATE results SET value = 'f' WHERE name = 'decision_hash'", "but says f"),
    ],
)  # fmt: skip
def test_a_damaged_session_is_refused_unchanged(tmp_path: Path, sql: str, problem: str) -> None:
    """Whatever was changed behind its back is named, and nothing is written."""
    recorded(tmp_path / "s.db", rows=800)
    change(tmp_path / "s.db", sql)
    before = contents(tmp_path / "s.db")

    with pytest.raises(StorageError, match=problem):
        report_of(tmp_path / "s.db")
    assert before == contents(tmp_path / "s.db")
