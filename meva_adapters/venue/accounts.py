"""Keep one account of the venue: its orders, trades, balances and what its user stream says of them."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from attrs import evolve, frozen

from meva_adapters.venue.errors import CANCEL_REJECTED, ApiError, of_refusal
from meva_adapters.venue.market import Market
from meva_adapters.venue.rows import (
    CANCELED,
    EXPIRED,
    FILLED,
    PARTIALLY_FILLED,
    Json,
    OrderRow,
    OwnTrade,
    account_position,
    execution_report,
    order_row,
)
from meva_adapters.venue.settings import AccountSettings
from meva_core.errors import InvariantError
from meva_core.events import (
    Event,
    MarketEvent,
    OrderAcknowledged,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
)
from meva_core.execution.matching import MatchingEngine
from meva_core.execution.order_filters import RejectCode
from meva_core.execution.taken_over import Standing, take_over
from meva_core.execution.venue_fees import FeeSchedule
from meva_core.model.fill import Fill, Liquidity
from meva_core.model.market import NS_PER_MS, Side
from meva_core.model.order import OrderRequest

# Two pages of either list. An order with its trade takes some 2 kB, and the venue may live in the agent's process.
ORDERS_KEPT: Final = 2_000  # Closed ones are forgotten, oldest first.
TRADES_KEPT: Final = 2_000

Listener = Callable[[Json], None]


@frozen
class Wording:
    """Say things as one protocol does: a refusal of the engine, a step in an order's life, balances that changed."""

    refusal: Callable[[RejectCode], Exception]
    execution: Callable[..., Json]
    position: Callable[[Mapping[str, tuple[Decimal, Decimal]], int], Json | None]


BINANCE: Final = Wording(of_refusal, execution_report, account_position)


class Account:
    """Follow one key's money and orders. The user stream's events go to *listeners*, in order."""

    def __init__(
        self,
        settings: AccountSettings,
        *,
        uid: int,
        markets: Sequence[Market],
        fees: FeeSchedule,
        wording: Wording = BINANCE,
    ) -> None:
        self.settings = settings
        self._wording = wording
        self.uid = uid
        self.listeners: list[Listener] = []
        self.engine = MatchingEngine(
            [market.instrument for market in markets],
            balances=settings.balances,
            fees=fees,
            fill_model="book",
        )
        self.trades: deque[OwnTrade] = deque(maxlen=TRADES_KEPT)
        self._names = {market.instrument.symbol: market.name for market in markets}
        self._versions: dict[int, list[OrderRow]] = {}
        self._by_name: dict[tuple[str, str], int] = {}
        self._open: dict[str, int] = {}
        self._last_execution_id = 0
        self._changed_ms = 0
        self._held = self.engine.balances()

    def take_over(self, standing: Standing) -> None:
        """Go on where *standing* says, before anything has happened: resting orders are open, the others expired."""
        take_over(self.engine, standing)
        self._held = self.engine.balances()
        for record in standing.resting:
            row = order_row(record, self._names[record.request.symbol], order_id=int(record.venue_order_id))
            self._keep(row)
            self._open[row.client_order_id] = row.order_id
            self._by_name[(row.symbol, row.client_order_id)] = row.order_id
        for number, record in enumerate(standing.expired, start=standing.last_order_id + 1):
            order_id = int(record.venue_order_id or number)
            row = order_row(record, self._names[record.request.symbol], order_id=order_id, status=EXPIRED)
            self._keep(row)
            self._by_name[(row.symbol, row.client_order_id)] = row.order_id

    def on_market(self, event: MarketEvent, now_ms: int) -> None:
        """Let the market move."""
        self._apply(self.engine.on_market(event), now_ms)

    def place(self, request: OrderRequest, row: OrderRow, now_ns: int) -> tuple[OrderRow, list[OwnTrade]]:
        """Place an order and match it at once; return it with its fills, or raise the refusal."""
        now_ms = row.created_ms
        [answer] = self.engine.submit(request, now_ns)
        if isinstance(answer, OrderRejected):
            raise self._wording.refusal(RejectCode(answer.code))
        assert isinstance(answer, OrderAcknowledged), "without latency the engine answers at once"
        row = evolve(row, order_id=int(answer.venue_order_id))
        self._keep(row)
        self._open[row.client_order_id] = row.order_id
        self._by_name[(row.symbol, row.client_order_id)] = row.order_id
        self._report(row, "NEW")
        events = self.engine.market(request.symbol).on_arrival(now_ns)
        trades = self._apply(events, now_ms, always_position=True)
        return self.row(row.order_id), trades

    def cancel(self, row: OrderRow, *, cancel_id: str, now_ms: int) -> OrderRow:
        """Cancel an open order; raise `ApiError` where it is not open."""
        if not row.is_open:
            raise ApiError(CANCEL_REJECTED, "Unknown order sent.")
        symbol = next(symbol for symbol, name in self._names.items() if name == row.symbol)
        events = self.engine.cancel(symbol, row.client_order_id, now_ms * NS_PER_MS)
        self._apply(events, now_ms, cancel_id=cancel_id)
        return self.row(row.order_id)

    def row(self, order_id: int) -> OrderRow:
        """Return an order as it is now."""
        return self._versions[order_id][-1]

    def find(
        self, symbol: str, order_id: int | None, client_order_id: str | None, *, as_of_ms: int
    ) -> OrderRow | None:
        """Return an order as it was at *as_of_ms*; both ids must fit where both are given."""
        if order_id is None:
            order_id = self._by_name.get((symbol, client_order_id or ""))
        row = self._at(order_id, as_of_ms) if order_id is not None else None
        if row is None or row.symbol != symbol:
            return None
        return row if client_order_id in (None, row.client_order_id) else None

    def orders(self, symbol: str | None, *, as_of_ms: int) -> list[OrderRow]:
        """Return every order that is kept as it was at *as_of_ms*, oldest first."""
        rows = (self._at(order_id, as_of_ms) for order_id in self._versions)
        return [row for row in rows if row is not None and symbol in (None, row.symbol)]

    def open_orders(self, symbol: str | None, *, as_of_ms: int) -> list[OrderRow]:
        """Return the orders that were open at *as_of_ms*, oldest first."""
        now_open = as_of_ms > self._changed_ms
        known = map(self.row, self._open.values()) if now_open else self.orders(symbol, as_of_ms=as_of_ms)
        return [row for row in known if row.is_open and symbol in (None, row.symbol)]

    def _at(self, order_id: int, as_of_ms: int) -> OrderRow | None:
        versions = self._versions.get(order_id, [])
        known = bisect_right(versions, as_of_ms, key=lambda row: row.updated_ms)
        return versions[known - 1] if known else None

    def _keep(self, row: OrderRow) -> None:
        self._versions.setdefault(row.order_id, []).append(row)
        self._changed_ms = max(self._changed_ms, row.updated_ms)
        if len(self._versions) > ORDERS_KEPT:
            oldest = next((key for key in self._versions if not self.row(key).is_open), None)
            if oldest is not None:
                gone = self._versions.pop(oldest)[-1]
                if self._by_name.get((gone.symbol, gone.client_order_id)) == oldest:
                    del self._by_name[(gone.symbol, gone.client_order_id)]

    def _apply(
        self, events: Iterable[Event], now_ms: int, *, cancel_id: str = "", always_position: bool = False
    ) -> list[OwnTrade]:
        """Write down what the engine did and tell the user stream: reports first, then balances. Return the trades."""
        happened, trades = False, []
        for event in events:
            happened = True
            match event:
                case OrderFilled(fill=fill):
                    trades.append(self._fill(fill, now_ms))
                case OrderCanceled(client_order_id=name):
                    self._end(name, CANCELED, now_ms, cancel_id=cancel_id)
                case OrderExpired(client_order_id=name, reason=reason):
                    self._end(name, EXPIRED, now_ms, reason=reason)
                case _:
                    raise InvariantError("a venue's engine fills, cancels or expires", str(event))
        if happened or always_position:
            self._tell_balances(now_ms)
        return trades

    def _fill(self, fill: Fill, now_ms: int) -> OwnTrade:
        before = self.row(self._open[fill.client_order_id])
        executed = before.executed + fill.quantity
        row = evolve(
            before,
            updated_ms=max(now_ms, before.updated_ms),
            executed=executed,
            executed_quote=before.executed_quote + fill.price * fill.quantity,
            status=FILLED if executed == before.quantity else PARTIALLY_FILLED,
        )
        trade = OwnTrade(
            int(fill.trade_id), row.symbol, row.order_id, fill.price, fill.quantity, fill.fee, fill.fee_asset,
            row.updated_ms, fill.side is Side.BUY, fill.liquidity is Liquidity.MAKER,
        )  # fmt: skip
        self._keep(row)
        self.trades.append(trade)
        if not row.is_open:
            del self._open[row.client_order_id]
        self._report(row, "TRADE", trade=trade)
        return trade

    def _end(self, name: str, status: str, now_ms: int, *, cancel_id: str = "", reason: str = "") -> None:
        before = self.row(self._open.pop(name))
        row = evolve(before, status=status, updated_ms=max(now_ms, before.updated_ms), expiry_reason=reason)
        self._keep(row)
        self._report(row, status, cancel_id=cancel_id)

    def _report(self, row: OrderRow, execution: str, **more: Any) -> None:
        self._last_execution_id += 1
        self.tell(
            self._wording.execution(row, execution=execution, execution_id=self._last_execution_id, **more)
        )

    def _tell_balances(self, now_ms: int) -> None:
        held = self.engine.balances()
        changed = {asset: amounts for asset, amounts in held.items() if self._held.get(asset) != amounts}
        self._held = held
        position = self._wording.position(changed, now_ms) if changed else None
        if position is not None:
            self.tell(position)

    def tell(self, event: Json) -> None:
        """Give *event* to every subscription of this account."""
        for listener in tuple(self.listeners):
            listener(event)
