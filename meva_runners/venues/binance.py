"""Make the parts of Binance's adapter; ask the venue nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from meva_adapters.exchange.binance.calls import BinanceCalls
from meva_adapters.exchange.binance.exchange import BinanceExchange
from meva_adapters.exchange.binance.market_stream import BinanceMarketStream
from meva_adapters.exchange.binance.market_watch import BinanceMarketWatch
from meva_adapters.exchange.binance.reference import BinanceReference
from meva_adapters.exchange.binance.signer import AccountReadSigner, Signer, signer_of
from meva_adapters.exchange.binance.user_stream import BinanceUserStream
from meva_adapters.transport.http import HttpTransport
from meva_adapters.wire.connection_notes import Record
from meva_core.config.schema import AppConfig
from meva_core.execution.idempotency import ClientOrderIds
from meva_core.ports.clock import Clock
from meva_core.ports.controls import VenueView
from meva_core.ports.market_feed import EventStream
from meva_runners.venues.venue import (
    Account,
    MarketStream,
    Right,
    Trading,
    Venue,
    budget_view,
    jitter_of,
    traded_assets,
)


class BinanceConnection:
    """Be a `Connection`: every part sends by the same calls, and shares their budget."""

    def __init__(
        self, config: AppConfig, account: Account, calls: BinanceCalls, transport: HttpTransport
    ) -> None:
        self.reference = self.account = BinanceReference(calls)
        self._instruments = tuple(item.instrument() for item in config.exchange.instruments)
        self._symbols = tuple(item.symbol for item in self._instruments)
        self._config = config
        self._place = account
        self._calls = calls
        self._transport = transport

    def use(self) -> VenueView:
        """Return the weight of the minute, by the venue's own count where it is higher, and how the venue answers."""
        calls = self._calls
        budget = budget_view("request weight a minute", calls.budget, calls.venue_ns())
        return VenueView("binance", (budget,), self._transport.times.view())

    async def market(self, record: Record | None) -> tuple[MarketStream, EventStream]:
        """Return the combined streams, and the watch of the venue's rules."""
        stream = BinanceMarketStream(
            self._calls,
            self._transport,
            stream_url=self._place.stream_url,
            instruments=self._instruments,
            jitter=jitter_of(self._config),
            record=record,
        )
        return stream, BinanceMarketWatch(self._calls, self._instruments)

    async def trading(self) -> Trading:
        """Return exchange and stream, which share what they know of our orders."""
        signer = self._calls.signer
        assert signer is not None, "who trades has the right to"
        exchange = self.canceller()
        stream = BinanceUserStream(
            self._calls,
            self._transport,
            signer,
            ws_api_url=self._place.ws_api_url,
            symbols=self._symbols,
            jitter=jitter_of(self._config),
            trades=exchange.trades,
        )
        return Trading(exchange=exchange, user_stream=stream, switch=None)

    def canceller(self) -> BinanceExchange:
        """Return the exchange."""
        config = self._config
        return BinanceExchange(
            self._calls,
            symbols=self._symbols,
            owns=ClientOrderIds(config.agent, config.account).owns,
            assets=traded_assets(config),
        )


class BinanceVenue(Venue):
    """Be Binance spot, or what speaks like it."""

    # Web socket streams, general information.
    streams: ClassVar = {
        "api.binance.com": "wss://stream.binance.com:9443",
        "data-api.binance.vision": "wss://data-stream.binance.vision",
    }

    @contextmanager
    def connect(
        self,
        config: AppConfig,
        account: Account,
        right: Right,
        *,
        transport: HttpTransport,
        clock: Clock,
        on_anomaly: Callable[[str, str], None] | None = None,
        keep: Path | None = None,
        beside: bool = False,
    ) -> Iterator[BinanceConnection]:
        """Give a connection; nothing of it outlives the process, and processes do not disturb each other."""
        calls = BinanceCalls(
            transport,
            clock,
            rest_url=account.rest_url,
            api_key=account.api_key,
            signer=_signer(account, right),
            recv_window_ms=config.exchange.recv_window_ms,
            on_anomaly=on_anomaly,
        )
        yield BinanceConnection(config, account, calls, transport)


def _signer(account: Account, right: Right) -> Signer | None:
    match right:
        case Right.NOTHING:
            return None
        case Right.READ:
            return AccountReadSigner(signer_of(account.api_secret))
        case Right.TRADE:
            return signer_of(account.api_secret)
