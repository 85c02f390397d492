"""Run the exchange contract on the Kraken adapter, against its own simulated venue over loopback sockets."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qs

from attrs import evolve

from meva_adapters.clock.system import SystemClock
from meva_adapters.contracts.case import NotProvenError
from meva_adapters.contracts.exchange_harness import (
    Mishap,
    Request,
    Trouble,
)
from meva_adapters.exchange.kraken.calls import KrakenCalls
from meva_adapters.exchange.kraken.exchange import KrakenExchange
from meva_adapters.exchange.kraken.nonces import MemoryNonces
from meva_adapters.exchange.kraken.order_costs import OrderCosts
from meva_adapters.exchange.kraken.reference import KrakenReference
from meva_adapters.exchange.kraken.signer import KrakenSigner
from meva_adapters.exchange.kraken.user_stream import KrakenUserStream
from meva_adapters.transport.decaying_budget import DecayingBudget
from meva_adapters.transport.http import HttpTransport
from meva_adapters.transport.websocket import Patience
from meva_adapters.venue.kraken.rows import order_txid, trade_txid
from meva_adapters.venue.kraken.server import KrakenServer
from meva_adapters.venue.kraken.settings import KRAKEN_MARKETS, KRAKEN_SECRET, KRAKEN_SETTINGS
from meva_adapters.venue.rows import OrderRow, OwnTrade
from meva_adapters.venue.settings import DEFAULT_KEY
from meva_core.model.instrument import Instrument
from meva_core.model.market import Side
from meva_core.model.money import ZERO
from meva_core.model.order import OrderRequest, OrderType, TimeInForce
from meva_core.ports.exchange import ExchangeAdapter, VenueReference
from meva_core.ports.market_feed import EventStream
from meva_runners.harnesses.tapped_venue import MANY, SILENCE_S, TIMEOUT_S, TappedVenue, no_news

INSTRUMENTS: Final[tuple[Instrument, ...]] = tuple(listed.instrument for listed in KRAKEN_MARKETS[:2])
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


class KrakenHarness(TappedVenue):
    """Start a simulated Kraken with a still market, a tap before it, and the adapter behind the tap."""

    symbol = INSTRUMENTS[0].symbol

    def __init__(self) -> None:
        self.kraken = KrakenServer(evolve(KRAKEN_SETTINGS, weight_limit=MANY), feed=no_news())
        super().__init__(self.kraken, INSTRUMENTS, kind_of=kind_of, call_names=_CALLS)
        self.adapter: KrakenExchange | None = None

    async def connected(self, url: str) -> ExchangeAdapter:
        """Return the adapter, connected to *url*."""
        self.transport = HttpTransport(timeout_s=TIMEOUT_S)
        clock = SystemClock()
        self.calls = KrakenCalls(
            self.transport,
            clock,
            rest_url=url,
            api_key=DEFAULT_KEY,
            signer=KrakenSigner(KRAKEN_SECRET),
            nonces=MemoryNonces(clock),
            budget=DecayingBudget(limit=MANY, reserve=1, decay_milli=1_000),
        )
        pairs = await KrakenReference(self.calls).pairs([each.symbol for each in INSTRUMENTS])
        costs = OrderCosts(threshold=MANY)
        self.adapter = KrakenExchange(self.calls, pairs=pairs, owns=self.is_ours, costs=costs)
        return self.adapter

    def ids_of(self, trade: OwnTrade) -> tuple[str, str]:
        """Return the texts that the venue makes of its numbers."""
        return trade_txid(trade), order_txid(trade.order_id)

    async def trouble(self, trouble: Trouble) -> None:
        """Strike at the tap, or at the venue."""
        match trouble.mishap:
            case Mishap.OTHER_ORDER if trouble.request is Request.PLACE:
                self.tap.change(trouble.request, _renamed)
            case Mishap.UNKNOWN_STATUS if trouble.request is Request.FIND_ORDER:
                self.tap.change(trouble.request, _of_no_known_status)
            case Mishap.OTHER_ORDER | Mishap.UNKNOWN_STATUS as mishap:
                raise NotProvenError(f"answer that could show: {mishap}")
            case Mishap.KEY_READ_ONLY:
                self.account.settings = evolve(self.account.settings, can_trade=False)
            case Mishap.STREAM_GARBAGE:
                self.kraken.say('{"channel":"executions","data":[{')
            case Mishap.STREAM_UNKNOWN:
                self.kraken.say('{"channel":"somethingNew","data":[{}]}')
            case _:
                await super().trouble(trouble)

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
            stream_url=self.kraken.private_ws_url,
            jitter=lambda: 0.0,
            patience=Patience(silence_s=SILENCE_S),
        )

    def reference(self) -> VenueReference:
        """Return rules, clock and account by the same calls."""
        return KrakenReference(self.calls)


def _renamed(answer: Any) -> Any:
    return answer | {"result": answer["result"] | {"cl_ord_id": "another"}}


def _of_no_known_status(answer: Any) -> Any:
    orders = answer["result"]
    return answer | {"result": {name: order | {"status": "bewitched"} for name, order in orders.items()}}


harness = KrakenHarness
