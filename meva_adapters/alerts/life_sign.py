"""Ask an address from time to time while the agent beats; who keeps that address calls when the questions stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import aiohttp

from meva_adapters.alerts.addresses import read_address, unusable

SETTING: Final = "observability.heartbeat_url"
_DEADLINE_S: Final = 10.0
_OK: Final = range(200, 300)


class LifeSign:
    """Send `GET` to *address*, a secret, at the first beat and every *every_s* seconds as long as there are beats.

    It runs in the main loop on purpose: a loop that hangs, a process that died and a machine without power or network
    all end it. *on_change* hears whether the last sign was taken, when that changes.
    """

    def __init__(self, address: str, *, every_s: float, on_change: Callable[[bool], None]) -> None:
        """Raise `ConfigError`, without the address, where it is none of the web or in the open."""
        if read_address(address, SETTING).scheme not in {"http", "https"}:
            raise unusable(
                SETTING, "is none of the web. Use the https address that your watching service gives."
            )
        self._address = address.strip()
        self._every_s = every_s
        self._on_change = on_change
        self._beaten = asyncio.Event()
        self._taken: bool | None = None

    def beat(self) -> None:
        """Say that the agent lives."""
        self._beaten.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            await self._beaten.wait()
            self._beaten.clear()
            taken = await self.send()
            if taken is not self._taken:
                self._taken = taken
                self._on_change(taken)
            await asyncio.sleep(self._every_s)

    async def send(self) -> bool:
        """Send one sign; return whether it was taken."""
        timeout = aiohttp.ClientTimeout(total=_DEADLINE_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as http,
                http.get(self._address, allow_redirects=False) as response,
            ):
                return response.status in _OK
        except (aiohttp.ClientError, TimeoutError):
            return False
