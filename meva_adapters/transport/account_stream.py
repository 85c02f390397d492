"""Keep the stream of an account's own events up; what a message says, the stream of its venue reads.

It closes no gap: after every connection the core compares itself with the venue (open orders, own trades, balances).
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Final

from aiohttp import ClientSession

from meva_adapters.transport.backoff import Backoff
from meva_adapters.transport.reconnect import keep_asking, keep_up
from meva_adapters.transport.websocket import Patience, Send, follow
from meva_core.events import Event, StreamConnected, StreamLost
from meva_core.ports.clock import Clock
from meva_core.ports.market_feed import Deliver

USER: Final = "user"


class AccountStream(ABC):
    """Follow *url*. Each connection asks for a subscription; one that is not granted soon is given up.

    *PING* is asked again and again, for an account may have nothing to tell for hours. *jitter* draws from [0, 1).
    """

    PING: ClassVar[str]

    def __init__(
        self,
        session: ClientSession,
        url: str,
        *,
        clock: Clock,
        jitter: Callable[[], float],
        patience: Patience,
    ) -> None:
        self._session = session
        self._url = url
        self._clock = clock
        self._backoff = Backoff(jitter)
        self._patience = patience
        self._up = False

    @abstractmethod
    async def _subscription(self) -> str:
        """Return the request with which a connection begins; raise `StreamEndError` where there can be none."""

    @abstractmethod
    def _read(self, text: str) -> list[Event]:
        """Return the events of one message; raise `StreamEndError` where only a new connection helps."""

    @property
    def name(self) -> str:
        """Return `user`."""
        return USER

    async def run(self, deliver: Deliver) -> None:
        """Follow until cancelled."""

        def ended(reason: str) -> None:
            if self._up:
                self._up = False
                deliver(StreamLost(self._clock.now_ns(), USER, reason))

        await keep_up(lambda: self._once(deliver), clock=self._clock, backoff=self._backoff, ended=ended)

    def _granted(self, received_ns: int) -> list[Event]:
        """Take note that the venue grants the subscription; return what that means."""
        self._up = True
        return [StreamConnected(received_ns, USER)]

    async def _once(self, deliver: Deliver) -> str:
        asking: list[asyncio.Task[None]] = []

        async def opened(send: Send) -> None:
            await send(await self._subscription())
            ask = keep_asking(send, self.PING, every_s=self._patience.silence_s / 3)
            asking.append(asyncio.create_task(ask))

        def heard(text: str) -> None:
            for event in self._read(text):
                deliver(event)

        try:
            return await follow(
                self._session,
                self._url,
                patience=self._patience,
                opened=opened,
                heard=heard,
                answered=lambda: self._up,
            )
        finally:
            for task in asking:
                task.cancel()
