"""Say the result of a replay as one JSON object for programs; calculate nothing."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import orjson

from meva_core.model.money import plain
from meva_core.ops.reporting import ReplayResult

# The names are an interface: programs read them, so one is added at the end and none is renamed or removed.
FIELDS: Final[dict[str, Callable[[ReplayResult], Any]]] = {
    "events": lambda result: result.events,
    "signals": lambda result: result.summary.signals,
    "signals_rejected": lambda result: dict(result.summary.signals_rejected),
    "intents": lambda result: result.summary.intents,
    "risk_rejected": lambda result: dict(result.summary.risk_rejected),
    "orders": lambda result: result.summary.orders,
    "fills": lambda result: result.summary.fills,
    "fees": lambda result: _money(result.fees),
    "realized_pnl": lambda result: _money(result.realized_pnl),
    "unrealized_pnl": lambda result: _money(result.unrealized_pnl),
    "final_equity": lambda result: _money(result.summary.final_equity),
    "max_drawdown": lambda result: _money(result.summary.max_drawdown),
    "decision_hash": lambda result: result.decision_hash,
    "state_hash": lambda result: result.state_hash,
    "run_seconds": lambda result: round(result.run_seconds, 6),
    "load_seconds": lambda result: round(result.load_seconds, 6),
    "events_per_second": lambda result: round(result.events_per_second, 1),
    "seed": lambda result: result.seed,
    "config_hash": lambda result: result.config_hash,
    "tape_hash": lambda result: result.tape_hash,
}


def json_result(result: ReplayResult) -> dict[str, Any]:
    """Return *result* under the names of `FIELDS`; money is text in plain notation, exact.

    Amounts are in the reporting currency. `realized_pnl` is before `fees`; `max_drawdown` is an amount.
    """
    return {name: value(result) for name, value in FIELDS.items()}


def json_text(result: ReplayResult) -> str:
    """Return *result* as one line of JSON, without a line break."""
    return orjson.dumps(json_result(result)).decode("utf-8")


def _money(amount: Decimal) -> str:
    return (
        plain(amount) if amount else "0"
    )  # Zero has a sign and an exponent in Decimal; no reader wants them.
