"""A report shows where the money went: treasury, costs, transfers, limits over time, every alert and request."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path

import pytest

from meva_adapters.reports.html_report import html_report
from meva_core.agent.orchestrator import AgentOrchestrator
from meva_core.config.schema import RiskConfig
from meva_core.ops.log_records import EquityMarked
from meva_core.ops.report import Report
from meva_core.ops.report_collector import ReportCollector
from meva_core.portfolio.surplus import NS_PER_DAY
from meva_runners.commands.ledger_app import read_ledger
from meva_runners.sessions.report import report_of

sys.path.insert(0, str(Path(__file__).parent))
from money_sessions import spent

Told = tuple[AgentOrchestrator, Report, Path]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Return the agent, and the report of its session."""
    path = tmp_path_factory.mktemp("session") / "s.db"
    agent = spent(path)
    return agent, report_of(path), path


def rows(report: Report, key: str, *columns: str) -> list[tuple[object, ...]]:
    """Return some columns of a table."""
    table = report.table(key)
    return list(zip(*(table.column(column) for column in columns), strict=True))


def test_the_books_of_the_report_are_the_agents(told: Told) -> None:
    """Refused costs, a correction, and a transfer that operator and venue told of."""
    agent, report, _ = told
    figures = {key: figure.value for key, figure in report.figures().items()}

    assert agent.account.equity == figures["end_equity"]
    assert agent.services.treasury.reserve == figures["reserve"] == Decimal(17)
    assert agent.services.pnl.totals.transfers == figures["transfers"] == Decimal("-42.5")
    assert (Decimal(15), Decimal(85)) == (figures["costs"], figures["rolling_surplus_30d"])
    assert agent.decision_hash == report.origin.decision_hash


def test_the_waterfall_leads_from_trading_to_what_is_left(told: Told) -> None:
    """100 gained and 200 lost, 15 of costs, 17 set aside, 42.50 sent."""
    _, report, _ = told
    steps = {step.label: step.amount for step in report.waterfall}

    assert {
        "Realised": Decimal(0),
        "Unrealised": Decimal(-100),
        "Fees": Decimal(0),
        "Trading": Decimal(-100),
        "Costs": Decimal(-15),
        "Surplus": Decimal(-115),
        "To reserve": Decimal(-17),
        "Transfers": Decimal("-42.5"),
        "Left": Decimal("-174.5"),
    } == steps


def test_each_closed_day_is_explained(told: Told) -> None:
    """Opening and its causes are the closing, to the last digit."""
    _, report, _ = told
    [day] = rows(report, "treasury", "opening", "price", "fees", "costs", "transfers", "closing")
    [kept] = rows(report, "treasury", "day", "surplus", "accrual", "reserve", "rolling")

    assert sum(map(Decimal, map(str, day[:-1]))) == day[-1]
    assert ("2024-10-04", Decimal(85), Decimal(17), Decimal(17), Decimal(85)) == kept


def test_costs_are_listed_and_summed_as_they_were_booked(told: Told) -> None:
    """What was refused is not there; a correction names what it corrects."""
    _, report, _ = told

    assert [
        ("data", Decimal(20), "feed"),
        ("model", Decimal(3), "stated mark"),
        ("model", Decimal(-3), "taken back"),
        ("data", Decimal(-5), "corrects cost:c-1: credit note"),
    ] == rows(report, "costs", "category", "value", "note")
    assert [("data", 2, Decimal(15), 1.0), ("model", 2, Decimal(0), 0.0)] == rows(
        report, "cost_categories", "category", "count", "value", "share"
    )


def test_every_step_of_a_transfer_is_told(told: Told) -> None:
    """Proposed, instructed, settled, and the echo that moved nothing."""
    _, report, _ = told
    words = ("proposed USDT 42.5", "to operator", "instructed", "by another name")
    steps = [str(step) for (step,) in rows(report, "transfer_steps", "step")]

    assert [True] * 4 == [word in step for word, step in zip(words, steps, strict=True)]
    assert 1 == len(report.table("transfers").rows)


def test_requests_and_alerts_are_all_there(told: Told) -> None:
    """With who asked, why, and the answer."""
    _, report, _ = told

    assert [("Correction", "granted"), ("TransferAnswer", "granted"), ("RiskBudget", "granted")] == rows(
        report, "controls", "request", "answer"
    )
    assert ["cost_refused", "cost_refused", "transfer_proposed"] == report.table("alerts").column("code")[:3]


def test_the_use_of_limits_is_shown_over_time(told: Told) -> None:
    """The second day loses 200 below its opening; the fall from the peak is what the agent measured."""
    agent, report, _ = told
    limits = agent.state().risk_limits
    [*_, (loss, fall)] = rows(report, "limit_use", "daily_loss", "drawdown")

    assert pytest.approx(200 / float(limits.daily_loss_limit)) == loss
    assert pytest.approx(float(report.curve.drawdown[-1]) / float(limits.max_drawdown_limit)) == fall


def test_exposure_is_held_against_the_budget_of_the_moment() -> None:
    """The same exposure is more of a budget that an operator, or the protection of the principal, has lowered."""
    collector = ReportCollector(lambda time_ns: time_ns + NS_PER_DAY)
    for time_ns, budget in ((1, 400), (2, 100), (3, 0)):
        marked = EquityMarked(time_ns, Decimal(1_000), Decimal(100), Decimal(0))
        collector.mark(marked, RiskConfig(), Decimal(budget), open_orders=1)

    assert [0.25, 1.0, 1.0] == [use[1] for use in collector.limit_use]
    assert [1 / RiskConfig().max_open_orders] * 3 == [use[4] for use in collector.limit_use]


def test_the_page_shows_all_of_it_and_the_ledger_is_sound(told: Told) -> None:
    """One page; and every posting follows from the journal."""
    _, report, path = told
    page = html_report(report)
    ledger = read_ledger(path)

    assert all(text in page for text in ("Treasury by closed day", "Use of the risk limits", "credit note"))
    assert ledger.is_sound
    assert "correction:r-1:cost:c-1" in {line.cause for line in ledger.lines}
