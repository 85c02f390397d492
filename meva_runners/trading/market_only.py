"""Connect an agent to a venue's market alone: what it orders is filled in this process, and nothing can be sent."""

from __future__ import annotations

from attrs import frozen

from meva_adapters.clock.system import SystemClock
from meva_adapters.exchange.binance.calls import BinanceCalls
from meva_adapters.exchange.binance.market_stream import BinanceMarketStream, Record
from meva_adapters.exchange.binance.market_watch import BinanceMarketWatch
from meva_adapters.exchange.binance.reference import BinanceReference
from meva_adapters.exchange.binance.signer import AccountReadSigner, signer_of
from meva_adapters.exchange.simulated.matching_exchange import MatchedStream, MatchingExchange
from meva_adapters.transport.http import HttpTransport
from meva_core.config.schema import AppConfig
from meva_core.execution.taken_over import take_over
from meva_runners.composition import compose_venue, instruments_of
from meva_runners.trading.recovered import Recovered
from meva_runners.trading.venue_anomalies import VenueAnomalies
from meva_runners.trading.venue_link import Account, VenueLink, jitter_of


@frozen(kw_only=True)
class MarketPlace:
    """Say where a venue tells what everybody may know."""

    rest_url: str
    stream_url: str


def public_calls(place: MarketPlace, transport: HttpTransport, *, anomalies: VenueAnomalies) -> BinanceCalls:
    """Return calls that cannot be signed: there is no key among them."""
    return BinanceCalls(transport, SystemClock(), rest_url=place.rest_url, on_anomaly=anomalies.note)


def reading_calls(account: Account, transport: HttpTransport, *, anomalies: VenueAnomalies) -> BinanceCalls:
    """Return calls that can be signed for reading the account, and for nothing that names a market."""
    return BinanceCalls(
        transport,
        SystemClock(),
        rest_url=account.rest_url,
        api_key=account.api_key,
        signer=AccountReadSigner(signer_of(account.api_secret)),
        on_anomaly=anomalies.note,
    )


def market_link(
    config: AppConfig,
    calls: BinanceCalls,
    transport: HttpTransport,
    *,
    stream_url: str,
    name: str,
    anomalies: VenueAnomalies,
    record: Record | None = None,
    before: Recovered | None = None,
) -> VenueLink:
    """Return the link to a market that *calls* reach; orders meet a matching engine with the account of *config*.

    Where the session goes on, the engine goes on where it stood *before*.
    """
    clock, engine = SystemClock(), compose_venue(config)
    if before is not None:
        take_over(engine, before.standing)
    market = BinanceMarketStream(
        calls,
        transport,
        stream_url=stream_url,
        instruments=instruments_of(config).values(),
        jitter=jitter_of(config),
        record=record,
    )
    reference = BinanceReference(calls)
    return VenueLink(
        name=name,
        exchange=MatchingExchange(engine, clock, expired=() if before is None else before.standing.expired),
        streams=(
            MatchedStream(market, engine, clock),
            BinanceMarketWatch(calls, instruments_of(config).values()),
            anomalies,
        ),
        books=market,
        reference=reference,
        account=reference,
    )
