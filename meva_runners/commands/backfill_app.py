"""Fetch what the options ask for, symbol by symbol, and report what each file holds; know no page and no row."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
from attrs import frozen

from meva_adapters.clock.system import SystemClock
from meva_adapters.feed.gap_report import Gap, GapReport, report_gaps
from meva_adapters.feed.paged_file import PagedFile, cells_of, write_parquet
from meva_adapters.reports.progress import FetchProgress
from meva_adapters.transport.http import HttpTransport
from meva_adapters.transport.patient_calls import PatientCalls, PublicCalls
from meva_adapters.wire.symbols import venue_symbol
from meva_adapters.wire.times import text_of_ns
from meva_core.errors import ConfigError, DataError, OffGridError, VenueUnknownError
from meva_core.model.instrument import split_symbol
from meva_core.model.market import NS_PER_MS, TIMEFRAME_NS
from meva_runners.commands.backfill_options import BackfillOptions
from meva_runners.commands.backfill_sources import SOURCES, Asked, Row, Shape, Source
from meva_runners.replaying.tapes import moment
from meva_runners.venues.registry import name_at

_USUAL: Final = "binance"
_DAY_MS: Final = 86_400_000
_GAPS_SHOWN: Final = 10
_TOLD_WAIT_S: Final = 2.0  # Shorter waits are ordinary.
_WHOLE_COLUMNS: Final = frozenset(
    {"open_time", "close_time", "count", "agg_trade_id", "first_id", "last_id", "time", "id", "ts_ns"}
)


@frozen(kw_only=True)
class Job:
    """Describe one file: what it holds, in which shape, and where."""

    symbol: str
    shape: Shape
    kind: str
    timeframe: str
    start_ms: int
    end_ms: int
    path: Path

    @property
    def is_bars(self) -> bool:
        """Return whether it is paged by time rather than by trade id."""
        return self.kind == "klines"


def backfill(options: BackfillOptions) -> None:
    """Fetch every symbol and print the result."""
    source = SOURCES[options.like or name_at(options.url or "") or _USUAL]
    jobs = jobs_of(options, source, SystemClock().now_ns() // NS_PER_MS)
    asyncio.run(_fetch_all(options, source, jobs))


def jobs_of(options: BackfillOptions, source: Source, now_ms: int) -> list[Job]:
    """Return a job per symbol; raise `ConfigError` naming all that is wrong."""
    start_ms = (moment(options.start, "--start") or 0) // NS_PER_MS
    end_ns = moment(options.end, "--end")
    end_ms = now_ms // _DAY_MS * _DAY_MS if end_ns is None else end_ns // NS_PER_MS
    problems = []
    if end_ms > now_ms:
        problems.append(f"--end: got {options.end}. Expected a time that is over.")
    if start_ms >= end_ms:
        end = text_of_ns(end_ms * NS_PER_MS)
        problems.append(f"--start: got {options.start}. Expected a time before the end, {end}.")
    for symbol in options.symbols:
        try:
            split_symbol(symbol)
        except OffGridError:
            problems.append(f"SYMBOL: got {symbol!r}. Expected base and quote, such as BTC/USDT.")
    problems += source.problems(options.kind, options.timeframe, start_ms, now_ms)
    if problems:
        raise ConfigError(tuple(problems))
    what = f"klines_{options.timeframe}" if options.kind == "klines" else options.kind
    period = f"{_stamp(start_ms)}_{_stamp(end_ms)}"
    return [
        Job(
            symbol=symbol,
            shape=source.shapes[options.kind],
            kind=options.kind,
            timeframe=options.timeframe,
            start_ms=start_ms,
            end_ms=end_ms,
            path=options.out / f"{venue_symbol(symbol).lower()}_{what}_{period}.{options.format}",
        )
        for symbol in dict.fromkeys(options.symbols)
    ]


async def _fetch_all(options: BackfillOptions, source: Source, jobs: Sequence[Job]) -> None:
    url, answers = options.url or source.url, []
    async with HttpTransport() as transport:
        calls = source.calls(transport, url, weight=options.weight_per_minute or source.weight)
        for job in jobs:
            try:
                asked = await _fetch(job, source, calls, options)
            except VenueUnknownError as exc:
                problem = f"{exc.operation} brought nothing usable: {exc.problem}."
                remedy = "Check the address and the network; the same command continues where it ended."
                raise DataError(url, 0, problem, remedy) from exc
            report = checked(job)
            answers.append(_facts(job, report) | asked)
            if not options.json:
                click.echo("\n".join(_sentences(job, report)))
    if options.json:
        click.echo(json.dumps({"files": answers}, indent=2))


async def _fetch(job: Job, source: Source, calls: PublicCalls, options: BackfillOptions) -> dict[str, Any]:
    """Fetch what is missing of one file; return what it took."""
    if job.path.exists():
        return {"requests": 0, "waited_s": 0.0}
    doing = f"fetching {job.symbol} {job.kind}"
    with FetchProgress(sys.stderr, job.end_ms - job.start_ms, doing=doing) as progress:
        done, rows = 0, 0

        def waited(seconds: float, reason: str) -> None:
            progress.update(done, rows, f"waiting {seconds:.0f} s: {reason[:60]}")
            if seconds >= _TOLD_WAIT_S and not sys.stderr.isatty():
                click.echo(f"Waiting {seconds:.0f} s: {reason}", err=True)

        patient = PatientCalls(calls, jitter=random.random, unreached_s=options.patience, waited=waited)
        asked = Asked(
            symbol=job.symbol,
            kind=job.kind,
            timeframe=job.timeframe,
            start_ms=job.start_ms,
            end_ms=job.end_ms,
            page=options.page,
        )
        pages = source.pages(patient, asked)
        table = job.path if job.path.suffix == ".csv" else job.path.with_name(job.path.name + ".rows")
        if not table.exists():
            with PagedFile(table, job.shape.columns, symbol=job.symbol) as file:
                async for fetched in pages(file.last):
                    file.append(fetched)
                    rows += len(fetched)
                    done = _time_ms(job, fetched[-1]) - job.start_ms
                    progress.update(done, rows)
                file.finish()
    if job.path != table:
        write_parquet(table, job.path, whole_columns=sorted(_WHOLE_COLUMNS))
        table.unlink()
    return {"requests": patient.requests, "waited_s": round(patient.waited_s, 3)}


def checked(job: Job) -> GapReport:
    """Look the whole file through; raise `DataError` where a row comes twice."""
    keys = (int(key) for (key,) in cells_of(job.path, job.shape.columns[0]))
    if job.is_bars:
        step = TIMEFRAME_NS[job.timeframe] // NS_PER_MS
        first = -(-job.start_ms // step) * step
        report = report_gaps(keys, step=step, first=first, end=job.end_ms // step * step)
    else:
        report = report_gaps(keys, step=1)
    if report.repeated:
        problem = f"{report.repeated} rows come twice or run backwards."
        raise DataError(str(job.path), 0, problem, "Remove the file, and fetch it again.")
    return report


def _facts(job: Job, report: GapReport) -> dict[str, Any]:
    return {
        "symbol": job.symbol,
        "kind": job.kind,
        "timeframe": job.timeframe if job.is_bars else None,
        "start": text_of_ns(job.start_ms * NS_PER_MS),
        "end": text_of_ns(job.end_ms * NS_PER_MS),
        "path": str(job.path),
        "rows": report.rows,
        "first": report.first,
        "last": report.last,
        "missing": report.missing,
        "gaps": [[gap.after, gap.before, gap.missing] for gap in report.gaps],
    }


def _sentences(job: Job, report: GapReport) -> Iterator[str]:
    what = f"{job.timeframe} bars" if job.is_bars else "trades"
    missing = f"{report.missing:,} are missing" if report.missing else "none is missing"
    yield f"{job.symbol}: {report.rows:,} {what}, {missing}: {job.path}"
    for gap in report.gaps[:_GAPS_SHOWN]:
        yield f"  {gap.missing:,} {_place(job, gap)}"
    if len(report.gaps) > _GAPS_SHOWN:
        yield "  and more: --json lists them"


def _place(job: Job, gap: Gap) -> str:
    def told(key: int) -> str:
        return text_of_ns(key * NS_PER_MS) if job.is_bars else f"trade {key}"

    after = "from the start" if gap.after < 0 else f"after {told(gap.after)}"
    return f"{after} {'to the end' if gap.before < 0 else f'before {told(gap.before)}'}"


def _time_ms(job: Job, row: Row) -> int:
    return int(row[job.shape.time_column]) * job.shape.unit_ns // NS_PER_MS


def _stamp(time_ms: int) -> str:
    moment_utc = datetime.fromtimestamp(time_ms / 1000, UTC)
    return f"{moment_utc:%Y%m%d}" if time_ms % _DAY_MS == 0 else f"{moment_utc:%Y%m%dT%H%M%S}"
