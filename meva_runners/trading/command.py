"""Do what paper, shadow and live have in common around an agent: settings, session, logs, outputs, exit status."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack
from typing import Final

import click

from meva_adapters.logs.structured import configure_logging
from meva_adapters.reports.json_result import json_text
from meva_adapters.reports.summary import print_summary
from meva_adapters.settings import LoadedSettings, load_settings
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.commands import RaiseAlert
from meva_core.config.schema import LogLevel
from meva_core.ops.reporting import ReplayResult
from meva_core.risk.gate import (
    DAILY_LOSS,
    DRAWDOWN,
    INTERNAL_ERROR,
    KILL_SWITCH,
    RUNAWAY_ORDERS,
    VENUE_MISMATCH,
)
from meva_runners.composition import ConfiguredStrategy, compose_metrics
from meva_runners.exit_status import HALTED, INTERRUPTED, ORDERS_UNKNOWN
from meva_runners.observers import as_loud_as, logged, measured
from meva_runners.trading.agent_app import AgentApp
from meva_runners.trading.options import TradingOptions
from meva_runners.trading.signals import stopping_on_signals
from meva_runners.trading.venue_link import VenueLink

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
) -> int:
    """Run the agent at *link* to its end, show what it did, and return the exit status.

    What *beside* gives runs as long as the agent does.
    """
    config = settings.config
    with ExitStack() as resources:
        told = as_loud_as(config, options.log_level, otherwise=LogLevel.ERROR)
        log = resources.enter_context(configure_logging(told, sys.stderr))
        sink, close_sink = compose_metrics(config)
        resources.callback(close_sink)
        app = AgentApp(
            settings,
            strategies,
            session,
            link,
            observers=(logged(log), measured(sink)),
            sink=sink,
            on_alert=_logged_already,
        )
        with stopping_on_signals(app.driver.stop) as signals:
            result = await app.run(
                duration_s=options.duration,
                dashboard=options.dashboard,
                beside=[work(app) for work in beside],
            )
        session.close([("decision_hash", result.decision_hash), ("state_hash", result.state_hash)])
        _show(result, as_json=options.json)
        return _status(app, signals)


def _logged_already(alert: RaiseAlert) -> None:
    """Do nothing: the record of every alert is logged."""


def _show(result: ReplayResult, *, as_json: bool) -> None:
    if as_json:
        click.echo(json_text(result))
    else:
        print_summary(result, sys.stdout)


def _status(app: AgentApp, signals: Sequence[signal.Signals]) -> int:
    """Return the exit status; what a person must look into comes before how it was stopped."""
    if app.driver.unsettled:
        names = ", ".join(app.driver.unsettled)
        click.echo(f"Orders whose end is not known: {names}. Look at the venue.", err=True)
        return ORDERS_UNKNOWN
    flags = app.agent.state().runtime_flags
    if _HALTS & flags.markers.keys():
        click.echo(f"Trading was halted: {flags.pause_reason}", err=True)
        return HALTED
    return INTERRUPTED if signals and signals[0] is not signal.SIGTERM else 0
