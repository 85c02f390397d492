"""Do what a replay's command line asks for: settings, tapes, run, outputs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final, Self

import attrs
import click
from attrs import frozen

from meva_adapters.logs.structured import configure_logging
from meva_adapters.reports.json_result import json_text
from meva_adapters.reports.progress import ReplayProgress
from meva_adapters.reports.report_files import write_report
from meva_adapters.reports.summary import print_summary
from meva_adapters.settings import LoadedSettings, load_settings
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.config.schema import LogLevel
from meva_core.errors import DataError, InvariantError, MevaError
from meva_core.ops.metrics import emit, metrics_of_state
from meva_core.ops.report import Report
from meva_core.ops.reporting import ReplayResult
from meva_core.ports.market_feed import Tape
from meva_runners.commands.report_app import available_formats
from meva_runners.composition import ConfiguredStrategy, compose_metrics, instruments_of
from meva_runners.observers import as_loud_as, logged, measured
from meva_runners.replaying.options import ReplayOptions
from meva_runners.replaying.run import ReplayRun, equity_rows
from meva_runners.replaying.tapes import SAMPLE, first_fault, moment, opened_tapes, tape_hash, tape_warnings
from meva_runners.run_result import RunFacts
from meva_runners.sessions.header import session_header
from meva_runners.sessions.recorder import SessionRecorder
from meva_runners.sessions.report import report_of
from meva_runners.strategy_loading import configured_strategies

# Stops of `--check`: enough to meet an open order and a half-built candle, few enough to stay quick.
_STOPS: Final = 8


@frozen
class ReplayApp:
    """Replay as *options* say, with checked settings and built strategies."""

    options: ReplayOptions
    settings: LoadedSettings
    strategies: tuple[ConfiguredStrategy, ...]

    @classmethod
    def from_options(cls, options: ReplayOptions) -> Self:
        """Load settings and strategies; raise with every fault of them."""
        settings = load_settings(
            options.env,
            files=options.config,
            overrides=options.settings_overrides(),
            environ=os.environ,
        )
        return cls(options, settings, configured_strategies(settings.config, settings.origins))

    def replay(self) -> ReplayResult:
        """Replay, and record the session where one is asked for; raise when a tape had repeats or gaps."""
        with opened_tapes(self.options, instruments_of(self.settings.config)) as tapes:
            result = self._replayed(tapes, self.options.session)
        fault = first_fault(tapes)
        if fault is not None:
            raise fault
        return result

    def run(self) -> None:
        """Replay, and write every output that was asked for; then raise when a tape had repeats or gaps."""
        config = self.settings.config
        with ExitStack() as resources:
            session = self.options.session
            if session is None and self.options.report is not None:
                session = Path(resources.enter_context(TemporaryDirectory(prefix="meva-"))) / "session.db"
            tapes = resources.enter_context(opened_tapes(self.options, instruments_of(config)))
            result = self._replayed(tapes, session)
            if self.options.check:
                self._check(tapes, result)
            self._show(result)
            if self.options.report is not None and session is not None:
                self._write_report(self.options.report, session, result)
        fault = first_fault(tapes)
        if fault is not None:
            raise fault

    def _show(self, result: ReplayResult) -> None:
        if self.options.json:
            click.echo(json_text(result))
            for warning in result.warnings:  # The summary has a place for them, the object has none.
                click.echo(f"Warning: {warning}.", err=True)
        else:
            print_summary(result, sys.stdout)

    def _write_report(self, directory: Path, session: Path, result: ReplayResult) -> None:
        """Write the result's own files, and the report of the session where the account ever had a value."""
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "result.json").write_text(json_text(result) + "\n", encoding="utf-8")
        (directory / "equity.csv").write_text("".join(equity_rows(result)), encoding="utf-8")
        with (directory / "summary.txt").open("w", encoding="utf-8") as file:
            print_summary(result, file)
        if result.summary.equity_curve:
            report = report_of(session)
            if self.options.session is None:
                report = _without_session(report, result)
            write_report(report, directory, available_formats())
        click.echo(f"Report written to {directory}", err=True)

    def _replayed(self, tapes: Sequence[Tape], session_path: Path | None) -> ReplayResult:
        config = self.settings.config
        # The summary counts what was refused; a line for each would bury it.
        logging = as_loud_as(config, self.options.log_level, otherwise=LogLevel.ERROR)
        with ExitStack() as resources:
            log = resources.enter_context(configure_logging(logging, sys.stderr))
            sink, close_sink = compose_metrics(config)
            resources.callback(close_sink)

            if config.observability.metrics == "none":
                run = ReplayRun(config, self.strategies, observers=(logged(log),), read=log.audible)
            else:
                run = ReplayRun(config, self.strategies, observers=(logged(log), measured(sink)))
            session = None
            if session_path is not None:
                session = resources.enter_context(self._session(session_path, run, tapes))
            with ReplayProgress(sys.stderr, sum(tape.size_bytes for tape in tapes)) as progress:
                self._replay(
                    run,
                    tapes,
                    on_progress=lambda: progress.update(_position(tapes), run.driver.market_events),
                )
            result = run.result(self._facts(tapes))
            emit(sink, metrics_of_state(run.driver.agent.state(), equity=run.driver.agent.account.equity))
            if session is not None:
                session.close([("decision_hash", result.decision_hash), ("state_hash", result.state_hash)])
        return result

    def _replay(
        self,
        run: ReplayRun,
        tapes: Sequence[Tape],
        *,
        stops: Sequence[int] = (),
        on_progress: Callable[[], None] | None = None,
    ) -> None:
        run.replay(
            tapes,
            start_ns=moment(self.options.start, "--start"),
            end_ns=moment(self.options.end, "--end"),
            stops=stops,
            on_progress=on_progress,
        )

    def _facts(self, tapes: Sequence[Tape]) -> RunFacts:
        sources = [tape.source for tape in tapes]
        source = "bundled sample" if sources == [str(SAMPLE)] else ", ".join(sources)
        return RunFacts(
            config_hash=self.settings.config_hash,
            tape_hash=tape_hash(tapes),
            source=source,
            symbols=tuple(sorted({symbol for tape in tapes for symbol in tape.symbols})),
            warnings=tuple(tape_warnings(tapes)),
        )

    def _check(self, tapes: Sequence[Tape], straight: ReplayResult) -> None:
        """Replay again, event by event, stopped and resumed at random ones; raise when the results differ."""
        if not straight.events:
            raise DataError("--check", 0, "there is no event to stop at.", "Choose a longer period.")
        draw = Random(straight.seed)  # noqa: S311 - seeded, so that a check can be repeated.
        stops = sorted(draw.sample(range(1, straight.events + 1), min(_STOPS, straight.events)))
        run = ReplayRun(self.settings.config, self.strategies, columns_from=None)
        self._replay(run, tapes, stops=stops)
        resumed = run.result(self._facts(tapes))
        for name in ("decision_hash", "state_hash"):
            one, other = getattr(straight, name), getattr(resumed, name)
            if one != other:
                places = ", ".join(f"{stop:,}" for stop in stops)
                facts = (
                    f"{name} {one} straight through, {other} when resumed after events {places}; a strategy or "
                    "feature of your own that remembers what no checkpoint carries, or a guard that looks at more than "
                    "features and stance, is the usual cause"
                )
                raise InvariantError("a resumed run equals a straight one", facts)
        click.echo(f"Check passed: stopped and resumed {len(stops)} times, equal hashes.", err=True)

    @contextmanager
    def _session(self, path: Path, run: ReplayRun, tapes: Sequence[Tape]) -> Iterator[SqliteSession]:
        config = self.settings.config
        header = session_header(self.settings, tape_hash=tape_hash(tapes))
        session = SqliteSession.create(path, header)
        try:
            recorder = SessionRecorder(
                session,
                instruments_of(config),
                checkpoint=run.checkpoint,
                checkpoint_events=config.observability.checkpoint_events,
            )
            run.record_with(recorder)
            yield session
        except MevaError:
            session.close()  # It was raised between two events: all that was handled is whole.
            raise
        finally:
            session.abandon()  # A Ctrl-C may come amid an event, of which no half may be committed.


def _position(tapes: Sequence[Tape]) -> int:
    return sum(tape.position_bytes for tape in tapes)


def _without_session(report: Report, result: ReplayResult) -> Report:
    """Return *report* for a replay whose session was not kept: it is verified by replaying again."""
    again = (
        "Replay the same tape with the same settings and seed: the decision hash must be equal.",
        "Record it with --session FILE to verify every event and to explain every order.",
    )
    return attrs.evolve(report, origin=attrs.evolve(report.origin, source=result.source), verify=again)
