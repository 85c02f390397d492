"""Turn commands into Binance's parameters and its answers into values, strictly; know no connection and no clock.

What does not have the promised form raises `CodecError`, so that nothing half read is ever booked.
Source: Binance spot API documentation, "REST API" and "User Data Streams" of July 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import orjson
from attrs import frozen

from meva_adapters.wire.fields import (
    CodecError,
    amount,
    flag,
    ms_as_ns,
    positive,
    row_of,
    rows_of,
    text,
    whole,
)
from meva_core.events import ObservedOrder
from meva_core.model.fill import Fill, Liquidity
from meva_core.model.market import Side
from meva_core.model.money import plain
from meva_core.model.order import OrderRequest, OrderStatus, OrderType

_CODE_MAX: Final = 1 << 31

# EXPIRED_IN_MATCH: ended to prevent a trade with ourselves.
STATUSES: Final[Mapping[str, OrderStatus]] = {
    "NEW": OrderStatus.ACCEPTED,
    "PENDING_NEW": OrderStatus.ACCEPTED,
    "PARTIALLY_FILLED": OrderStatus.PARTIALLY_FILLED,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELED,
    "REJECTED": OrderStatus.REJECTED,
    "EXPIRED": OrderStatus.EXPIRED,
    "EXPIRED_IN_MATCH": OrderStatus.EXPIRED,
}


@frozen
class ApiError:
    """Hold a refusal in the venue's words."""

    code: int
    message: str


@frozen
class PlacedOrder:
    """Hold the answer to a new order. *status* is `None` where the venue names one that we do not know."""

    client_order_id: str
    venue_order_id: str
    venue_time_ns: int
    status: OrderStatus | None
    status_text: str
    expiry_reason: str
    fills: tuple[Fill, ...]


@frozen
class OwnTrade:
    """Hold one own trade, which names its order by the venue's id alone."""

    trade_id: int
    venue_order_id: str
    fill: Fill


def order_parameters(request: OrderRequest, venue_symbol: str) -> list[tuple[str, str]]:
    """Return the parameters of a new order; amounts are plain, never with an exponent."""
    kind = _order_type(request)
    parameters = [("symbol", venue_symbol), ("side", request.side.name), ("type", kind)]
    if kind == "LIMIT":
        parameters.append(("timeInForce", request.time_in_force.value))
    parameters.append(("quantity", plain(request.quantity)))
    if request.limit_price is not None and kind != "MARKET":
        parameters.append(("price", plain(request.limit_price)))
    parameters += [("newClientOrderId", request.client_order_id), ("newOrderRespType", "FULL")]
    return parameters


def read_error(body: bytes) -> ApiError | None:
    """Return the refusal in *body*, or `None` where it is none."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(data, dict):
        return None
    code, message = data.get("code"), data.get("msg")
    if type(code) is not int or not -_CODE_MAX < code < 0 or not isinstance(message, str):
        return None
    return ApiError(code, message[:300])


def read_placed(data: Any, request: OrderRequest) -> PlacedOrder:
    """Read the answer to *request*."""
    order = row_of(data)
    name = text(order, "clientOrderId")
    if name != request.client_order_id:
        raise CodecError(f"it speaks of order {name[:40]!r}")
    venue_time_ns = ms_as_ns(order, "transactTime")
    venue_order_id = str(whole(order, "orderId"))
    status_text = text(order, "status")
    fills = tuple(
        Fill(
            symbol=request.symbol,
            trade_id=str(whole(row, "tradeId")),
            client_order_id=name,
            venue_order_id=venue_order_id,
            side=request.side,
            price=positive(row, "price"),
            quantity=positive(row, "qty"),
            fee=amount(row, "commission"),
            fee_asset=text(row, "commissionAsset"),
            liquidity=Liquidity.TAKER,  # What fills at once has crossed.
            venue_time_ns=venue_time_ns,
        )
        for row in rows_of(order.get("fills", []))
    )
    return PlacedOrder(
        client_order_id=name,
        venue_order_id=venue_order_id,
        venue_time_ns=venue_time_ns,
        status=STATUSES.get(status_text),
        status_text=status_text,
        expiry_reason=str(order.get("expiryReason") or "expired by the venue"),
        fills=fills,
    )


def read_order(data: Any, symbols: Mapping[str, str]) -> ObservedOrder:
    """Read one order as a query tells it; *symbols* gives ours for the venue's.

    A status that we do not know is passed on as the venue writes it: the core settles nothing on it.
    """
    order = row_of(data)
    status = text(order, "status")
    known = STATUSES.get(status)
    venue_symbol = text(order, "symbol")
    return ObservedOrder(
        client_order_id=text(order, "clientOrderId"),
        venue_order_id=str(whole(order, "orderId")),
        symbol=symbols.get(venue_symbol, venue_symbol),
        side=side(order, "side"),
        quantity=amount(order, "origQty"),
        filled_quantity=amount(order, "executedQty"),
        status=known.value if known else status,
    )


def read_trade(data: Any, symbol: str) -> OwnTrade:
    """Read one own trade; its client order id is filled in by who knows it."""
    trade = row_of(data)
    trade_id, order_id = whole(trade, "id"), str(whole(trade, "orderId"))
    fill = Fill(
        symbol=symbol,
        trade_id=str(trade_id),
        client_order_id="",
        venue_order_id=order_id,
        side=Side.BUY if flag(trade, "isBuyer") else Side.SELL,
        price=positive(trade, "price"),
        quantity=positive(trade, "qty"),
        fee=amount(trade, "commission"),
        fee_asset=text(trade, "commissionAsset"),
        liquidity=Liquidity.MAKER if flag(trade, "isMaker") else Liquidity.TAKER,
        venue_time_ns=ms_as_ns(trade, "time"),
    )
    return OwnTrade(trade_id, order_id, fill)


def read_balances(data: Any) -> tuple[tuple[str, Decimal, Decimal], ...]:
    """Read the balances of an account: asset, free, locked."""
    return tuple(
        (text(row, "asset"), amount(row, "free"), amount(row, "locked"))
        for row in rows_of(row_of(data).get("balances"))
    )


def side(row: Mapping[str, Any], name: str) -> Side:
    """Return a side."""
    match row.get(name):
        case "BUY":
            return Side.BUY
        case "SELL":
            return Side.SELL
        case _:
            raise CodecError(f"{name} is no side")


def _order_type(request: OrderRequest) -> str:
    if request.type is OrderType.MARKET:
        return "MARKET"
    return "LIMIT_MAKER" if request.post_only else "LIMIT"
