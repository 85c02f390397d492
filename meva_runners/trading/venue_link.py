"""Connect an agent to a venue: its exchange, its streams and what must be known before trading; start nothing."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from attrs import field, frozen

from meva_adapters.exchange.binance.calls import BinanceCalls
from meva_adapters.exchange.binance.exchange import BinanceExchange
from meva_adapters.exchange.binance.market_stream import BinanceMarketStream, Record
from meva_adapters.exchange.binance.market_watch import BinanceMarketWatch
from meva_adapters.exchange.binance.reference import BinanceReference
from meva_adapters.exchange.binance.signer import signer_of
from meva_adapters.exchange.binance.trades import OwnTrades
from meva_adapters.exchange.binance.user_stream import BinanceUserStream
from meva_adapters.transport.http import HttpTransport
from meva_core.config.schema import AppConfig
from meva_core.execution.idempotency import ClientOrderIds
from meva_core.ports.clock import Clock
from meva_core.ports.exchange import AccountReader, ExchangeAdapter, VenueReference
from meva_core.ports.market_feed import BookSource, EventStream
from meva_runners.composition import instruments_of
from meva_runners.trading.sessions import traded_assets
from meva_runners.trading.venue_anomalies import VenueAnomalies


@frozen(kw_only=True)
class Account:
    """Say where an account is, and with which key it is reached."""

    rest_url: str
    stream_url: str
    ws_api_url: str
    api_key: str
    api_secret: str = field(repr=False)


@frozen(kw_only=True)
class VenueLink:
    """Hold the ends of the connection to one venue; *name* is for people."""

    name: str
    exchange: ExchangeAdapter
    streams: tuple[EventStream, ...]
    books: BookSource
    reference: VenueReference
    account: AccountReader


def binance_link(
    config: AppConfig,
    account: Account,
    transport: HttpTransport,
    clock: Clock,
    *,
    name: str,
    anomalies: VenueAnomalies,
    record: Record | None = None,
) -> VenueLink:
    """Return the link to *account* at Binance, or at what speaks like it; *record* gets every raw market frame.

    *anomalies* is told what nobody understands, and is one of the streams.
    """
    signer = signer_of(account.api_secret)
    calls = BinanceCalls(
        transport,
        clock,
        rest_url=account.rest_url,
        api_key=account.api_key,
        signer=signer,
        recv_window_ms=config.exchange.recv_window_ms,
        on_anomaly=anomalies.note,
    )
    instruments = instruments_of(config)
    reference = BinanceReference(calls)
    trades = OwnTrades(calls)
    jitter = jitter_of(config)
    market = BinanceMarketStream(
        calls,
        transport,
        stream_url=account.stream_url,
        instruments=instruments.values(),
        jitter=jitter,
        record=record,
    )
    return VenueLink(
        name=name,
        exchange=BinanceExchange(
            calls,
            symbols=tuple(instruments),
            owns=ClientOrderIds(config.agent, config.account).owns,
            trades=trades,
            assets=traded_assets(config),
        ),
        streams=(
            market,
            BinanceUserStream(
                calls,
                transport,
                signer,
                ws_api_url=account.ws_api_url,
                symbols=instruments,
                jitter=jitter,
                trades=trades,
            ),
            BinanceMarketWatch(calls, instruments.values()),
            anomalies,
        ),
        books=market,
        reference=reference,
        account=reference,
    )


def jitter_of(config: AppConfig) -> Callable[[], float]:
    """Return what spreads the reconnects of many agents; it decides nothing that is journaled."""
    return Random(f"{config.agent}/{config.account}").random  # noqa: S311 - repeatable, guards nothing.
