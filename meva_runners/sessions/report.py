"""Make the report of a session, or of one day or week of it; write no file and change no byte of the session."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import attrs
import orjson
from attrs import frozen

from meva_adapters.clock.day_zone import next_day_in
from meva_adapters.feed.session_tape import SessionTape
from meva_adapters.settings import config_from_json
from meva_core.config.schema import AppConfig
from meva_core.errors import DataError, StorageError
from meva_core.model.market import NS_PER_SECOND
from meva_core.model.money import EXACT, ZERO
from meva_core.model.order import OrderStatus
from meva_core.ops.report import Curve, Origin, PriceLine, Report
from meva_core.ops.report_collector import ReportCollector
from meva_core.ops.report_figures import Account, distributions, groups, headline, waterfall
from meva_core.ops.report_tables import Limits, fills_table, months, orders_table, tables
from meva_core.ops.statistics import DAYS_MIN
from meva_core.ports.storage import SessionHeader
from meva_runners.sessions.books import SessionBooks, Standing

# More points than any screen has columns.
SAMPLES: Final = 1_500
# Steps that divide the quarter of an hour: days of every zone begin at a whole one, so their begin is a sample.
_STEPS_S: Final = (1, 2, 3, 5, 10, 15, 20, 30, 60, 90, 150, 180, 300, 450, 900)
_DAYS_OF_WEEK: Final = 7
_FOREVER: Final = 1 << 63


@frozen
class Period:
    """Hold what a report is about: a *title*, and the times in ns UTC between which it looks."""

    title: str
    start_ns: int = 0
    end_ns: int = _FOREVER


def report_of(path: Path, *, day: str | None = None, week: str | None = None) -> Report:
    """Return the report of the session at *path*: all of it, or the *day* (`2026-03-14`) or *week* of its zone.

    A week is named as `2026-W11`, or by any of its days. Raise `StorageError` for a session that is missing, in use,
    empty or damaged, and `DataError` for a period in which nothing happened.
    """
    with SessionTape(path) as tape, no_collections():
        config = config_from_json(tape.header.config_json)
        period = _period(config.day_zone, day, week)
        first_ns, last_ns = tape.span_ns
        watched_ns = min(last_ns, period.end_ns) - max(first_ns, period.start_ns)
        sampled = attrs.evolve(config.observability, equity_sample_s=_sample_s(watched_ns))
        collector = ReportCollector(next_day_in(config.day_zone))
        books = SessionBooks(
            tape,
            attrs.evolve(config, observability=sampled),
            collector,
            start_ns=period.start_ns,
            end_ns=period.end_ns,
        )
        books.read()
        if books.opened is None or books.closed is None:
            raise _nothing(tape, period, first_ns, last_ns)
        whole = period.end_ns == _FOREVER or period.end_ns > last_ns
        return _report(tape, config, period, books, collector, books.opened, books.closed, whole=whole)


def _sample_s(watched_ns: int) -> int:
    """Return how far apart samples of the equity lie, in seconds."""
    wanted_s = watched_ns // NS_PER_SECOND // SAMPLES
    return next((step for step in _STEPS_S if step >= wanted_s), _STEPS_S[-1])


def _report(
    tape: SessionTape,
    config: AppConfig,
    period: Period,
    books: SessionBooks,
    collector: ReportCollector,
    opened: Standing,
    closed: Standing,
    *,
    whole: bool,
) -> Report:
    results = tape.results()
    decision_hash = books.link.hex()
    if whole and results.get("decision_hash", decision_hash) != decision_hash:
        problem = f"ends with decision hash {decision_hash}, but says {results['decision_hash']}."
        raise StorageError(tape.source, problem, "Restore the file from a backup.")
    account = Account(
        start_equity=opened.equity,
        end_equity=closed.equity,
        realized=EXACT.subtract(closed.realized, opened.realized),
        unrealized=EXACT.subtract(closed.unrealized, opened.unrealized),
        fees=EXACT.subtract(closed.fees, opened.fees),
        transfers=EXACT.subtract(closed.transfers, opened.transfers),
        max_drawdown=books.max_drawdown,
        principal=config.treasury.principal_baseline,
    )
    problems = {
        cause: count - books.problems_before.get(cause, 0)
        for cause, count in books.problems().items()
        if count != books.problems_before.get(cause, 0)
    }
    worst_day = max((day.worst_loss for day in collector.days), default=ZERO)
    limits = Limits(risk=config.risk, max_drawdown=account.max_drawdown, worst_day=worst_day)
    zone = _zone(config.day_zone)
    return Report(
        title=period.title,
        first_ns=collector.first_ns,
        last_ns=collector.last_ns,
        origin=_origin(tape, config, collector, decision_hash, results if whole else {}),
        warnings=tuple(_warnings(collector, problems, ended=bool(results) or not whole)),
        headline=headline(collector, account),
        groups=groups(collector, account),
        curve=Curve(
            tuple(collector.times_ns),
            tuple(collector.equity),
            tuple(collector.drawdown),
            tuple(collector.exposure),
        ),
        prices=tuple(
            PriceLine(symbol, tuple(watch.times_ns), tuple(watch.prices))
            for symbol, watch in sorted(collector.markets.items())
        ),
        months=months(collector, lambda time_ns: _month(_local(time_ns, zone))),
        distributions=distributions(collector),
        waterfall=waterfall(collector, account),
        tables=tables(
            collector, limits, day_name=lambda time_ns: f"{_local(time_ns, zone):%Y-%m-%d}", problems=problems
        ),
        orders=orders_table(collector.orders),
        fills=fills_table(collector.fills),
        verify=(
            f"meva replay {tape.source} --verify",
            f"meva explain {tape.source} ORDER_ID",
        ),
    )


def _origin(
    tape: SessionTape,
    config: AppConfig,
    collector: ReportCollector,
    decision_hash: str,
    results: dict[str, str],
) -> Origin:
    header: SessionHeader = tape.header
    return Origin(
        source=tape.source,
        session_id=header.session_id,
        mode=header.mode,
        account=header.account,
        program_version=header.program_version,
        config_hash=header.config_hash,
        tape_hash=header.tape_hash,
        seed=header.seed,
        started_ns=header.started_ns,
        reporting_currency=config.reporting_currency,
        day_zone=config.day_zone,
        decision_hash=decision_hash,
        state_hash=results.get("state_hash", ""),
        decisions=collector.decisions,
        ended=bool(results),
        strategies=tuple(strategy.name for strategy in config.strategies),
        symbols=tuple(sorted(collector.markets)),
        parameters=tuple(parameters_of(orjson.loads(header.config_json))),
    )


def parameters_of(config: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield every value of a configuration with its key path, in order."""
    if isinstance(config, dict) and config:
        for key, value in config.items():
            yield from parameters_of(value, f"{place}.{key}" if place else str(key))
    elif isinstance(config, list) and any(isinstance(value, dict) for value in config):
        for number, value in enumerate(config):
            yield from parameters_of(value, f"{place}.{number}")
    else:
        yield place, config if isinstance(config, str) else orjson.dumps(config).decode()


def _warnings(collector: ReportCollector, problems: dict[str, int], *, ended: bool) -> Iterator[str]:
    if not ended:
        yield "The session was cut off: it ends with its last commit and has no final state hash."
    statuses = collector.statuses()
    unknown = statuses[OrderStatus.UNKNOWN]
    if unknown:
        yield f"{unknown:,} orders have an unknown outcome at the end of the period."
    open_orders = sum(not line.ended_ns for line in collector.orders) - unknown
    if open_orders:
        yield f"{open_orders:,} orders were still open at the end of the period."
    if collector.gate_changes.rows and collector.gate_changes.rows[-1][1] != "open":
        _, gate, _, code, reason = collector.gate_changes.rows[-1]
        yield f"Trading was {gate} at the end ({code}): {reason}."
    critical = sum(row[1] == "critical" for row in collector.alerts.rows)
    if critical:
        yield f"{critical:,} critical alerts were raised."
    if collector.comparisons["different"]:
        yield f"{collector.comparisons['different']:,} comparisons of books and venue found differences."
    gaps = sum(count for text, count in collector.connections.items() if ": gap" in text)
    if gaps:
        yield f"Streams had {gaps:,} gaps."
    if problems:
        yield f"{sum(problems.values()):,} market events were not used; see Market data."
    if len(collector.days) < DAYS_MIN:
        yield f"Fewer than {DAYS_MIN} days: annualised ratios would be noise and are left out."


def _period(zone: str, day: str | None, week: str | None) -> Period:
    if day is not None and week is not None:
        raise DataError("--day", 0, "a report is about a day or a week, not both.", "Leave one of them out.")
    where = _zone(zone)
    if day is not None:
        first = _date(day, "--day")
        return Period(f"Day {first}", _begin_ns(first, where), _begin_ns(first + timedelta(days=1), where))
    if week is not None:
        monday = _monday(week)
        year, number, _ = monday.isocalendar()
        last = monday + timedelta(days=_DAYS_OF_WEEK)
        return Period(f"Week {year}-W{number:02}", _begin_ns(monday, where), _begin_ns(last, where))
    return Period("Whole session")


def _monday(text: str) -> date:
    try:
        year, _, number = text.partition("-W")
        if number:
            return date.fromisocalendar(int(year), int(number), 1)
    except ValueError as error:
        raise DataError("--week", 0, f"{text!r} is no week.", "Write for example 2026-W11.") from error
    named = _date(text, "--week")
    return named - timedelta(days=named.weekday())


def _date(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise DataError(option, 0, f"{text!r} is no day.", "Write for example 2026-03-14.") from error


def _nothing(tape: SessionTape, period: Period, first_ns: int, last_ns: int) -> Exception:
    if period.end_ns == _FOREVER:
        problem = "never had a value: nothing that it holds has a price yet."
        return StorageError(tape.source, problem, "Record market data of every asset that is held.")
    seen = f"it has events from {_local(first_ns, UTC):%Y-%m-%d %H:%M} to {_local(last_ns, UTC):%Y-%m-%d %H:%M} UTC."
    return DataError(
        tape.source, 0, f"nothing happened in {period.title.lower()}.", f"Choose another: {seen}"
    )


def _begin_ns(day: date, where: Any) -> int:
    return int(datetime.combine(day, time(), where).timestamp()) * NS_PER_SECOND


def _zone(name: str) -> Any:
    return UTC if name == "UTC" else ZoneInfo(name)


def _local(time_ns: int, where: Any) -> datetime:
    return datetime.fromtimestamp(time_ns // NS_PER_SECOND, UTC).astimezone(where)


def _month(moment: datetime) -> tuple[int, int]:
    return moment.year, moment.month


@contextmanager
def no_collections() -> Iterator[None]:
    """Spare the search for cycles while a report is made: it keeps tens of thousands of rows, and makes no cycle."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
