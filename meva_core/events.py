"""List every fact that can happen to the agent, as one closed union; decide nothing about them.

Every event carries *time_ns*: when the agent learned of it, in nanoseconds UTC. It is the only clock of the core.
"""

from __future__ import annotations

from decimal import Decimal

from meva_core.model.fill import Fill
from meva_core.model.instrument import Instrument
from meva_core.model.market import Candle, Side
from meva_core.model.value import value


@value
class TradeReceived:
    """A trade printed. *trade_id* is -1 where the source has none; *venue_time_ns* 0 where unknown."""

    time_ns: int
    symbol: str
    price_ticks: int
    quantity_lots: int
    taker_side: Side
    trade_id: int = -1
    venue_time_ns: int = 0


@value
class QuoteReceived:
    """The best bid and ask changed. *update_id* is on the same counter as the book's ids; -1 for none."""

    time_ns: int
    symbol: str
    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int
    update_id: int = -1


@value
class BookChanged:
    """The order book changed. Levels are (price_ticks, lots), absolute; 0 lots remove a level.

    A snapshot replaces the book and carries its id in both ids.
    """

    time_ns: int
    symbol: str
    snapshot: bool
    first_update_id: int
    last_update_id: int
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]
    venue_time_ns: int = 0


@value
class CandleClosed:
    """A bar that the venue or the tape built has closed.

    *time_ns* is at or after its close, but for as much as our clock is behind the venue's.
    """

    time_ns: int
    symbol: str
    timeframe: str
    candle: Candle


@value
class OrderAcknowledged:
    """The venue took the order."""

    time_ns: int
    client_order_id: str
    venue_order_id: str
    venue_time_ns: int = 0


@value
class OrderRejected:
    """The venue refused this attempt: proof that nothing was placed by it."""

    time_ns: int
    client_order_id: str
    code: str
    reason: str


@value
class OrderDropped:
    """We dropped the order before its first byte left: proof that nothing was placed."""

    time_ns: int
    client_order_id: str
    reason: str


@value
class OrderFilled:
    """The venue executed the order, in part or whole."""

    time_ns: int
    fill: Fill


@value
class OrderCanceled:
    """The venue confirms that the order is off the book; what was filled stays filled."""

    time_ns: int
    client_order_id: str
    reason: str


@value
class OrderExpired:
    """The venue ended the order by its own rules (IOC remainder, FOK, no liquidity)."""

    time_ns: int
    client_order_id: str
    reason: str


@value
class OrderOutcomeUnknown:
    """The transport cannot say whether the order exists."""

    time_ns: int
    client_order_id: str
    problem: str


@value
class CancelRefused:
    """The venue holds no such order open: it ended before, or never came. That is no proof of either."""

    time_ns: int
    client_order_id: str
    reason: str


@value
class RequestFailed:
    """A question or a cancel got no answer, so nothing is known from it.

    *request* is `query`, `cancel`, `cancel_all` or `observe`; *subject* the client order id or symbol, if any.
    """

    time_ns: int
    request: str
    subject: str
    problem: str


@value
class ObservedOrder:
    """One order as the venue reports it when asked."""

    client_order_id: str
    venue_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    filled_quantity: Decimal
    status: str


@value
class OrderQueryAnswered:
    """The venue answered what became of one order; *order* is `None` where it knows none of that name.

    *fills* are our trades on its symbol since it was sent, *asked_ns* is our time at which the question left,
    *venue_time_ns* the venue's at its answer. A venue's query may lag behind its matching engine.
    """

    time_ns: int
    venue_time_ns: int
    asked_ns: int
    client_order_id: str
    order: ObservedOrder | None
    fills: tuple[Fill, ...]


@value
class VenueStateObserved:
    """The venue answered what it holds of ours: open orders, own trades since, balances (asset, free, locked).

    *asked_ns* is our time at which the question left: what we learned since is newer than the answer.
    """

    time_ns: int
    venue_time_ns: int
    open_orders: tuple[ObservedOrder, ...]
    fills: tuple[Fill, ...]
    balances: tuple[tuple[str, Decimal, Decimal], ...]
    asked_ns: int = 0


@value
class StreamConnected:
    """A stream is up."""

    time_ns: int
    stream: str


@value
class StreamLost:
    """A stream is down."""

    time_ns: int
    stream: str
    reason: str


@value
class StreamGapDetected:
    """A stream lost messages; what it feeds is unusable until resynchronised."""

    time_ns: int
    stream: str
    symbol: str
    expected_id: int
    received_id: int


@value
class MarketStatusChanged:
    """A market opened or closed for orders."""

    time_ns: int
    symbol: str
    tradable: bool
    reason: str


@value
class MarketRulesChanged:
    """The venue states its rules of a market: the sizes that it takes, and the steps of its prices and quantities."""

    time_ns: int
    instrument: Instrument


@value
class VenueAnomalyDetected:
    """The venue said what nobody understands: *kind* is one of a few, *detail* its newest case, *count* how many came.

    *count* is that of all cases of the kind since the last event about it.
    """

    time_ns: int
    kind: str
    detail: str
    count: int


@value
class AgentStarted:
    """A process took the agent up, new or recovered from its journal: whatever was under way is unknown now."""

    time_ns: int


@value
class ClockMeasured:
    """The venue's clock was compared with ours; *offset_ns* is the venue's time minus ours."""

    time_ns: int
    offset_ns: int


@value
class JournalStalled:
    """A commit has not come to its end for *waited_ms*: what is decided may not become durable."""

    time_ns: int
    waited_ms: int


@value
class JournalCaughtUp:
    """Everything up to the `JournalStalled` before it is durable."""

    time_ns: int


@value
class PauseRequested:
    """An operator wants no new orders. Always granted."""

    time_ns: int
    request_id: str
    actor: str
    reason: str


@value
class ResumeRequested:
    """An operator wants to trade again; refused unless *expected_epoch* is current."""

    time_ns: int
    request_id: str
    actor: str
    expected_epoch: int


@value
class KillRequested:
    """Somebody wants everything stopped and every order of ours cancelled. Always granted."""

    time_ns: int
    request_id: str
    actor: str
    reason: str


@value
class KillReleaseRequested:
    """An operator wants to lift the kill; refused unless *expected_epoch* is current."""

    time_ns: int
    request_id: str
    actor: str
    expected_epoch: int


@value
class OrderCancelRequested:
    """An operator wants one order of ours cancelled."""

    time_ns: int
    request_id: str
    actor: str
    client_order_id: str
    reason: str


@value
class RiskBudgetRequested:
    """An operator sets the portfolio exposure limit, in the reporting currency."""

    time_ns: int
    request_id: str
    actor: str
    new_budget: Decimal


@value
class TransferAnswerRequested:
    """An operator approves or rejects a transfer that the agent proposed."""

    time_ns: int
    request_id: str
    actor: str
    transfer_id: str
    approved: bool
    reason: str


@value
class CorrectionRequested:
    """An operator moves a positive *amount* between two accounts of the ledger, because *cause* was booked wrongly."""

    time_ns: int
    request_id: str
    actor: str
    cause: str
    asset: str
    amount: Decimal
    source: str
    target: str
    reason: str


@value
class AlertAcknowledgeRequested:
    """An operator has seen an alert: the cause *code* of *subject* is not repeated while it stands."""

    time_ns: int
    request_id: str
    actor: str
    code: str
    subject: str
    reason: str


@value
class TimerFired:
    """A timer that the core asked for is due."""

    time_ns: int
    name: str


@value
class CostRecorded:
    """An operating cost was incurred, in *asset*; positive amounts cost. *actor* told, and waits for an answer.

    *mark* is what one of *asset* was worth in the reporting currency, as told; `None` takes the agent's own mark.
    """

    time_ns: int
    cost_id: str
    category: str
    asset: str
    amount: Decimal
    note: str
    actor: str = ""
    mark: Decimal | None = None


@value
class TransferSettled:
    """Money entered (positive) or left (negative) the account. *actor* is who told; empty for the venue."""

    time_ns: int
    transfer_id: str
    asset: str
    amount: Decimal
    note: str
    actor: str = ""


MarketEvent = TradeReceived | QuoteReceived | BookChanged | CandleClosed
VenueEvent = (
    OrderAcknowledged
    | OrderRejected
    | OrderDropped
    | OrderFilled
    | OrderCanceled
    | OrderExpired
    | OrderOutcomeUnknown
    | CancelRefused
    | RequestFailed
    | OrderQueryAnswered
    | VenueStateObserved
)
ConnectivityEvent = (
    StreamConnected
    | StreamLost
    | StreamGapDetected
    | MarketStatusChanged
    | MarketRulesChanged
    | VenueAnomalyDetected
    | AgentStarted
    | ClockMeasured
    | JournalStalled
    | JournalCaughtUp
)
OperatorEvent = (
    PauseRequested
    | ResumeRequested
    | KillRequested
    | KillReleaseRequested
    | OrderCancelRequested
    | RiskBudgetRequested
    | TransferAnswerRequested
    | CorrectionRequested
    | AlertAcknowledgeRequested
)
Event = (
    MarketEvent | VenueEvent | ConnectivityEvent | OperatorEvent | TimerFired | CostRecorded | TransferSettled
)
