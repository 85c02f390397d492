"""Run the exchange contract on the Binance adapter, against the venue server over loopback sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any, Final

from meva_adapters.clock.system import SystemClock
from meva_adapters.contracts.exchange_harness import (
    ExchangeHarness,
    Mishap,
    Request,
    Trouble,
    TrueOrder,
)
from meva_adapters.contracts.wire_tap import MISHAPS, WireTap
from meva_adapters.exchange.binance.calls import BinanceCalls
from meva_adapters.exchange.binance.exchange import BinanceExchange
from meva_adapters.exchange.binance.reference import BinanceReference
from meva_adapters.exchange.binance.signer import HmacSigner
from meva_adapters.exchange.binance.user_stream import BinanceUserStream
from meva_adapters.transport.http import HttpTransport
from meva_adapters.transport.websocket import Patience
from meva_adapters.venue.account_calls import Caller, place
from meva_adapters.venue.faults import Fault, FaultKind
from meva_adapters.venue.server import VenueServer
from meva_adapters.venue.settings import DEFAULT_KEY, DEFAULT_SECRET, VenueSettings
from meva_core.events import MarketEvent, TradeReceived
from meva_core.model.fill import Fill, Liquidity
from meva_core.model.instrument import Instrument
from meva_core.model.market import Side
from meva_core.model.money import plain
from meva_core.ports.exchange import ExchangeAdapter, VenueReference
from meva_core.ports.market_feed import EventStream
from meva_runners.harnesses.still_market import INSTRUMENTS, opening, quote_of

_EVER_MS: Final = 1 << 62
_TIMEOUT_S: Final = 1.0
_SILENCE_S: Final = 0.6
_LONG_MS: Final = 60_000
_PART_LOTS: Final = 10
_RESTING: Final = Decimal("0.9")
_MANY: Final = 1_000_000
_NO_PERMISSION: Final = (-2015, "Invalid API-key, IP, or permissions for action.")
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


class VenueHarness(ExchangeHarness):
    """Start the venue server with a still market, a tap before it, and an adapter behind the tap.

    Subclass it for another adapter that speaks the same protocol: *connected* makes the adapter.
    """

    symbol = INSTRUMENTS[0].symbol

    def __init__(self) -> None:
        self.venue = VenueServer(VenueSettings(order_limit_10s=_MANY), feed=_nothing())
        self.account = self.venue.exchange.accounts[DEFAULT_KEY]
        self.tap = WireTap("", kind_of)
        self.transport: HttpTransport | None = None

    async def connected(self, url: str) -> ExchangeAdapter:
        """Return the adapter, connected to *url*."""
        self.transport = HttpTransport(timeout_s=_TIMEOUT_S)
        self.calls = calls_of(self.transport, url)
        await self.calls.measure_clock()
        symbols = [each.symbol for each in INSTRUMENTS]
        return BinanceExchange(self.calls, symbols=symbols, owns=self.is_ours)

    def is_ours(self, name: str) -> bool:
        """Return whether an order carries our mark."""
        return name.startswith(self.own_id(0)[:6])

    async def start(self) -> ExchangeAdapter:
        """Start venue, tap and adapter."""
        await self.venue.start()
        for instrument in INSTRUMENTS:
            for event in opening(instrument, 0):
                self.venue.exchange.take(event)
        self.tap = WireTap(self.venue.url, kind_of)
        await self.tap.start()
        return await self.connected(self.tap.url)

    async def stop(self) -> None:
        """Stop all three."""
        if self.transport is not None:
            await self.transport.close()
        await self.tap.stop()
        await self.venue.stop()

    def instrument(self) -> Instrument:
        """Return the rules of the first market."""
        return INSTRUMENTS[0]

    def quote(self) -> tuple[Decimal, Decimal]:
        """Return the best bid and ask."""
        return quote_of(self.instrument())

    def other_market(self) -> tuple[Instrument, Decimal]:
        """Return the second market."""
        return INSTRUMENTS[1], quote_of(INSTRUMENTS[1])[0] * _RESTING

    def orders(self) -> Sequence[TrueOrder]:
        """Return what the venue took."""
        symbols = {each.base + each.quote: each.symbol for each in INSTRUMENTS}
        return [
            TrueOrder(
                client_order_id=row.client_order_id,
                symbol=symbols[row.symbol],
                side=Side.BUY if row.side == "BUY" else Side.SELL,
                quantity=row.quantity,
                filled_quantity=row.executed,
                limit_price=None if row.type == "MARKET" else row.price,
                is_open=row.is_open,
            )
            for row in self.account.orders(None, as_of_ms=_EVER_MS)
        ]

    def trades(self) -> Sequence[Fill]:
        """Return own trades."""
        instrument = self.instrument()
        return [
            Fill(
                symbol=self.symbol,
                trade_id=str(trade.id),
                client_order_id=self.account.row(trade.order_id).client_order_id,
                venue_order_id=str(trade.order_id),
                side=Side.BUY if trade.is_buyer else Side.SELL,
                price=trade.price,
                quantity=trade.quantity,
                fee=trade.fee,
                fee_asset=trade.fee_asset,
                liquidity=Liquidity.MAKER if trade.is_maker else Liquidity.TAKER,
                venue_time_ns=trade.time_ms * 10**6,
            )
            for trade in self.account.trades
            if trade.symbol == instrument.base + instrument.quote
        ]

    def balances(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Return what the account holds."""
        return {asset: held for asset, held in self.account.engine.balances().items() if any(held)}

    def sent(self, request: Request) -> int:
        """Return how many requests came by the tap."""
        return self.tap.count(request)

    def wire(self, request: Request) -> Sequence[str]:
        """Return the requests as they came by the tap."""
        return self.tap.texts(request)

    async def trouble(self, trouble: Trouble) -> None:
        """Strike at the tap, or at the venue."""
        if trouble.mishap in MISHAPS:
            self.tap.strike(trouble.mishap, trouble.request, trouble.amount)
            return
        market = {"symbol": self.symbol.replace("/", "")}
        match trouble.mishap:
            case Mishap.OTHER_ORDER:
                self.tap.change(trouble.request, _renamed)
            case Mishap.UNKNOWN_STATUS:
                self.tap.change(trouble.request, _of_no_known_status)
            case Mishap.STALE:
                call = _CALLS[trouble.request]
                self._strike(FaultKind.STALE, call=call, milliseconds=trouble.amount)
            case Mishap.CLOCK_OFFSET:
                self._strike(FaultKind.CLOCK_OFFSET, milliseconds=trouble.amount)
            case Mishap.HALT:
                self._strike(FaultKind.HALT, **market)
            case Mishap.NEW_FILTERS:
                larger = plain(self.instrument().min_quantity * trouble.amount)
                self._strike(FaultKind.FILTERS, **market, filters={"min_quantity": larger})
            case Mishap.DOWN:
                await self.tap.stop()
                await self.venue.stop()
            case Mishap.KEY_UNKNOWN:
                self.venue.exchange.accounts[""] = self.venue.exchange.accounts.pop(DEFAULT_KEY)
            case Mishap.KEY_READ_ONLY:
                code, message = _NO_PERMISSION
                self._strike(FaultKind.REJECT, call="order.place", code=code, message=message)
            case Mishap.STREAM_CUT:
                self._strike(FaultKind.CUT_STREAMS)
            case Mishap.STREAM_SILENT:
                self._strike(FaultKind.SILENT_STREAMS, milliseconds=_LONG_MS)
            case Mishap.STREAM_DOUBLE:
                self._strike(FaultKind.DUPLICATE_USER_EVENTS, times=trouble.amount)
            case Mishap.STREAM_UNKNOWN:
                self.account.tell({"e": "somethingNew", "E": 1})
            case Mishap.STREAM_GARBAGE:
                self.account.tell({"e": "executionReport", "x": "TRADE", "c": 7})
            case _:
                await super().trouble(trouble)

    async def end_trouble(self) -> None:
        """End what lasts at the venue."""
        self.venue.reset()

    async def execute(self, client_order_id: str, quantity: Decimal) -> None:
        """Let others trade through the order's price."""
        [order] = [each for each in self.orders() if each.client_order_id == client_order_id]
        instrument = self.instrument()
        assert order.limit_price is not None, "a resting order has a limit"
        ticks = instrument.ticks(order.limit_price) - order.side.sign
        taker = Side.SELL if order.side is Side.BUY else Side.BUY
        self.venue.exchange.take(TradeReceived(0, self.symbol, ticks, instrument.lots(quantity), taker))

    async def place_by_hand(self, client_order_id: str, *, quantity: Decimal, price: Decimal) -> None:
        """Place a person's order at the venue's desk, past the wire."""
        name = self.instrument().base + self.instrument().quote
        params = {"symbol": name, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
        params |= {"quantity": plain(quantity), "price": plain(price), "newClientOrderId": client_order_id}
        place(Caller(self.venue.exchange, self.account), params)

    async def trade_by_hand(self, count: int) -> None:
        """Let a person's one order fill in *count* parts."""
        instrument, name = self.instrument(), self.foreign_id(0)
        part = instrument.quantity(_PART_LOTS)
        price = quote_of(instrument)[0] * _RESTING
        await self.place_by_hand(name, quantity=part * count, price=price)
        for _ in range(count):
            await self.execute(name, part)

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
            patience=Patience(silence_s=_SILENCE_S),
        )

    def reference(self) -> VenueReference:
        """Return rules, clock and account by the same calls."""
        return BinanceReference(self.calls)

    def _strike(self, kind: FaultKind, **more: Any) -> None:
        self.venue.strike(Fault(kind=kind, **more))


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


async def _nothing() -> AsyncIterator[MarketEvent]:
    """Bring no market data: the harness moves the market itself."""
    none: tuple[MarketEvent, ...] = ()
    for event in none:
        yield event


harness = VenueHarness
