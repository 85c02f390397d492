"""Hold the venue's records of orders and own trades, and write them as its answers do; decide nothing."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from attrs import frozen

from meva_core.model.market import NS_PER_MS
from meva_core.model.money import ZERO
from meva_core.model.order import OrderRecord, OrderType

NEW: Final = "NEW"
PARTIALLY_FILLED: Final = "PARTIALLY_FILLED"
FILLED: Final = "FILLED"
CANCELED: Final = "CANCELED"
EXPIRED: Final = "EXPIRED"
OPEN_STATUSES: Final = frozenset({NEW, PARTIALLY_FILLED})
NO_LIST: Final = -1
_STP: Final = "NONE"

Json = dict[str, Any]


def money(value: Decimal) -> str:
    """Return *value* with the eight decimals that the venue writes."""
    return f"{value:.8f}"


@frozen(kw_only=True)
class OrderRow:
    """Hold one order as it was at *updated_ms*; every change makes a new row."""

    symbol: str
    order_id: int
    client_order_id: str
    side: str
    type: str
    time_in_force: str
    price: Decimal
    quantity: Decimal
    quote_order_quantity: Decimal
    created_ms: int
    updated_ms: int
    response_type: str
    status: str = NEW
    executed: Decimal = ZERO
    executed_quote: Decimal = ZERO
    expiry_reason: str = ""

    @property
    def is_open(self) -> bool:
        """Return whether it may still fill."""
        return self.status in OPEN_STATUSES


def order_row(record: OrderRecord, symbol: str, *, order_id: int, status: str = "") -> OrderRow:
    """Return the row of an order that the books of its account tell of, open unless *status* says otherwise."""
    request = record.request
    limit_type = "LIMIT_MAKER" if request.post_only else "LIMIT"
    return OrderRow(
        symbol=symbol,
        order_id=order_id,
        client_order_id=request.client_order_id,
        side=request.side.name,
        type=limit_type if request.type is OrderType.LIMIT else "MARKET",
        time_in_force=request.time_in_force.name,
        price=request.limit_price or ZERO,
        quantity=request.quantity,
        quote_order_quantity=ZERO,
        created_ms=record.created_ns // NS_PER_MS,
        updated_ms=record.updated_ns // NS_PER_MS,
        response_type="ACK",
        status=status or (PARTIALLY_FILLED if record.filled_quantity else NEW),
        executed=record.filled_quantity,
        executed_quote=record.filled_notional,
    )


@frozen
class OwnTrade:
    """Hold one execution of an own order."""

    id: int
    symbol: str
    order_id: int
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    time_ms: int
    is_buyer: bool
    is_maker: bool


def _common(row: OrderRow) -> Json:
    return {
        "price": money(row.price),
        "origQty": money(row.quantity),
        "executedQty": money(row.executed),
        "origQuoteOrderQty": money(row.quote_order_quantity),
        "cummulativeQuoteQty": money(row.executed_quote),
        "status": row.status,
        "timeInForce": row.time_in_force,
        "type": row.type,
        "side": row.side,
        "selfTradePreventionMode": _STP,
    } | ({"expiryReason": row.expiry_reason} if row.expiry_reason else {})


def placed(row: OrderRow, trades: list[OwnTrade]) -> Json:
    """Return the answer to a new order, as long as it was asked for."""
    answer: Json = {
        "symbol": row.symbol,
        "orderId": row.order_id,
        "orderListId": NO_LIST,
        "clientOrderId": row.client_order_id,
        "transactTime": row.updated_ms,
    }
    if row.response_type == "ACK":
        return answer
    answer |= _common(row) | {"workingTime": row.created_ms}
    if row.response_type == "FULL":
        answer["fills"] = [
            {
                "price": money(trade.price),
                "qty": money(trade.quantity),
                "commission": money(trade.fee),
                "commissionAsset": trade.fee_asset,
                "tradeId": trade.id,
            }
            for trade in trades
        ]
    return answer


def canceled(row: OrderRow, cancel_id: str) -> Json:
    """Return the answer to a cancel, whose own name is *cancel_id*."""
    return {
        "symbol": row.symbol,
        "origClientOrderId": row.client_order_id,
        "orderId": row.order_id,
        "orderListId": NO_LIST,
        "clientOrderId": cancel_id,
        "transactTime": row.updated_ms,
    } | _common(row)


def queried(row: OrderRow) -> Json:
    """Return the answer to a question for an order."""
    return {
        "symbol": row.symbol,
        "orderId": row.order_id,
        "orderListId": NO_LIST,
        "clientOrderId": row.client_order_id,
        "stopPrice": money(ZERO),
        "icebergQty": money(ZERO),
        "time": row.created_ms,
        "updateTime": row.updated_ms,
        "isWorking": True,
        "workingTime": row.created_ms,
    } | _common(row)


def own_trade(trade: OwnTrade) -> Json:
    """Return one line of `myTrades`."""
    return {
        "symbol": trade.symbol,
        "id": trade.id,
        "orderId": trade.order_id,
        "orderListId": NO_LIST,
        "price": money(trade.price),
        "qty": money(trade.quantity),
        "quoteQty": money(trade.price * trade.quantity),
        "commission": money(trade.fee),
        "commissionAsset": trade.fee_asset,
        "time": trade.time_ms,
        "isBuyer": trade.is_buyer,
        "isMaker": trade.is_maker,
        "isBestMatch": True,
    }


def execution_report(
    row: OrderRow, *, execution: str, execution_id: int, trade: OwnTrade | None = None, cancel_id: str = ""
) -> Json:
    """Return the user stream's event of one step in an order's life."""
    zero = money(ZERO)
    report: Json = {
        "e": "executionReport",
        "E": row.updated_ms,
        "s": row.symbol,
        "c": cancel_id or row.client_order_id,
        "S": row.side,
        "o": row.type,
        "f": row.time_in_force,
        "q": money(row.quantity),
        "p": money(row.price),
        "P": zero,
        "F": zero,
        "g": NO_LIST,
        "C": row.client_order_id if cancel_id else "",
        "x": execution,
        "X": row.status,
        "r": "NONE",
        "i": row.order_id,
        "l": money(trade.quantity) if trade else zero,
        "z": money(row.executed),
        "L": money(trade.price) if trade else zero,
        "n": money(trade.fee) if trade else "0",
        "N": trade.fee_asset if trade else None,
        "T": row.updated_ms,
        "t": trade.id if trade else -1,
        "I": execution_id,
        "w": row.is_open,
        "m": trade.is_maker if trade else False,
        "M": trade is not None,
        "O": row.created_ms,
        "Z": money(row.executed_quote),
        "Y": money(trade.price * trade.quantity) if trade else zero,
        "Q": money(row.quote_order_quantity),
        "W": row.created_ms,
        "V": _STP,
    }
    if row.expiry_reason:
        report["eR"] = row.expiry_reason
    return report


def account_position(changed: Mapping[str, tuple[Decimal, Decimal]], now_ms: int) -> Json:
    """Return the user stream's event of balances (free, locked) that changed."""
    return {
        "e": "outboundAccountPosition",
        "E": now_ms,
        "u": now_ms,
        "B": [
            {"a": asset, "f": money(free), "l": money(locked)} for asset, (free, locked) in changed.items()
        ],
    }
