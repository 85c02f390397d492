"""Run the exchange contract on the Binance adapter, against the venue server over loopback sockets."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from attrs import evolve

from meva_adapters.clock.system import SystemClock
from meva_adapters.contracts.exchange_harness import (
    Mishap,
    Request,
    Trouble,
)
from meva_adapters.exchange.binance.calls import BinanceCalls
from meva_adapters.exchange.binance.exchange import BinanceExchange
from meva_adapters.exchange.binance.reference import BinanceReference
from meva_adapters.exchange.binance.signer import HmacSigner
from meva_adapters.exchange.binance.user_stream import BinanceUserStream
from meva_adapters.transport.http import HttpTransport
from meva_adapters.transport.websocket import Patience
from meva_adapters.venue.account_calls import Caller, place
from meva_adapters.venue.rows import OwnTrade
from meva_adapters.venue.server import VenueServer
from meva_adapters.venue.settings import DEFAULT_FEES, DEFAULT_KEY, DEFAULT_SECRET, VenueSettings
from meva_core.model.money import plain
from meva_core.ports.exchange import ExchangeAdapter, VenueReference
from meva_core.ports.market_feed import EventStream
from meva_runners.harnesses.still_market import INSTRUMENTS
from meva_runners.harnesses.tapped_venue import MANY, SILENCE_S, TIMEOUT_S, TappedVenue, no_news

_KINDS: Final = {
    ("POST", "/api/v3/order"): Request.PLACE,
    ("DELETE", "/api/v3/order"): Request.CANCEL,
    ("GET", "/api/v3/order"): Request.FIND_ORDER,
    ("GET", "/api/v3/openOrders"): Request.OPEN_ORDERS,
    ("GET", "/api/v3/myTrades"): Request.OWN_TRADES,
    ("GET", "/api/v3/account"): Request.BALANCES,
    ("GET", "/api/v3/exchangeInfo"): Request.RULES,
    ("GET", "/api/v3/time"): Request.CLOCK,
}
_CALLS: Final = {
    Request.FIND_ORDER: "order.status",
    Request.OPEN_ORDERS: "openOrders.status",
    Request.OWN_TRADES: "myTrades",
}


def kind_of(method: str, path: str, _body: str) -> Request:
    """Name a request of Binance's REST interface."""
    return _KINDS.get((method, path), Request.OTHER)


class VenueHarness(TappedVenue):
    """Start the venue server with a still market, a tap before it, and an adapter behind the tap.

    Subclass it for another adapter that speaks the same protocol: *connected* makes the adapter.
    """

    symbol = INSTRUMENTS[0].symbol
    fees = DEFAULT_FEES

    def __init__(self) -> None:
        venue = VenueServer(VenueSettings(order_limit_10s=MANY, fees=self.fees), feed=no_news())
        super().__init__(venue, INSTRUMENTS, kind_of=kind_of, call_names=_CALLS)

    async def connected(self, url: str) -> ExchangeAdapter:
        """Return the adapter, connected to *url*."""
        self.transport = HttpTransport(timeout_s=TIMEOUT_S)
        self.calls = calls_of(self.transport, url)
        await self.calls.measure_clock()
        symbols = [each.symbol for each in INSTRUMENTS]
        return BinanceExchange(self.calls, symbols=symbols, owns=self.is_ours)

    def ids_of(self, trade: OwnTrade) -> tuple[str, str]:
        """Return the venue's numbers."""
        return str(trade.id), str(trade.order_id)

    async def trouble(self, trouble: Trouble) -> None:
        """Strike at the tap, or at the venue."""
        match trouble.mishap:
            case Mishap.OTHER_ORDER:
                self.tap.change(trouble.request, _renamed)
            case Mishap.UNKNOWN_STATUS:
                self.tap.change(trouble.request, _of_no_known_status)
            case Mishap.KEY_READ_ONLY:
                self.account.settings = evolve(self.account.settings, can_trade=False)
            case Mishap.STREAM_UNKNOWN:
                self.account.tell({"e": "somethingNew", "E": 1})
            case Mishap.STREAM_GARBAGE:
                self.account.tell({"e": "executionReport", "x": "TRADE", "c": 7})
            case _:
                await super().trouble(trouble)

    async def place_by_hand(self, client_order_id: str, *, quantity: Decimal, price: Decimal) -> None:
        """Place a person's order at the venue's desk, past the wire."""
        name = self.instrument().base + self.instrument().quote
        params = {"symbol": name, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
        params |= {"quantity": plain(quantity), "price": plain(price), "newClientOrderId": client_order_id}
        place(Caller(self.venue.exchange, self.account), params)

    def stream(self) -> EventStream:
        """Return the stream of our orders."""
        assert self.transport is not None, "the harness was started"
        return BinanceUserStream(
            self.calls,
            self.transport,
            HmacSigner(DEFAULT_SECRET),
            ws_api_url=f"{self.venue.ws_url}/ws-api/v3",
            symbols=[each.symbol for each in INSTRUMENTS],
            jitter=lambda: 0.0,
            patience=Patience(silence_s=SILENCE_S),
        )

    def reference(self) -> VenueReference:
        """Return rules, clock and account by the same calls."""
        return BinanceReference(self.calls)


def calls_of(transport: HttpTransport, url: str) -> BinanceCalls:
    """Return calls that are signed with the venue's own key."""
    signer = HmacSigner(DEFAULT_SECRET)
    return BinanceCalls(transport, SystemClock(), rest_url=url, api_key=DEFAULT_KEY, signer=signer)


def _renamed(answer: Any) -> Any:
    names = ("clientOrderId", "origClientOrderId")
    return answer | {name: "another" for name in names if name in answer}


def _of_no_known_status(answer: Any) -> Any:
    if isinstance(answer, list):
        return [_of_no_known_status(row) for row in answer]
    return answer | {"status": "BEWITCHED"}


harness = VenueHarness
