"""Join the parts of a venue to what an agent is connected to: exchange, streams, and what tells of the account."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from meva_adapters.clock.system import SystemClock
from meva_adapters.exchange.simulated.matching_exchange import MatchedStream, MatchingExchange
from meva_adapters.wire.connection_notes import Record
from meva_core.config.schema import AppConfig
from meva_core.execution.taken_over import take_over
from meva_core.ports.controls import VenueView
from meva_core.ports.exchange import AccountReader, DeadManSwitch, ExchangeAdapter, VenueReference
from meva_core.ports.market_feed import BookSource, EventStream
from meva_runners.composition import compose_venue
from meva_runners.trading.recovered import Recovered
from meva_runners.trading.venue_anomalies import VenueAnomalies
from meva_runners.venues.venue import Connection


@frozen(kw_only=True)
class VenueLink:
    """Hold the ends of the connection to one venue; *name* is for people.

    *use* tells how much may be asked there and how it answers. *switch* is `None` where nothing rests at a venue, or
    the venue has no dead-man switch.
    """

    name: str
    exchange: ExchangeAdapter
    streams: tuple[EventStream, ...]
    books: BookSource
    reference: VenueReference
    account: AccountReader
    use: Callable[[], VenueView]
    switch: DeadManSwitch | None = None


async def trading_link(
    connection: Connection, *, name: str, anomalies: VenueAnomalies, record: Record | None = None
) -> VenueLink:
    """Return the link on which orders leave; *record* gets every raw market frame.

    *anomalies* is told by the connection what nobody understands, and is one of the streams.
    """
    trading = await connection.trading()
    market, watch = await connection.market(record)
    return VenueLink(
        name=name,
        exchange=trading.exchange,
        streams=(market, trading.user_stream, watch, anomalies),
        books=market,
        reference=connection.reference,
        account=connection.account,
        use=connection.use,
        switch=trading.switch,
    )


async def market_link(
    config: AppConfig,
    connection: Connection,
    *,
    name: str,
    anomalies: VenueAnomalies,
    record: Record | None = None,
    before: Recovered | None = None,
) -> VenueLink:
    """Return the link to a market alone; orders meet a matching engine with the account of *config*.

    What is ordered is filled in this process, and nothing can be sent. Where the session goes on, the engine goes on
    where it stood *before*.
    """
    clock, engine = SystemClock(), compose_venue(config)
    if before is not None:
        take_over(engine, before.standing)
    exchange = MatchingExchange(engine, clock, expired=() if before is None else before.standing.expired)
    market, watch = await connection.market(record)
    return VenueLink(
        name=name,
        exchange=exchange,
        streams=(MatchedStream(market, exchange, clock), watch, anomalies),
        books=market,
        reference=connection.reference,
        account=connection.account,
        use=connection.use,
    )
