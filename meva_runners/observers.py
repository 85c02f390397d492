"""Pass what an agent decided on to logs and metrics; decide nothing."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from meva_adapters.logs.structured import LogHandle
from meva_core.agent.outbox import Outcome
from meva_core.config.schema import AppConfig, LogLevel
from meva_core.ops.metrics import emit, metrics_of
from meva_core.ports.metrics import MetricsSink

Observe = Callable[[Outcome], None]


def logged(log: LogHandle) -> Observe:
    """Return what writes every record to *log*."""

    def observe(outcome: Outcome) -> None:
        for record in outcome.records:
            log.write(record, tick_id=outcome.sequence)

    return observe


def measured(sink: MetricsSink) -> Observe:
    """Return what measures every record into *sink*."""

    def observe(outcome: Outcome) -> None:
        for record in outcome.records:
            emit(sink, metrics_of(record))

    return observe


def as_loud_as(config: AppConfig, level: str | None, *, otherwise: LogLevel) -> AppConfig:
    """Return the configuration to log by: at *level*, as configured for a log file, or else at *otherwise*.

    How loud a run is told does not belong to the hash of its configuration.
    """
    if level is None:
        if config.observability.log_file:
            return config
        level = otherwise.value
    same_for_all = attrs.evolve(config.observability.logging, levels={})
    told = attrs.evolve(config.observability, log_level=LogLevel(level), logging=same_for_all)
    return attrs.evolve(config, observability=told)
