"""Watch an agent from a process of its own, and call a person when it falls silent; stop nothing and trade nothing.

Started by `Guard`, which writes one line of JSON and then a beat per interval into our standard input.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import Mapping
from io import FileIO
from typing import Any, Final

from meva_core.commands import AlertLevel, RaiseAlert

HEARTBEAT_MISSING: Final = "heartbeat_missing"
AGENT_DIED: Final = "agent_died"
BEAT: Final = b"."
FAREWELL: Final = b"!"
# SPEC section 5, alert 8: more than two intervals.
MISSED_MAX: Final = 2
# A person who slept through the first message is told again.
AGAIN_S: Final = 300.0
_LOOKS_PER_INTERVAL: Final = 4
_FAREWELL_S: Final = 20.0  # With a dead channel: its first repetitions, then it is enough.


class Vigil:
    """Judge by the times of its beats whether an agent lives. Times are seconds of any clock that never falls."""

    def __init__(self, interval_s: float, *, now_s: float, again_s: float = AGAIN_S) -> None:
        self._interval_s = interval_s
        self._again_s = again_s
        self._beaten_s = now_s
        self._told_s: float | None = None

    def beat(self, now_s: float) -> float:
        """Take a beat; return after how long a silence that was told of it came, or 0."""
        silence_s = 0.0 if self._told_s is None else now_s - self._beaten_s
        self._beaten_s, self._told_s = now_s, None
        return silence_s

    def silence_s(self, now_s: float) -> float:
        """Return how long nothing was heard, if that must be told now, or 0."""
        silent_s = now_s - self._beaten_s
        is_told = self._told_s is not None and now_s - self._told_s < self._again_s
        if silent_s <= MISSED_MAX * self._interval_s or is_told:
            return 0.0
        self._told_s = now_s
        return silent_s


async def watch(orders: Mapping[str, Any], beats: FileIO) -> None:
    """Watch until *beats* end. *orders* hold `agent`, `account`, `mode`, `interval_s` and `channels` by name."""
    from meva_adapters.alerts.channels import sink_of
    from meva_adapters.alerts.delivery import AlertDelivery

    delivery = AlertDelivery({name: sink_of(address) for name, address in orders["channels"].items()})
    delivery.start()
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), beats)
    interval_s: float = orders["interval_s"]
    vigil: Vigil | None = None  # A start takes its time: the first beat begins the watch.

    def tell(level: AlertLevel, code: str, text: str) -> None:
        message = f"[{str(orders['mode']).upper()}] {orders['agent']}, account {orders['account']}: {text}"
        sys.stderr.write(f"{level.upper()} {code}: {message}\n")
        sys.stderr.flush()
        delivery.raise_alert(RaiseAlert(level, code, str(orders["agent"]), message, {}))

    while not (heard := await _heard(reader, interval_s / _LOOKS_PER_INTERVAL)).endswith(FAREWELL):
        now_s = time.monotonic()
        if heard == b"" and reader.at_eof():
            tell(AlertLevel.CRITICAL, AGENT_DIED, _DIED)
            break
        if vigil is None:
            vigil = Vigil(interval_s, now_s=now_s) if heard else None
            continue
        if heard and (silence_s := vigil.beat(now_s)):
            tell(AlertLevel.INFO, HEARTBEAT_MISSING, f"the heartbeat is back after {silence_s:.0f} s")
        if silence_s := vigil.silence_s(now_s):
            tell(
                AlertLevel.CRITICAL,
                HEARTBEAT_MISSING,
                _SILENT.format(silence_s=silence_s, interval_s=interval_s),
            )
    await delivery.stop(grace_s=_FAREWELL_S)


_DIED: Final = (
    "the process ended without saying that it stops. Orders may rest at the venue. "
    "Look at its log, cancel what rests there, and start it again: it compares books and venue first."
)
_SILENT: Final = (
    "no heartbeat for {silence_s:.1f} s, where one is due every {interval_s:g} s: the main loop hangs, and nobody "
    "watches the open orders. Run `meva controls kill`, look at the venue, then restart the agent."
)


async def _heard(reader: asyncio.StreamReader, wait_s: float) -> bytes:
    """Return what came within *wait_s* seconds; nothing also at the end."""
    try:
        async with asyncio.timeout(wait_s):
            return await reader.read(4_096)
    except TimeoutError:
        return b""


def main() -> None:
    """Read the orders, then watch. Who stops the agent's service stops us too early: we end with our input."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with open(0, "rb", buffering=0, closefd=False) as pipe:  # A buffer would swallow the first beats.
        orders = json.loads(pipe.readline())
        asyncio.run(watch(orders, pipe))


if __name__ == "__main__":
    main()
