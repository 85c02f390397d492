"""Stand a simulated venue with a still market behind a tap, whatever protocol it speaks; make no adapter."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from meva_adapters.contracts.exchange_harness import (
    ExchangeHarness,
    Mishap,
    Request,
    Trouble,
    TrueOrder,
)
from meva_adapters.contracts.wire_tap import MISHAPS, WireTap
from meva_adapters.transport.http import HttpTransport
from meva_adapters.venue.faults import Fault, FaultKind
from meva_adapters.venue.rows import OwnTrade
from meva_adapters.venue.server import VenueServer
from meva_adapters.venue.settings import DEFAULT_KEY
from meva_core.events import MarketEvent, TradeReceived
from meva_core.model.fill import Fill, Liquidity
from meva_core.model.instrument import Instrument
from meva_core.model.market import NS_PER_MS, Side
from meva_core.model.money import plain
from meva_core.ports.exchange import ExchangeAdapter
from meva_runners.harnesses.still_market import opening, quote_of

TIMEOUT_S: Final = 1.5
SILENCE_S: Final = 0.6
MANY: Final = 1_000_000
_EVER_MS: Final = 1 << 62
_LONG_MS: Final = 60_000
_PART_LOTS: Final = 10
_RESTING: Final = Decimal("0.9")


class TappedVenue(ExchangeHarness):
    """Start *venue* with the markets *instruments* and a tap before it; a subclass makes the adapter behind the tap.

    *kind_of* names requests, *call_names* are the venue's words for them, as faults
    know them.
    """

    def __init__(
        self,
        venue: VenueServer,
        instruments: Sequence[Instrument],
        *,
        kind_of: Callable[[str, str, str], Request],
        call_names: Mapping[Request, str],
    ) -> None:
        self.venue = venue
        self.account = venue.exchange.accounts[DEFAULT_KEY]
        self.transport: HttpTransport | None = None
        self.tap = WireTap("", kind_of)
        self._instruments = tuple(instruments)
        self._kind_of = kind_of
        self._call_names = call_names

    @abstractmethod
    async def connected(self, url: str) -> ExchangeAdapter:
        """Return the adapter, connected to *url*."""

    @abstractmethod
    def ids_of(self, trade: OwnTrade) -> tuple[str, str]:
        """Return the ids of a trade and of its order, as the venue writes them."""

    def is_ours(self, name: str) -> bool:
        """Return whether an order carries our mark."""
        return name.startswith(self.own_id(0)[:6])

    async def start(self) -> ExchangeAdapter:
        """Start venue, tap and adapter."""
        await self.venue.start()
        for instrument in self._instruments:
            for event in opening(instrument, 0):
                self.venue.exchange.take(event)
        self.tap = WireTap(self.venue.url, self._kind_of)
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
        return self._instruments[0]

    def quote(self) -> tuple[Decimal, Decimal]:
        """Return the best bid and ask."""
        return quote_of(self.instrument())

    def other_market(self) -> tuple[Instrument, Decimal]:
        """Return the second market."""
        other = self._instruments[1]
        return other, quote_of(other)[0] * _RESTING

    def orders(self) -> Sequence[TrueOrder]:
        """Return what the venue took."""
        symbols = {each.base + each.quote: each.symbol for each in self._instruments}
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
        trades = [each for each in self.account.trades if each.symbol == instrument.base + instrument.quote]
        return [self._fill(trade, *self.ids_of(trade)) for trade in trades]

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
        """Strike at the tap, or at the venue, in the ways that are the same for every protocol."""
        market = {"symbol": self.instrument().base + self.instrument().quote}
        match trouble.mishap:
            case mishap if mishap in MISHAPS:
                self.tap.strike(mishap, trouble.request, trouble.amount)
            case Mishap.STALE:
                call = self._call_names[trouble.request]
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
            case Mishap.STREAM_CUT:
                self._strike(FaultKind.CUT_STREAMS)
            case Mishap.STREAM_SILENT:
                self._strike(FaultKind.SILENT_STREAMS, milliseconds=_LONG_MS)
            case Mishap.STREAM_DOUBLE:
                self._strike(FaultKind.DUPLICATE_USER_EVENTS, times=trouble.amount)
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

    async def trade_by_hand(self, count: int) -> None:
        """Let a person's one order fill in *count* parts."""
        instrument, name = self.instrument(), self.foreign_id(0)
        part = instrument.quantity(_PART_LOTS)
        price = quote_of(instrument)[0] * _RESTING
        await self.place_by_hand(name, quantity=part * count, price=price)
        for _ in range(count):
            await self.execute(name, part)

    def _strike(self, kind: FaultKind, **more: Any) -> None:
        self.venue.strike(Fault(kind=kind, **more))

    def _fill(self, trade: OwnTrade, trade_id: str, order_id: str) -> Fill:
        return Fill(
            symbol=self.symbol,
            trade_id=trade_id,
            client_order_id=self.account.row(trade.order_id).client_order_id,
            venue_order_id=order_id,
            side=Side.BUY if trade.is_buyer else Side.SELL,
            price=trade.price,
            quantity=trade.quantity,
            fee=trade.fee,
            fee_asset=trade.fee_asset,
            liquidity=Liquidity.MAKER if trade.is_maker else Liquidity.TAKER,
            venue_time_ns=trade.time_ms * NS_PER_MS,
        )


async def no_news() -> AsyncIterator[MarketEvent]:
    """Bring no market data: the harness moves the market itself."""
    none: tuple[MarketEvent, ...] = ()
    for event in none:
        yield event
