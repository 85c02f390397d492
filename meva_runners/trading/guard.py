"""Keep the watchdog's process, and tell it that the main loop lives; judge nothing."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Final, Self

from meva_core.config.schema import AppConfig
from meva_core.model.secret import Secret
from meva_runners.trading.watchdog import BEAT, FAREWELL

_END_S: Final = 5.0


class Guard:
    """Have a process of its own call a person when `beat` is not called for more than two intervals.

    It also tells of a process that ends without `stop`. Neither an event loop nor a thread of ours is needed for that.
    """

    def __init__(self, config: AppConfig, *, interval_s: float, channels: Mapping[str, Secret]) -> None:
        """Start the watchdog. *channels* are the addresses of alert channels, by name."""
        orders = {
            "agent": config.agent,
            "account": config.account,
            "mode": config.mode.value,
            "interval_s": interval_s,
            "channels": {name: address.reveal() for name, address in channels.items()},
        }
        # Of its own session: Ctrl-C on the terminal is for the agent, which says farewell first.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "meva_runners.trading.watchdog"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,  # Ours is for results, and whoever reads it waits for its end.
            start_new_session=True,
        )
        assert self._process.stdin is not None, "it was asked for"
        self._pipe = self._process.stdin
        self._pipe.write(json.dumps(orders).encode() + b"\n")
        self._pipe.flush()
        os.set_blocking(self._pipe.fileno(), False)

    @property
    def watches(self) -> bool:
        """Return whether the watchdog lives; without it nobody is called."""
        return self._process.poll() is None

    def beat(self) -> None:
        """Say that the main loop lives. It never waits and never fails; the first one begins the watch."""
        self._write(BEAT)

    async def stop(self) -> None:
        """Say farewell, so that nobody is called, and wait until the watchdog has ended."""
        self._write(FAREWELL)
        self._pipe.close()
        try:
            async with asyncio.timeout(_END_S):
                await asyncio.to_thread(self._process.wait)
        except TimeoutError:
            self._process.kill()
            self._process.wait()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _write(self, sign: bytes) -> None:
        try:
            os.write(self._pipe.fileno(), sign)
        except (BlockingIOError, BrokenPipeError):
            return  # A full pipe or a dead reader: `watches` tells, and systemd's watchdog is still there.
