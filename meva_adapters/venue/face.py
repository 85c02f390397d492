"""Show a venue in one protocol: its paths, its streams and its connections; and be the face of Binance."""

from __future__ import annotations

from typing import Protocol

from aiohttp import web

from meva_adapters.venue.connection import Connection
from meva_adapters.venue.desk import Desk
from meva_adapters.venue.exchange import Exchange
from meva_adapters.venue.rest import RestInterface
from meva_adapters.venue.streams import MarketStreams
from meva_adapters.venue.ws_api import SocketInterface


class Face(Protocol):
    """Be what clients of one protocol see of a venue."""

    def add_routes(self, app: web.Application) -> None:
        """Add every path."""
        ...

    async def run(self) -> None:
        """Send for ever what is sent by the clock."""
        ...

    def connections(self) -> list[Connection]:
        """Return the WebSocket connections that are open."""
        ...

    def announce_shutdown(self) -> None:
        """Tell every connection that this server goes down."""
        ...


class BinanceFace:
    """Speak Binance's REST interface, market streams and WebSocket API."""

    def __init__(self, exchange: Exchange) -> None:
        desk = Desk(exchange)
        self._exchange = exchange
        self._streams = MarketStreams(exchange)
        self._sockets = SocketInterface(exchange, desk)
        self._rest = RestInterface(exchange, desk)

    def add_routes(self, app: web.Application) -> None:
        """Add every path."""
        self._rest.add_routes(app)
        self._streams.add_routes(app)
        self._sockets.add_routes(app)

    async def run(self) -> None:
        """Send depth, tickers and bars."""
        await self._streams.run()

    def connections(self) -> list[Connection]:
        """Return the connections of both kinds."""
        listening = [subscriber.connection for subscriber in self._streams.subscribers]
        return listening + [session.connection for session in self._sockets.sessions]

    def announce_shutdown(self) -> None:
        """Send `serverShutdown`."""
        event = {"e": "serverShutdown", "E": self._exchange.now_ms()}
        for subscriber in self._streams.subscribers:
            wrapped = {"stream": "!serverShutdown", "data": event}
            subscriber.connection.send(wrapped if subscriber.combined else event)
        for session in self._sockets.sessions:
            session.connection.send({"event": event})
