"""Run a simulated Kraken on one port: the venue with another face."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from meva_adapters.venue.connection import Connection
from meva_adapters.venue.exchange import Exchange
from meva_adapters.venue.face import Face
from meva_adapters.venue.kraken.channels import Channels
from meva_adapters.venue.kraken.desk import KrakenDesk
from meva_adapters.venue.kraken.pairs import ONLINE, Pairs
from meva_adapters.venue.kraken.rest import RestInterface
from meva_adapters.venue.kraken.rows import Rows
from meva_adapters.venue.kraken.settings import KRAKEN_SETTINGS
from meva_adapters.venue.kraken.streams import PRIVATE_PATH, PUBLIC_PATH, KrakenStreams
from meva_adapters.venue.kraken.tokens import Tokens
from meva_adapters.venue.server import VenueServer
from meva_adapters.venue.settings import VenueSettings
from meva_core.events import MarketEvent


class KrakenFace:
    """Speak Kraken's REST interface and WebSocket v2."""

    def __init__(self, exchange: Exchange, rows: Rows) -> None:
        self._pairs = pairs = Pairs(exchange.markets.values())
        tokens = Tokens()
        channels = Channels(exchange, pairs)
        self._streams = KrakenStreams(exchange, channels=channels, rows=rows, tokens=tokens)
        self._rest = RestInterface(KrakenDesk(exchange, pairs=pairs, rows=rows, tokens=tokens))

    def add_routes(self, app: web.Application) -> None:
        """Add every path."""
        self._rest.add_routes(app)
        self._streams.add_routes(app)

    async def run(self) -> None:
        """Send heartbeats."""
        await self._streams.run()

    def connections(self) -> list[Connection]:
        """Return the open connections of both sockets."""
        return [subscriber.connection for subscriber in self._streams.subscribers]

    def announce_shutdown(self) -> None:
        """Go into maintenance."""
        self.be("maintenance")

    def be(self, system: str) -> None:
        """Take up a state, and tell every connection."""
        if system != self._pairs.system:
            self._pairs.system = system
            self._streams.announce(system)


class KrakenServer(VenueServer):
    """Be Kraken while started; see `VenueServer`. Faults name calls as REST does: `AddOrder`, `TradesHistory`."""

    def __init__(
        self, settings: VenueSettings = KRAKEN_SETTINGS, *, feed: AsyncIterator[MarketEvent] | None = None
    ) -> None:
        super().__init__(settings, feed=feed)

    def _made(self) -> tuple[Exchange, Face]:
        rows = Rows(listed.instrument for listed in self.settings.markets)
        exchange = Exchange(self.settings, rows.wording())
        self._spoken = KrakenFace(exchange, rows)
        return exchange, self._spoken

    def reset(self) -> None:
        """End every fault that waits or lasts, and maintenance."""
        super().reset()
        self._spoken.be(ONLINE)

    @property
    def public_ws_url(self) -> str:
        """Return the address of the public WebSocket."""
        return f"{self.ws_url}{PUBLIC_PATH}"

    @property
    def private_ws_url(self) -> str:
        """Return the address of the private WebSocket."""
        return f"{self.ws_url}{PRIVATE_PATH}"
