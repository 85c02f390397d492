"""Read what Binance tells unasked about our account into events, strictly; follow no connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from meva_adapters.exchange.binance.codec import side
from meva_adapters.wire.fields import CodecError, amount, flag, ms_as_ns, positive, row_of, text, whole
from meva_core.events import (
    Event,
    OrderAcknowledged,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderOutcomeUnknown,
    OrderRejected,
    TransferSettled,
)
from meva_core.model.fill import Fill, Liquidity

# They say what the comparison with the venue asks for itself: absolute balances, and lists that we never use.
# No set: what a damaged message calls its kind may be a list, which no set can be asked for.
PASSED_OVER: Final = ("outboundAccountPosition", "listStatus", "externalLockUpdate")


class UnknownEventError(CodecError):
    """Report an event of a kind that the venue has added since: it concerns nothing that we trade by."""


def read_user_event(data: Any, received_ns: int, symbols: Mapping[str, str]) -> list[Event]:
    """Return the events of one message; raise `CodecError` where it is not what it promises.

    *symbols* gives our symbol for the venue's.
    """
    event = row_of(data)
    match event.get("e"):
        case "executionReport":
            return [_report(event, received_ns, symbols)]
        case "balanceUpdate":
            asset, delta = text(event, "a"), amount(event, "d")
            name = f"binance-{whole(event, 'T')}-{asset}-{delta}"
            return [TransferSettled(received_ns, name, asset, delta, "balance update of the venue")]
        case kind if kind in PASSED_OVER:
            return []
        case str() as kind:
            raise UnknownEventError(f"unknown event {kind[:40]!r}")
        case kind:
            raise CodecError(f"an event's kind is {str(kind)[:40]!r}")


def _report(event: Mapping[str, Any], received_ns: int, symbols: Mapping[str, str]) -> Event:
    # In a cancel, C is the order's name and c the cancel's own.
    name = event.get("C") or text(event, "c")
    if not isinstance(name, str):
        raise CodecError("C is no text")
    venue_symbol, order_id = text(event, "s"), str(whole(event, "i"))
    happened_ns = ms_as_ns(event, "T")
    symbol = symbols.get(venue_symbol, venue_symbol)
    match event.get("x"):
        case "NEW":
            return OrderAcknowledged(received_ns, name, order_id, happened_ns)
        case "TRADE":
            fill = Fill(
                symbol=symbol,
                trade_id=str(whole(event, "t")),
                client_order_id=name,
                venue_order_id=order_id,
                side=side(event, "S"),
                price=positive(event, "L"),
                quantity=positive(event, "l"),
                fee=amount(event, "n"),
                fee_asset=_fee_asset(event, symbol),
                liquidity=Liquidity.MAKER if flag(event, "m") else Liquidity.TAKER,
                venue_time_ns=happened_ns,
            )
            return OrderFilled(received_ns, fill)
        case "CANCELED":
            return OrderCanceled(received_ns, name, "canceled at the venue")
        case "EXPIRED":
            return OrderExpired(received_ns, name, str(event.get("eR") or event["x"]))
        case "TRADE_PREVENTION" if event.get("X") == "EXPIRED_IN_MATCH":
            return OrderExpired(received_ns, name, "it would have traded with ourselves")
        case "REJECTED":
            return OrderRejected(received_ns, name, "REJECTED", str(event.get("r", ""))[:80])
        case kind:
            return OrderOutcomeUnknown(received_ns, name, f"unknown execution type {str(kind)[:40]!r}")


def _fee_asset(event: Mapping[str, Any], symbol: str) -> str:
    """Return the asset of the fee; a trade without a fee names none, and then the quote asset stands for it."""
    if event.get("N") is None and not amount(event, "n"):
        return symbol.rpartition("/")[2]
    return text(event, "N")
