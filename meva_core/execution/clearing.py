"""Turn what a fill model decided into fills, fees and exact account movements; match nothing."""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from typing import Any, Final

from meva_core.errors import InvariantError
from meva_core.events import Event, OrderExpired, OrderFilled
from meva_core.execution.fill_models import Outcome
from meva_core.execution.venue_account import VenueAccount
from meva_core.execution.venue_fees import MarketFees
from meva_core.execution.venue_orders import Expiry, VenueOrder
from meva_core.execution.visible_book import Leg
from meva_core.model.fill import Fill, Liquidity
from meva_core.model.instrument import Instrument
from meva_core.model.market import Side
from meva_core.model.money import EXACT

TRADES_KEPT: Final = 1_000  # Per symbol, like one page of a venue's own-trade history (Binance: 1,000).


class Clearing:
    """Book the outcomes of one market: pay, charge, number the trades and keep the latest of them.

    Call what moves or measures money inside `exact()`.
    """

    def __init__(self, instrument: Instrument, account: VenueAccount, fees: MarketFees) -> None:
        self._account = account
        self._fees = fees
        self._symbol, self._base, self._quote = instrument.symbol, instrument.base, instrument.quote
        self._tick_size, self._lot_size = instrument.tick_size, instrument.lot_size
        self._tick_lot = EXACT.multiply(instrument.tick_size, instrument.lot_size)
        self._last_trade_id = 0
        self._trades: deque[Fill] = deque(maxlen=TRADES_KEPT)

    def notional(self, price_ticks: int, lots: int) -> Decimal:
        """Return the worth of *lots* at a price, in the quote asset."""
        return self._tick_lot * (price_ticks * lots)

    def lock(self, order: VenueOrder, notional: Decimal) -> bool:
        """Hold back what *order* may cost; return False where too little is free.

        A market buy holds nothing back and is judged by its *notional*.
        """
        account, asset, per_lot = self._account, order.lock_asset, order.lock_per_lot
        needed = per_lot * order.open_lots if per_lot else notional
        if needed > account.free(asset):
            return False
        if per_lot:
            account.lock(asset, needed)
        return True

    def release(self, order: VenueOrder) -> None:
        """Free what the rest of *order* holds back: it ended."""
        if order.lock_per_lot:
            self._account.unlock(order.lock_asset, order.locked(order.open_lots))

    def clear(self, outcome: Outcome, events: list[Event], time_ns: int, venue_time_ns: int) -> None:
        """Book *outcome* and add its events to *events*; whatever ends has nothing locked any more.

        A market buy locks nothing while it waits. When its money is gone it expires without filling at all:
        a part that happens to be affordable is not what was decided.
        """
        order, legs, liquidity, expiry = outcome
        if order.lock_per_lot or self._is_free(legs):
            for price_ticks, lots in legs:
                fill = self._fill(order, price_ticks, lots, liquidity, venue_time_ns)
                events.append(OrderFilled(time_ns, fill))
        else:
            expiry = Expiry.NO_FUNDS
        if expiry is not None:
            events.append(self._expire(order, expiry, time_ns))

    def trades_since(self, trade_id: str) -> list[Fill]:
        """Return the kept own trades after *trade_id* (empty: all), oldest first."""
        first = int(trade_id or 0)
        return [fill for fill in self._trades if int(fill.trade_id) > first]

    def snapshot(self) -> dict[str, Any]:
        """Return the whole memory as plain values."""
        return {"last_trade_id": self._last_trade_id, "trades": [_fill_row(fill) for fill in self._trades]}

    def restore(self, memory: dict[str, Any]) -> None:
        """Take over the memory that `snapshot` returned."""
        self._last_trade_id = memory["last_trade_id"]
        self._trades = deque(map(_fill_from, memory["trades"]), maxlen=TRADES_KEPT)

    def _fill(
        self, order: VenueOrder, price_ticks: int, lots: int, liquidity: Liquidity, time_ns: int
    ) -> Fill:
        if not 0 < lots <= order.open_lots or not (order.is_market or order.accepts(price_ticks)):
            facts = f"{order.client_order_id}: {lots} of {order.open_lots} lots at {price_ticks} ticks"
            raise InvariantError("a fill stays inside its order", facts)
        quantity = self._lot_size * lots
        notional = self._tick_lot * (price_ticks * lots)
        account, base, quote, is_buy = self._account, self._base, self._quote, order.is_buy
        if not is_buy:
            account.trade(base, quantity, quote, notional, locked=True)
        elif order.lock_per_lot:
            locked = order.locked(lots)
            account.trade(quote, locked, base, quantity, locked=True)
            account.receive(quote, locked - notional)  # Saved by a price better than the limit.
        else:
            account.trade(quote, notional, base, quantity, locked=False)
        fee, fee_asset = self._fees.charge(
            is_buy=is_buy, quantity=quantity, notional=notional, liquidity=liquidity
        )
        account.pay(fee_asset, fee)
        order.open_lots -= lots
        self._last_trade_id = trade_id = self._last_trade_id + 1
        fill = Fill(
            self._symbol,
            str(trade_id),
            order.client_order_id,
            order.venue_order_id,
            order.request.side,
            self._tick_size * price_ticks,
            quantity,
            fee,
            fee_asset,
            liquidity,
            time_ns,
        )
        self._trades.append(fill)
        return fill

    def _is_free(self, legs: list[Leg]) -> bool:
        tick_lots = 0
        for price_ticks, lots in legs:
            tick_lots += price_ticks * lots
        return self._tick_lot * tick_lots <= self._account.free(self._quote)

    def _expire(self, order: VenueOrder, expiry: Expiry, time_ns: int) -> Event:
        self.release(order)
        order.open_lots = 0
        return OrderExpired(time_ns, order.client_order_id, expiry.value)


def _fill_row(fill: Fill) -> list[Any]:
    return [
        fill.symbol,
        fill.trade_id,
        fill.client_order_id,
        fill.venue_order_id,
        fill.side.value,
        fill.price,
        fill.quantity,
        fill.fee,
        fill.fee_asset,
        fill.liquidity.value,
        fill.venue_time_ns,
    ]


def _fill_from(row: list[Any]) -> Fill:
    symbol, trade_id, client_order_id, venue_order_id, side, *amounts, fee_asset, liquidity, time_ns = row
    price, quantity, fee = map(Decimal, amounts)
    return Fill(
        symbol,
        trade_id,
        client_order_id,
        venue_order_id,
        Side(side),
        price,
        quantity,
        fee,
        fee_asset,
        Liquidity(liquidity),
        time_ns,
    )
