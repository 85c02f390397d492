"""Define what an operator may ask of a running agent, and what is shown; decide nothing.

Every amount is in the reporting currency unless its docstring says otherwise; times are nanoseconds UTC.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Protocol

from attrs import frozen


@frozen
class ControlAnswer:
    """Answer one request, durably. *refusal* is empty when it was granted; the rest is the gate before and after."""

    request_id: str
    refusal: str
    gate_before: str
    gate_after: str
    gate_epoch: int


@frozen
class MarkerView:
    """Show one reason why the gate is not open."""

    code: str
    gate: str
    reason: str
    actor: str
    since_ns: int


@frozen
class GateView:
    """Show how much may be sent. A request toward risk must name *epoch*."""

    state: str
    epoch: int
    markers: tuple[MarkerView, ...]


@frozen
class LimitView:
    """Show one limit and how much of it is used; *unit* is a currency or `orders`."""

    name: str
    used: Decimal
    limit: Decimal
    unit: str


@frozen
class PositionView:
    """Show what is held of one symbol; *cost* and *mark* are in its quote asset, *mark* 0 while unknown."""

    symbol: str
    quantity: Decimal
    cost: Decimal
    mark: Decimal
    realized: Decimal


@frozen
class OrderView:
    """Show one order that is not over; *limit_price* is empty for a market order."""

    client_order_id: str
    symbol: str
    side: str
    type: str
    quantity: Decimal
    filled_quantity: Decimal
    limit_price: str
    status: str
    strategy: str
    evidence: str
    created_ns: int


@frozen
class FillView:
    """Show one execution of ours; *fee* is in *fee_asset*."""

    time_ns: int
    symbol: str
    side: str
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    client_order_id: str


@frozen
class PnlView:
    """Show profit and loss; *equity* is 0 until every holding has a price."""

    equity: Decimal
    realized: Decimal
    unrealized: Decimal
    fees: Decimal
    pnl_today: Decimal
    drawdown: Decimal


@frozen
class TransferView:
    """Show one transfer of surplus and how far it has come; *amount* is positive and leaves the account."""

    transfer_id: str
    asset: str
    amount: Decimal
    status: str
    changed_ns: int


@frozen
class TreasuryView:
    """Show whether the agent pays for itself. *transfers* are oldest first."""

    principal_baseline: Decimal
    operating_costs_today: Decimal
    reserve_accrual_today: Decimal
    rolling_surplus_30d: Decimal
    principal_protected: bool
    reserve: Decimal
    transfers: tuple[TransferView, ...]


@frozen
class DecisionView:
    """Show one thing that was decided or booked, after event *sequence*. *decision* is 0 where it belongs to none."""

    sequence: int
    time_ns: int
    decision: int
    kind: str
    symbol: str
    client_order_id: str
    text: str


@frozen
class DecisionPage:
    """Hold some decisions, oldest first. *next* leads on from them, 0 where there is no more."""

    decisions: tuple[DecisionView, ...]
    next: int


@frozen
class AlertView:
    """Show one alert that was raised. *stands* says that its cause is not gone, *acknowledged_by* who has seen it."""

    time_ns: int
    level: str
    code: str
    subject: str
    message: str
    stands: bool
    acknowledged_by: str


@frozen
class FigureView:
    """Show one measure of the agent's own circumstances, for people."""

    name: str
    value: Decimal
    unit: str


@frozen
class BudgetView:
    """Show one limit that a venue sets to requests: *reserve* of *limit* is kept for what makes things safer.

    While *blocked_ms* is not 0 nothing leaves at all, for so long.
    """

    name: str
    used: int
    limit: int
    reserve: int
    blocked_ms: int


@frozen
class CallsView:
    """Show how a venue answered the last *calls*; *answered_ms_ago* is -1 before its first answer."""

    calls: int
    unanswered: int
    median_ms: Decimal
    p99_ms: Decimal
    answered_ms_ago: int


@frozen
class VenueView:
    """Show how much a venue lets us ask, and how it answers."""

    name: str
    budgets: tuple[BudgetView, ...]
    calls: CallsView


NO_VENUE: Final = VenueView("", (), CallsView(0, 0, Decimal(0), Decimal(0), -1))


@frozen
class HealthView:
    """Show how the agent is. *ready* says that it trades, or would; *problems* say why not.

    *streams* says of each whether it is up.
    """

    status: str
    ready: bool
    problems: tuple[str, ...]
    heartbeat_age_ms: int
    figures: tuple[FigureView, ...]
    streams: dict[str, bool]
    venue: VenueView


@frozen
class PointView:
    """Show one point of a curve: equity with its drawdown, or a price with 0."""

    time_ns: int
    value: Decimal
    drawdown: Decimal


@frozen
class StatusView:
    """Show everything at once, as of one moment."""

    mode: str
    agent: str
    service: str
    account: str
    reporting_currency: str
    as_of_ns: int
    events: int
    risk_budget: Decimal
    gate: GateView
    health: HealthView
    pnl: PnlView
    treasury: TreasuryView
    limits: tuple[LimitView, ...]
    positions: tuple[PositionView, ...]
    orders: tuple[OrderView, ...]
    fills: tuple[FillView, ...]
    decisions: tuple[DecisionView, ...]
    alerts: tuple[AlertView, ...]
    equity: tuple[PointView, ...]
    prices: dict[str, tuple[PointView, ...]]


class OperatorDesk(Protocol):
    """Carry an operator's wishes into a running agent.

    A method returns when its answer is durable, and raises `StorageError` when it could not be made so. A
    repeated *request_id* gets the first answer again and changes nothing. Going to safety is always granted;
    going to risk needs the gate's current epoch.
    """

    async def pause(self, request_id: str, *, actor: str, reason: str) -> ControlAnswer:
        """Send no new orders from now on."""
        ...

    async def kill(self, request_id: str, *, actor: str, reason: str) -> ControlAnswer:
        """Send nothing more and cancel every order of ours."""
        ...

    async def resume(self, request_id: str, *, actor: str, reason: str, expected_epoch: int) -> ControlAnswer:
        """Trade again after a pause."""
        ...

    async def release(
        self, request_id: str, *, actor: str, reason: str, expected_epoch: int
    ) -> ControlAnswer:
        """Lift a kill."""
        ...

    async def set_budget(self, request_id: str, *, actor: str, reason: str, budget: Decimal) -> ControlAnswer:
        """Set the portfolio exposure limit; the configured one is the most."""
        ...

    async def acknowledge(
        self, request_id: str, *, actor: str, reason: str, code: str, subject: str
    ) -> ControlAnswer:
        """Say that the standing alert *code* of *subject* is seen, so that it is not repeated."""
        ...

    async def record_cost(
        self,
        cost_id: str,
        *,
        actor: str,
        reason: str,
        category: str,
        asset: str,
        amount: Decimal,
        mark: Decimal | None,
    ) -> ControlAnswer:
        """Book an operating cost under *cost_id*, once, at *mark* or the agent's own; a negative amount takes back."""
        ...

    async def answer_transfer(
        self, request_id: str, *, actor: str, reason: str, transfer_id: str, approved: bool
    ) -> ControlAnswer:
        """Approve or reject a transfer that the agent proposed."""
        ...

    async def settle_transfer(
        self, transfer_id: str, *, actor: str, reason: str, asset: str, amount: Decimal
    ) -> ControlAnswer:
        """Tell that money left (negative) or entered the account, once per *transfer_id*."""
        ...

    async def correct(
        self,
        request_id: str,
        *,
        actor: str,
        reason: str,
        cause: str,
        asset: str,
        amount: Decimal,
        source: str,
        target: str,
    ) -> ControlAnswer:
        """Post a correction of what *cause* booked: *amount* from *source* to *target*."""
        ...

    def status(self) -> StatusView:
        """Return how everything stands, as values that nobody changes."""
        ...

    async def decisions(self, *, before: int, limit: int, kind: str) -> DecisionPage:
        """Return the last *limit* decisions of *kind* (empty: any) before event *before* (0: the newest).

        *next* is the next *before*. A page may hold fewer, even none, while there are more: looking back takes time.
        """
        ...

    async def why(self, client_order_id: str, *, after: int, limit: int) -> DecisionPage | None:
        """Return what led to an order and what became of it, from events after *after*; `None` for an unknown order.

        *next* is the next *after*. Raises `StorageError` when the journal cannot be read.
        """
        ...
