"""Do what paper, shadow and live have in common around an agent: settings, session, logs, outputs, exit status."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final, Protocol

import click
import orjson
from loguru import logger

from meva_adapters.feed.frame_recorder import FrameRecorder
from meva_adapters.logs.structured import configure_logging
from meva_adapters.reports.json_result import json_result
from meva_adapters.reports.summary import print_summary
from meva_adapters.secrets.references import ReferencedSecrets
from meva_adapters.settings import LoadedSettings, load_settings
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_adapters.wire.connection_notes import Record
from meva_core.agent.outbox import Outcome
from meva_core.config.schema import AppConfig, LogLevel
from meva_core.events import Event
from meva_core.ops.reporting import ReplayResult
from meva_core.risk.gate import (
    DAILY_LOSS,
    DRAWDOWN,
    INTERNAL_ERROR,
    KILL_SWITCH,
    RUNAWAY_ORDERS,
    VENUE_MISMATCH,
)
from meva_runners.composition import ConfiguredStrategy, compose_metrics, exposed, instruments_of
from meva_runners.exit_status import HALTED, INTERRUPTED, ORDERS_UNKNOWN
from meva_runners.observers import as_loud_as, logged, measured
from meva_runners.trading.agent_app import AgentApp
from meva_runners.trading.alarm import Alarm
from meva_runners.trading.options import TradingOptions
from meva_runners.trading.signals import stopping_on_signals
from meva_runners.trading.venue_link import VenueLink


class Companion(Protocol):
    """Watch a run and add to its result."""

    def observe(self, event: Event, outcome: Outcome) -> None:
        """Take note of one event and what followed from it."""
        ...

    def facts(self) -> dict[str, Any]:
        """Return what there is to add, for programs."""
        ...

    def lines(self) -> Iterable[str]:
        """Return what there is to add, for people."""
        ...


Beside = Callable[[AgentApp], Coroutine[object, object, None]]

# Why a supervisor must not start the agent again by itself.
_HALTS: Final = frozenset({KILL_SWITCH, DAILY_LOSS, DRAWDOWN, RUNAWAY_ORDERS, INTERNAL_ERROR, VENUE_MISMATCH})


def loaded(options: TradingOptions, *fixed: str) -> LoadedSettings:
    """Return the settings that *options* ask for; *fixed* is what the command itself decides."""
    return load_settings(
        options.env,
        files=options.config,
        overrides=options.settings_overrides(*fixed),
        environ=os.environ,
    )


async def trade(
    options: TradingOptions,
    settings: LoadedSettings,
    strategies: Sequence[ConfiguredStrategy],
    link: VenueLink,
    session: SqliteSession,
    *,
    beside: Sequence[Beside] = (),
    companion: Companion | None = None,
    secrets: Sequence[str] = (),
) -> int:
    """Run the agent at *link* to its end, show what it did, and return the exit status.

    What *beside* gives runs as long as the agent does; *companion* has something to add at the end.
    No log line holds a piece of *secrets*.
    """
    config = settings.config
    with ExitStack() as resources:
        told = as_loud_as(config, options.log_level, otherwise=LogLevel.ERROR)
        alarm = Alarm(config, ReferencedSecrets(os.environ))
        log = resources.enter_context(configure_logging(told, sys.stderr, secrets=(*alarm.secrets, *secrets)))
        sent, close_sink = compose_metrics(config)
        resources.callback(close_sink)
        sink, exposition = exposed(sent)
        app = AgentApp(
            settings,
            strategies,
            session,
            link,
            watchers=() if companion is None else (companion.observe,),
            observers=(logged(log), measured(sink)),
            sink=sink,
            on_alert=alarm.raise_alert,
            on_beat=alarm.beat,
            exposition=exposition,
        )
        async with alarm:
            with _naming_unsettled(app), stopping_on_signals(app.driver.stop) as signals:
                result = await app.run(
                    duration_s=options.duration,
                    dashboard=options.dashboard,
                    beside=[work(app) for work in beside],
                )
        session.close([("decision_hash", result.decision_hash), ("state_hash", result.state_hash)])
        _show(result, companion, as_json=options.json)
        return _status(app, signals)


@contextmanager
def recorded(options: TradingOptions, config: AppConfig) -> Iterator[Record | None]:
    """Give what keeps every raw frame of the market, where `--record` asks for it."""
    if options.record is None:
        yield None
        return
    with FrameRecorder(options.record, tuple(instruments_of(config)), on_fault=_note_fault) as recorder:
        yield recorder.record


def _note_fault(why: str) -> None:
    logger.bind(category="market_data", problem=why).error("recording.ended")


def _show(result: ReplayResult, companion: Companion | None, *, as_json: bool) -> None:
    if as_json:
        facts = {} if companion is None else companion.facts()
        click.echo(orjson.dumps(json_result(result) | facts).decode())
        return
    print_summary(result, sys.stdout)
    for line in () if companion is None else companion.lines():
        click.echo(line)


@contextmanager
def _naming_unsettled(app: AgentApp) -> Iterator[None]:
    """Name the orders whose end is not known also where the run ended by an error, which says nothing of them."""
    try:
        yield
    except Exception:
        if app.driver.unsettled:
            _name_unsettled(app)
        raise


def _name_unsettled(app: AgentApp) -> None:
    names = ", ".join(app.driver.unsettled)
    click.echo(f"Orders whose end is not known: {names}. Look at the venue.", err=True)


def _status(app: AgentApp, signals: Sequence[signal.Signals]) -> int:
    """Return the exit status; what a person must look into comes before how it was stopped."""
    if app.driver.unsettled:
        _name_unsettled(app)
        return ORDERS_UNKNOWN
    flags = app.agent.state().runtime_flags
    if _HALTS & flags.markers.keys():
        click.echo(f"Trading was halted: {flags.pause_reason}", err=True)
        return HALTED
    return INTERRUPTED if signals and signals[0] is not signal.SIGTERM else 0
