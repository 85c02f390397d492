"""List what the agent says about its decisions, as values; logs, metrics, reports and sessions use them.

Records are produced only where something was decided or booked, never per market event. On the path of an order
they travel as facts, which become records when somebody asks for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, TypeVarTuple, get_args

import attrs

from meva_core.commands import PlaceOrder, RaiseAlert
from meva_core.model.fill import Fill
from meva_core.model.order import OrderRequest, OrderStatus
from meva_core.model.state import Gate
from meva_core.model.value import value
from meva_core.portfolio.attribution import DayAttribution
from meva_core.portfolio.ledger_service import LedgerEntry
from meva_core.portfolio.surplus import DaySurplus
from meva_core.signals.strategy import Signal


@value
class SignalDecided:
    """A strategy answered; *reject_reason* is empty when the signal is valid."""

    time_ns: int
    decision: int
    strategy: str
    symbol: str
    signal: Signal
    reject_reason: str


@value
class RiskDecided:
    """The risk gate judged an intent; *codes* names every rule that refused, and is empty when approved."""

    time_ns: int
    decision: int
    strategy: str
    symbol: str
    approved: bool
    codes: tuple[str, ...]
    explanation: str


@value
class OrderSubmitted:
    """An approved order was recorded with its reservation and handed over for sending."""

    time_ns: int
    decision: int
    request: OrderRequest
    decision_price: Decimal


@value
class OrderUpdated:
    """An order changed its status; *filled_quantity* is what of it has filled so far, if the teller knows."""

    time_ns: int
    request: OrderRequest
    venue_order_id: str
    status: OrderStatus
    evidence: str
    filled_quantity: Decimal | None = None


@value
class FillBooked:
    """A fill was booked. *realized* and *fee_value* are in the reporting currency.

    *closed_quantity* is what of an existing position it closed; *slippage_bps* compares it with the
    price at the decision, positive when it cost.
    """

    time_ns: int
    fill: Fill
    strategy: str
    realized: Decimal
    fee_value: Decimal
    notional_value: Decimal
    closed_quantity: Decimal
    slippage_bps: float


@value
class EquityMarked:
    """The account was valued, in the reporting currency."""

    time_ns: int
    equity: Decimal
    exposure: Decimal
    drawdown: Decimal


@value
class GateChanged:
    """The trading gate moved, with the cause."""

    time_ns: int
    gate: Gate
    epoch: int
    code: str
    reason: str
    actor: str


@value
class ControlAnswered:
    """An operator's request was granted, or refused with a reason."""

    time_ns: int
    request_id: str
    actor: str
    request: str
    refusal: str


@value
class VenueCompared:
    """Books and venue were compared.

    *differences* hold both numbers each; *stale* says that the answer was older than the books and proves nothing;
    *unsettled* counts the orders whose outcome is open.
    """

    time_ns: int
    stale: bool
    differences: tuple[str, ...]
    unsettled: int


@value
class DataRejected:
    """An input was not used, and why; repeated causes are counted, and told once."""

    time_ns: int
    symbol: str
    problem: str


@value
class MoneyBooked:
    """A cost, a transfer or a movement of the reserve was posted to the ledger."""

    time_ns: int
    entry: LedgerEntry


@value
class DayClosed:
    """A day ended; *why* explains its change of equity.

    *rolling_surplus_30d* and *reserve* hold its *day*; all is in the reporting currency.
    """

    time_ns: int
    day: DaySurplus
    why: DayAttribution
    rolling_surplus_30d: Decimal
    reserve: Decimal


@value
class AlertRaised:
    """An alert was raised."""

    time_ns: int
    alert: RaiseAlert


Record = (
    SignalDecided
    | RiskDecided
    | OrderSubmitted
    | OrderUpdated
    | FillBooked
    | EquityMarked
    | GateChanged
    | ControlAnswered
    | VenueCompared
    | DataRejected
    | AlertRaised
    | MoneyBooked
    | DayClosed
)

Fields = TypeVarTuple("Fields")
# What is to be said, before anybody asks for records: what makes them, and its arguments.
Kind = Callable[..., Record | tuple[Record, ...]]
Fact = tuple[Kind, tuple[Any, ...]]


def fact(kind: Callable[[*Fields], Record], *fields: *Fields) -> Fact:
    """Return the fact that becomes a record of this *kind*."""
    return kind, fields


def fact_of(record: Record) -> Fact:
    """Return the fact that becomes an equal record."""
    return type(record), attrs.astuple(record, recurse=False)


def records_of(facts: Iterable[Fact]) -> tuple[Record, ...]:
    """Return what *facts* become, in order."""
    records: list[Record] = []
    for kind, fields in facts:
        made = kind(*fields)
        if isinstance(made, tuple):
            records += made
        else:
            records.append(made)
    return tuple(records)


def order_placed(signal: Signal, command: PlaceOrder) -> tuple[SignalDecided, RiskDecided, OrderSubmitted]:
    """Say that a valid signal was approved and handed over as an order: one fact for three records."""
    intent = command.approved.intent
    time_ns, decision, strategy, symbol = intent.created_ns, intent.decision, intent.strategy, intent.symbol
    return (
        SignalDecided(time_ns, decision, strategy, symbol, signal, ""),
        RiskDecided(time_ns, decision, strategy, symbol, True, (), ""),
        OrderSubmitted(time_ns, decision, command.request, intent.reference_price),
    )


# The kinds of records that each kind of fact becomes.
MADE_OF: Final[Mapping[Kind, frozenset[type[Record]]]] = {
    **{kind: frozenset({kind}) for kind in get_args(Record)},
    order_placed: frozenset({SignalDecided, RiskDecided, OrderSubmitted}),
}
