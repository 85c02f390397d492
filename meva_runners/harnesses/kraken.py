"""Run the exchange contract on the Kraken adapter, against its own simulated venue over loopback sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qs

from attrs import evolve

from meva_adapters.clock.system import SystemClock
from meva_adapters.contracts.case import NotProvenError
from meva_adapters.contracts.exchange_harness import (
    ExchangeHarness,
    Mishap,
    Request,
    Trouble,
    TrueOrder,
)
from meva_adapters.contracts.wire_tap import MISHAPS, WireTap
from meva_adapters.exchange.kraken.calls import KrakenCalls
from meva_adapters.exchange.kraken.exchange import KrakenExchange
from meva_adapters.exchange.kraken.order_costs import OrderCosts
from meva_adapters.exchange.kraken.reference import KrakenReference
from meva_adapters.exchange.kraken.signer import KrakenSigner
from meva_adapters.exchange.kraken.user_stream import KrakenUserStream
from meva_adapters.transport.decaying_budget import DecayingBudget
from meva_adapters.transport.http import HttpTransport
from meva_adapters.transport.websocket import Patience
from meva_adapters.venue.accounts import Account
from meva_adapters.venue.faults import Fault, FaultKind
from meva_adapters.venue.kraken.rows import order_txid, trade_txid
from meva_adapters.venue.kraken.server import KrakenServer
from meva_adapters.venue.kraken.settings import KRAKEN_MARKETS, KRAKEN_SECRET, KRAKEN_SETTINGS
from meva_adapters.venue.rows import OrderRow
from meva_adapters.venue.settings import DEFAULT_KEY
from meva_core.events import MarketEvent, TradeReceived
from meva_core.model.fill import Fill, Liquidity
from meva_core.model.instrument import Instrument
from meva_core.model.market import Side
from meva_core.model.money import ZERO, plain
from meva_core.model.order import OrderRequest, OrderType, TimeInForce
from meva_core.ports.exchange import ExchangeAdapter, VenueReference
from meva_core.ports.market_feed import EventStream
from meva_runners.harnesses.still_market import opening, quote_of

INSTRUMENTS: Final[tuple[Instrument, ...]] = tuple(listed.instrument for listed in KRAKEN_MARKETS[:2])
_EVER_MS: Final = 1 << 62
_TIMEOUT_S: Final = 1.0
_SILENCE_S: Final = 0.6
_LONG_MS: Final = 60_000
_PART_LOTS: Final = 10
_RESTING: Final = Decimal("0.9")
_MANY: Final = 1_000_000
_KINDS: Final = {
    "AddOrder": Request.PLACE,
    "CancelOrder": Request.CANCEL,
    "QueryOrders": Request.FIND_ORDER,
    "ClosedOrders": Request.FIND_ORDER,
    "OpenOrders": Request.OPEN_ORDERS,
    "TradesHistory": Request.OWN_TRADES,
    "BalanceEx": Request.BALANCES,
    "AssetPairs": Request.RULES,
    "Time": Request.CLOCK,
}
_CALLS: Final = {
    Request.FIND_ORDER: "QueryOrders",
    Request.OPEN_ORDERS: "OpenOrders",
    Request.OWN_TRADES: "TradesHistory",
}


def kind_of(_method: str, path: str, body: str) -> Request:
    """Name a request of Kraken's REST interface; open orders of one name are a question for that order."""
    form = parse_qs(body)
    if "validate" in form:
        return Request.OTHER
    kind = _KINDS.get(path.rpartition("/")[2], Request.OTHER)
    return Request.FIND_ORDER if kind is Request.OPEN_ORDERS and "cl_ord_id" in form else kind


class KrakenHarness(ExchangeHarness):
    """Start a simulated Kraken with a still market, a tap before it, and the adapter behind the tap."""

    symbol = INSTRUMENTS[0].symbol

    def __init__(self) -> None:
        self.venue = KrakenServer(evolve(KRAKEN_SETTINGS, weight_limit=_MANY), feed=_nothing())
        self.account: Account = self.venue.exchange.accounts[DEFAULT_KEY]
        self.tap = WireTap("", kind_of)
        self.transport: HttpTransport | None = None
        self.adapter: KrakenExchange | None = None

    async def start(self) -> ExchangeAdapter:
        """Start venue, tap and adapter."""
        await self.venue.start()
        for instrument in INSTRUMENTS:
            for event in opening(instrument, 0):
                self.venue.exchange.take(event)
        self.tap = WireTap(self.venue.url, kind_of)
        await self.tap.start()
        self.transport = HttpTransport(timeout_s=_TIMEOUT_S)
        clock = SystemClock()
        self.calls = KrakenCalls(
            self.transport,
            clock,
            rest_url=self.tap.url,
            api_key=DEFAULT_KEY,
            signer=KrakenSigner(KRAKEN_SECRET),
            nonces=_Counter(clock),
            budget=DecayingBudget(limit=_MANY, reserve=1, decay_milli=1_000),
        )
        pairs = await KrakenReference(self.calls).pairs([each.symbol for each in INSTRUMENTS])
        costs = OrderCosts(threshold=_MANY)
        self.adapter = KrakenExchange(self.calls, pairs=pairs, owns=self.is_ours, costs=costs)
        return self.adapter

    async def stop(self) -> None:
        """Stop all three."""
        if self.transport is not None:
            await self.transport.close()
        await self.tap.stop()
        await self.venue.stop()

    def is_ours(self, name: str) -> bool:
        """Return whether an order carries our mark."""
        return name.startswith(self.own_id(0)[:6])

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
                side=Side(row.side.lower()),
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
                trade_id=trade_txid(trade),
                client_order_id=self.account.row(trade.order_id).client_order_id,
                venue_order_id=order_txid(trade.order_id),
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
        market = {"symbol": self.symbol.replace("/", "")}
        match trouble.mishap:
            case mishap if mishap in MISHAPS:
                self.tap.strike(mishap, trouble.request, trouble.amount)
            case Mishap.OTHER_ORDER if trouble.request is Request.PLACE:
                self.tap.change(trouble.request, _renamed)
            case Mishap.UNKNOWN_STATUS if trouble.request is Request.FIND_ORDER:
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
                self.account.settings = evolve(self.account.settings, can_trade=False)
            case _:
                await self._trouble_streams(trouble)

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
        """Place a person's order in the account, past the wire."""
        exchange = self.venue.exchange
        request = OrderRequest(
            client_order_id=client_order_id,
            idem_key=client_order_id,
            strategy="",
            symbol=self.symbol,
            side=Side.BUY,
            type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            quantity=quantity,
            limit_price=price,
            post_only=False,
            reduce_only=False,
        )
        row = OrderRow(
            symbol=self.symbol.replace("/", ""),
            order_id=0,
            client_order_id=client_order_id,
            side="BUY",
            type="LIMIT",
            time_in_force="GTC",
            price=price,
            quantity=quantity,
            quote_order_quantity=ZERO,
            created_ms=exchange.now_ms(),
            updated_ms=exchange.now_ms(),
            response_type="",
        )
        self.account.place(request, row, exchange.engine_ns())

    async def trade_by_hand(self, count: int) -> None:
        """Let a person's one order fill in *count* parts."""
        instrument, name = self.instrument(), self.foreign_id(0)
        part = instrument.quantity(_PART_LOTS)
        price = quote_of(instrument)[0] * _RESTING
        await self.place_by_hand(name, quantity=part * count, price=price)
        for _ in range(count):
            await self.execute(name, part)

    async def arm_dead_man_switch(self, seconds: int) -> None:
        """Arm the switch by the adapter, and wait until it has fired."""
        assert self.adapter is not None, "the harness was started"
        await self.adapter.arm_dead_man_switch(seconds)
        await asyncio.sleep(seconds + 0.2)

    def stream(self) -> EventStream:
        """Return the stream of our orders."""
        assert self.transport is not None, "the harness was started"
        return KrakenUserStream(
            self.calls,
            self.transport,
            stream_url=self.venue.private_ws_url,
            jitter=lambda: 0.0,
            patience=Patience(silence_s=_SILENCE_S),
        )

    def reference(self) -> VenueReference:
        """Return rules, clock and account by the same calls."""
        return KrakenReference(self.calls)

    async def _trouble_streams(self, trouble: Trouble) -> None:
        match trouble.mishap:
            case Mishap.STREAM_CUT:
                self._strike(FaultKind.CUT_STREAMS)
            case Mishap.STREAM_SILENT:
                self._strike(FaultKind.SILENT_STREAMS, milliseconds=_LONG_MS)
            case Mishap.STREAM_DOUBLE:
                self._strike(FaultKind.DUPLICATE_USER_EVENTS, times=trouble.amount)
            case Mishap.STREAM_GARBAGE:
                self.venue.say('{"channel":"executions","data":[{')
            case Mishap.STREAM_UNKNOWN:
                self.venue.say('{"channel":"somethingNew","data":[{}]}')
            case mishap:
                raise NotProvenError(f"answer that could show: {mishap}")

    def _strike(self, kind: FaultKind, **more: Any) -> None:
        self.venue.strike(Fault(kind=kind, **more))


class _Counter:
    """Number the calls of one harness by the time; nothing of it outlives the venue, which counts anew."""

    def __init__(self, clock: SystemClock) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> int:
        self._last = max(self._last + 1, self._clock.now_ns())
        return self._last


def _renamed(answer: Any) -> Any:
    return answer | {"result": answer["result"] | {"cl_ord_id": "another"}}


def _of_no_known_status(answer: Any) -> Any:
    orders = answer["result"]
    return answer | {"result": {name: order | {"status": "bewitched"} for name, order in orders.items()}}


async def _nothing() -> AsyncIterator[MarketEvent]:
    """Bring no market data: the harness moves the market itself."""
    none: tuple[MarketEvent, ...] = ()
    for event in none:
        yield event


harness = KrakenHarness
