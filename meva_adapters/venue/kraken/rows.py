"""Write orders, trades and pairs as Kraken does; decide nothing."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from meva_adapters.venue.accounts import Wording
from meva_adapters.venue.kraken.errors import of_refusal
from meva_adapters.venue.rows import CANCELED, EXPIRED, FILLED, Json, OrderRow, OwnTrade
from meva_adapters.wire.kraken_names import rest_asset, rest_pair
from meva_adapters.wire.times import text_of_ns
from meva_core.model.instrument import Instrument
from meva_core.model.market import NS_PER_MS
from meva_core.model.money import plain

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ID_DIGITS: Final = 16
_TRADES_PER_PAIR: Final = 1 << 40
_STATUSES: Final = {FILLED: "closed", CANCELED: "canceled", EXPIRED: "expired"}
_STREAM_STATUSES: Final = {"NEW": "new", "PARTIALLY_FILLED": "partially_filled", FILLED: "filled"}
_COST: Final = Decimal("0.00001")
_CLIENT_ID_MAX: Final = 36


def order_txid(order_id: int) -> str:
    """Return the venue's id of an order."""
    return _txid("O", order_id)


def order_number(txid: str) -> int | None:
    """Return the number behind an order's id, None where it is none."""
    digits = txid[1:].replace("-", "")
    if (
        len(digits) != _ID_DIGITS
        or not digits.isascii()
        or not digits.isalnum()
        or not digits.isupper() | digits.isdigit()
    ):
        return None
    return int(digits, 36)


def trade_txid(trade: OwnTrade) -> str:
    """Return the venue's id of an own trade, which is unique over all pairs."""
    return _txid("T", zlib.crc32(trade.symbol.encode()) * _TRADES_PER_PAIR + trade.id)


def trade_number(txid: str) -> int:
    """Return the number of a trade of its pair that is behind an id which `trade_txid` wrote."""
    return int(txid[1:].replace("-", ""), 36) % _TRADES_PER_PAIR


def _txid(kind: str, number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    digits = digits.rjust(_ID_DIGITS, "0")
    return f"{kind}{digits[:5]}-{digits[5:10]}-{digits[10:]}"


def moment(time_ms: int) -> str:
    """Return a time as the WebSocket writes it."""
    return text_of_ns(time_ms * NS_PER_MS)


def seconds(time_ms: int) -> Decimal:
    """Return a time as REST writes it."""
    return Decimal(time_ms).scaleb(-3)


def pair_key(instrument: Instrument) -> str:
    """Return the name under which REST answers speak of a pair."""
    base, quote = rest_asset(instrument.base), rest_asset(instrument.quote)
    marked = base[0] == "X" and quote[0] in "XZ" and len(base) == len(quote) == len("XXBT")
    return f"{base}{quote}" if marked else rest_pair(instrument.symbol)


class Rows:
    """Write what concerns the pairs of *instruments*."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self._pairs = {each.base + each.quote: each for each in instruments}

    def wording(self) -> Wording:
        """Return how accounts say what happens to them; balances are told when asked for."""
        return Wording(of_refusal, self.execution, _no_position)

    def order(self, row: OrderRow, trades: Iterable[OwnTrade]) -> Json:
        """Return an order as `OpenOrders`, `ClosedOrders` and `QueryOrders` do."""
        instrument = self._pairs[row.symbol]
        fees = sum(
            (_quote_fee(trade, instrument) for trade in trades if trade.order_id == row.order_id), Decimal(0)
        )
        order: Json = {
            "refid": None,
            "status": _STATUSES.get(row.status, "open"),
            "opentm": seconds(row.created_ms),
            "descr": self.described(row),
            "vol": plain(row.quantity),
            "vol_exec": plain(row.executed),
            "cost": plain(row.executed_quote),
            "fee": plain(fees),
            "price": plain((row.executed_quote / row.executed).quantize(_COST)) if row.executed else "0",
            "oflags": "fciq",
            "reason": row.expiry_reason or None,
        }
        if is_named(row):
            order["cl_ord_id"] = row.client_order_id
        if not row.is_open:
            order["closetm"] = seconds(row.updated_ms)
        return order

    def described(self, row: OrderRow) -> Json:
        """Return what was asked for."""
        pair, kind, side = rest_pair(self._pairs[row.symbol].symbol), row.type.lower(), row.side.lower()
        at = f"limit {plain(row.price)}" if row.price else "market"
        return {
            "pair": pair,
            "type": side,
            "ordertype": kind,
            "price": plain(row.price),
            "order": f"{side} {plain(row.quantity)} {pair} @ {at}",
        }

    def trade(self, trade: OwnTrade) -> Json:
        """Return an own trade as `TradesHistory` does; its fee is in the quote asset."""
        instrument = self._pairs[trade.symbol]
        return {
            "ordertxid": order_txid(trade.order_id),
            "pair": pair_key(instrument),
            "time": seconds(trade.time_ms),
            "type": "buy" if trade.is_buyer else "sell",
            "ordertype": "limit" if trade.is_maker else "market",
            "price": plain(trade.price),
            "cost": plain(trade.price * trade.quantity),
            "fee": plain(_quote_fee(trade, instrument)),
            "vol": plain(trade.quantity),
            "maker": trade.is_maker,
            "trade_id": trade.id,
        }

    def execution(
        self,
        row: OrderRow,
        *,
        execution: str,
        execution_id: int,
        trade: OwnTrade | None = None,
        cancel_id: str = "",
    ) -> Json:
        """Return the rows of the channel `executions` that one step gives; *cancel_id* says why it was cancelled."""
        status = _STREAM_STATUSES.get(row.status, _STATUSES.get(row.status, ""))
        head: Json = {"order_id": order_txid(row.order_id), "timestamp": moment(row.updated_ms)}
        match execution:
            case "NEW":
                whole = head | self._asked(row)
                rows = [
                    whole | {"exec_type": "pending_new", "order_status": "pending_new"},
                    head | {"exec_type": "new", "order_status": "new"},
                ]
            case "TRADE":
                assert trade is not None, "a trade is told with what was traded"
                # An order that a trade fills is said to be partially filled, and to be filled right after.
                rows = [
                    head
                    | self._traded(row, trade)
                    | {"exec_type": "trade", "order_status": "partially_filled"}
                ]
                if row.status == FILLED:
                    rows.append(
                        head | {"exec_type": "filled", "order_status": status, "cum_qty": row.executed}
                    )
            case _:
                reason = cancel_id or row.expiry_reason or "User requested"
                rows = [
                    head
                    | {"exec_type": status, "order_status": status, "cum_qty": row.executed, "reason": reason}
                ]
        return {"data": rows}

    def snapshot(self, row: OrderRow) -> Json:
        """Return an open order as the first message of the channel does."""
        status = _STREAM_STATUSES[row.status]
        head = {"order_id": order_txid(row.order_id), "timestamp": moment(row.updated_ms)}
        return (
            head | self._asked(row) | {"exec_type": status, "order_status": status, "cum_qty": row.executed}
        )

    def _asked(self, row: OrderRow) -> Json:
        asked: Json = {
            "symbol": self._pairs[row.symbol].symbol,
            "side": row.side.lower(),
            "order_type": row.type.lower(),
            "order_qty": row.quantity,
            "time_in_force": row.time_in_force,
        }
        if row.price:
            asked["limit_price"] = row.price
        return asked | ({"cl_ord_id": row.client_order_id} if is_named(row) else {})

    def _traded(self, row: OrderRow, trade: OwnTrade) -> Json:
        return {
            "symbol": self._pairs[row.symbol].symbol,
            "side": row.side.lower(),
            "exec_id": trade_txid(trade),
            "trade_id": trade.id,
            "last_qty": trade.quantity,
            "last_price": trade.price,
            "cost": trade.price * trade.quantity,
            "liquidity_ind": "m" if trade.is_maker else "t",
            "fees": [{"asset": trade.fee_asset, "qty": trade.fee}],
            "cum_qty": row.executed,
        }


def is_named(row: OrderRow) -> bool:
    """Return whether the client named the order; the venue's own names are longer than a client's may be."""
    return len(row.client_order_id) <= _CLIENT_ID_MAX


def _quote_fee(trade: OwnTrade, instrument: Instrument) -> Decimal:
    return trade.fee if trade.fee_asset == instrument.quote else trade.fee * trade.price


def _no_position(_changed: Mapping[str, Any], _now_ms: int) -> None:
    """Say nothing of balances."""
