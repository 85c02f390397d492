"""A run's result reads well for people, exactly for programs, and never forges the terminal."""

from __future__ import annotations

import io
from decimal import Decimal

import orjson
import pytest
from attrs import evolve
from rich.console import Console

from meva_adapters.reports.json_result import json_result, json_text
from meva_adapters.reports.progress import ReplayProgress
from meva_adapters.reports.summary import print_summary, render_summary
from meva_core.ops.reporting import ReplayResult, RunStatistics
from tests.unit.ops.records import (
    DAY_NS,
    equity_marked,
    fill_booked,
    order_submitted,
    risk_decided,
    signal_decided,
)

# The interface of the command line, in its order.
NAMES = (
    "events",
    "signals",
    "signals_rejected",
    "intents",
    "risk_rejected",
    "orders",
    "fills",
    "fees",
    "realized_pnl",
    "unrealized_pnl",
    "final_equity",
    "max_drawdown",
    "decision_hash",
    "state_hash",
    "run_seconds",
    "load_seconds",
    "events_per_second",
    "seed",
    "config_hash",
    "tape_hash",
)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def result() -> ReplayResult:
    """Return the result of a short run with a bit of everything."""
    statistics = RunStatistics("USDT")
    for record in (
        signal_decided(),
        signal_decided("expired"),
        risk_decided(),
        risk_decided("stale_data"),
        order_submitted(),
        fill_booked(realized="12.5", fee="0.5", closed="1", notional="1000"),
        equity_marked("1012", time_ns=DAY_NS // 2),
        equity_marked("1008.4", time_ns=DAY_NS, drawdown="3.6"),
    ):
        statistics.add(record)
    summary = statistics.summary(
        first_ns=0,
        last_ns=DAY_NS,
        start_equity=Decimal(1000),
        final_equity=Decimal("1008.40"),
        max_drawdown=Decimal("3.60000001"),
    )
    return ReplayResult(
        summary=summary,
        events=1_000_000,
        realized_pnl=Decimal("12.5"),
        unrealized_pnl=Decimal("-1E-8"),
        fees=Decimal("0.50"),
        decision_hash="d" * 32,
        state_hash="5" * 32,
        config_hash="c" * 32,
        tape_hash="7" * 32,
        seed=9,
        run_seconds=2.0,
        load_seconds=0.25,
        source="trades.csv",
        symbols=("BTC/USDT",),
        strategies=("sma_cross",),
    )


def shown(result: ReplayResult, width: int = 100) -> str:
    """Return the summary as plain text."""
    stream = io.StringIO()
    Console(file=stream, width=width, color_system=None).print(render_summary(result))
    return stream.getvalue()


def test_json_has_exactly_the_promised_names(result: ReplayResult) -> None:
    """Programs find every name, in the documented order."""
    assert list(NAMES) == list(json_result(result))


def test_json_is_exact_and_plain(result: ReplayResult) -> None:
    """Money is text without exponent, counts are numbers, refusals are by reason."""
    told = orjson.loads(json_text(result))

    expected = {
        "fees": "0.50",
        "realized_pnl": "12.5",
        "unrealized_pnl": "-0.00000001",
        "final_equity": "1008.40",
        "max_drawdown": "3.60000001",
        "signals": 2,
        "signals_rejected": {"expired": 1},
        "risk_rejected": {"stale_data": 1},
        "events_per_second": 500_000.0,
    }
    assert expected == {name: told[name] for name in expected}


def test_json_is_one_line(result: ReplayResult) -> None:
    """Standard output holds exactly one object."""
    assert "\n" not in json_text(result)


@pytest.mark.parametrize("zero", ["0", "-0", "0E-8", "0.00"])
def test_zero_is_zero(result: ReplayResult, zero: str) -> None:
    """However a zero came about, it is written the same."""
    assert "0" == json_result(evolve(result, fees=Decimal(zero)))["fees"]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_every_figure_is_shown_at_every_width(result: ReplayResult, width: int) -> None:
    """What a quant looks for first is there, and no line is wider than the screen."""
    text = shown(result, width)
    words = " ".join(text.split())

    for expected in (
        "1970-01-01 00:00",
        "+0.84 %",
        "3.60 USDT",
        "n/a: fewer than 30",
        "100.00 %",
        "0.50 USDT",
        "1,000.00 USDT",
        "expired 1",
        "stale_data 1",
        "500,000",
        "d" * 16,
        "7" * 16,
    ):
        assert expected in words, text
    assert width >= max(map(len, text.splitlines()))


def test_sections_stand_side_by_side_where_there_is_room(result: ReplayResult) -> None:
    """Wide screens show performance and trading at one glance."""
    assert any("Performance" in line and "Trading" in line for line in shown(result, 100).splitlines())
    assert not any("Performance" in line and "Trading" in line for line in shown(result, 80).splitlines())


@pytest.mark.parametrize(
    ("length_s", "expected"),
    [(30, "(30 seconds)"), (90, "(1.5 minutes)"), (7_200, "(2.0 hours)"), (86_400, "(1.0 days)")],
)
def test_a_short_run_has_a_length(result: ReplayResult, length_s: int, expected: str) -> None:
    """Half a minute on paper is not called no day at all."""
    summary = evolve(result.summary, last_ns=result.summary.first_ns + length_s * 10**9)

    assert expected in " ".join(shown(evolve(result, summary=summary), 200).split())


@pytest.mark.parametrize(
    ("final", "expected"),
    [("1000", "Return +0.00 %"), ("999.98", "Return -0.0020 %"), ("1001", "Return +0.10 %")],
)
def test_a_small_return_keeps_its_digits(result: ReplayResult, final: str, expected: str) -> None:
    """A loss of two thousandths of a per cent does not read as none, and nothing is never negative."""
    share = (Decimal(final) - 1000) / 1000
    total_return = evolve(result.summary.total_return, value=float(share))
    summary = evolve(result.summary, total_return=total_return, max_drawdown_share=0.0)
    words = " ".join(shown(evolve(result, summary=summary), 200).split())

    assert expected in words
    assert "(0.00 %)" in words


def test_a_day_is_named_once(result: ReplayResult) -> None:
    """The end of a run that ended on the day it began is an hour, and of any other a day too."""
    summary = evolve(result.summary, last_ns=result.summary.first_ns + 7_200 * 10**9)

    assert "1970-01-01 00:00 to 02:00" in shown(evolve(result, summary=summary), 200)
    assert "1970-01-01 00:00 to 1970-01-02 00:00" in shown(result, 200)


def test_a_run_without_a_tape_names_none(result: ReplayResult) -> None:
    """Paper trading follows a market; there is no hash to show."""
    assert "Tape" in shown(result)
    assert "Tape" not in shown(evolve(result, tape_hash=""))


def test_pipe_gets_no_control_codes(result: ReplayResult, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a file or a mail there is text alone, whatever the environment says."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    stream = io.StringIO()
    print_summary(result, stream)

    assert "\x1b" not in stream.getvalue()


def test_names_cannot_forge_the_terminal(result: ReplayResult) -> None:
    """Markup and cursor codes in a name are shown, not obeyed."""
    hostile = evolve(result, strategies=("[red]x[/red]\x1b[2J\n",), warnings=("a\rb",))

    assert "[red]x[/red]\\x1b[2J\\n" in shown(hostile)
    assert "warning: a\\rb" in shown(hostile)


def test_small_amounts_are_not_rounded_away(result: ReplayResult) -> None:
    """An account in BTC has results below a cent."""
    assert "-0.00000001 USDT" in shown(result)


def test_many_reasons_are_cut(result: ReplayResult) -> None:
    """The most frequent ones are named, the others counted."""
    reasons = {f"reason-{number}": 9 for number in range(11)}
    text = shown(evolve(result, summary=evolve(result.summary, signals_rejected=reasons)), 200)

    assert "reason-7 9, 3 more reasons" in text


def test_a_first_try_with_too_large_orders_is_told_what_to_do(result: ReplayResult) -> None:
    """Only where the size of every order was the reason, and no order left."""
    tried = evolve(result.summary, orders=0, risk_rejected={"max_notional_per_trade": 3})
    closed = evolve(tried, risk_rejected={"max_notional_per_trade": 3, "gate_closed": 1})
    advice = "strategy.quantity (0.01, say), or raise the limit: --set risk.max_notional_per_trade="

    assert advice in shown(evolve(result, summary=tried))
    assert "strategy.quantity" not in shown(evolve(result, summary=evolve(tried, orders=1)))
    assert "strategy.quantity" not in shown(evolve(result, summary=closed))
    assert "strategy.quantity" not in shown(
        evolve(result, summary=evolve(tried, risk_rejected={"stale_data": 3}))
    )


def test_terminal_of_few_letters_gets_no_bars(result: ReplayResult) -> None:
    """Where the encoding has no bars, the curve is left out rather than broken."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    print_summary(result, stream)
    stream.flush()

    assert b"Performance" in raw.getvalue()
    assert b"Equity  " not in raw.getvalue().replace(b"Equity   ", b"")


class Ticks:
    """A clock in seconds that a test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_progress_is_drawn_on_a_terminal() -> None:
    """Share and speed of a long replay appear."""
    terminal, ticks = Terminal(), Ticks()
    with ReplayProgress(terminal, 1_000, now_s=ticks) as progress:
        ticks.now_s += 2
        progress.update(250, 800_000)

    assert " 25%" in terminal.getvalue()
    assert "400,000 events/s" in terminal.getvalue()


def test_short_replay_shows_no_bar() -> None:
    """What ends within half a second does not flicker."""
    terminal, ticks = Terminal(), Ticks()
    with ReplayProgress(terminal, 1_000, now_s=ticks) as progress:
        ticks.now_s += 0.4
        progress.update(900, 10)

    assert "" == terminal.getvalue()


def test_drawing_is_rare() -> None:
    """Ten thousand blocks within a tenth of a second draw one picture."""
    terminal, ticks = Terminal(), Ticks()
    with ReplayProgress(terminal, 10_000, now_s=ticks) as progress:
        ticks.now_s += 1
        for block in range(10_000):
            progress.update(block, block)

        assert 1 >= terminal.getvalue().count("events/s")


def test_no_terminal_no_bar() -> None:
    """Redirected standard error stays free of it."""
    stream, ticks = io.StringIO(), Ticks()
    with ReplayProgress(stream, 1_000, now_s=ticks) as progress:
        ticks.now_s += 9
        progress.update(500, 1)

    assert "" == stream.getvalue()
