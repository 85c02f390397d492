"""Send measurements to a statsd server by UDP, fire and forget; never wait for it, never fail because of it.

statsd knows no tags: they become part of the name, `<name>.<tag>.<value>`, sorted by tag, for example
`meva.risk_reject_total.code.stale_data` or `meva.slippage_bps.symbol.btc_usdt`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final

from statsd import StatsClient

# `:`, `|`, `@` and `#` have a meaning in the line protocol, `/` and blanks in the storage behind servers.
_UNSAFE: Final = re.compile(r"[^a-z0-9_-]+")
# With a prefix, a name and two tags a line stays below the 512 bytes that one datagram carries.
_PART_MAX: Final = 60


class StatsdMetricsSink:
    """Speak statsd to *host*:*port*, every name under *prefix*.

    The host is resolved once, here. When that fails the sink drops everything: *problem* says why and
    *dropped* counts, so that metrics never keep an agent from starting. A server that is down goes unnoticed,
    as UDP has it.

    A negative gauge takes two lines, since a bare `-5` would mean "five less": the level is reset to 0 and
    lowered. Both travel in one datagram, which a server handles at once, so no reader sees the 0.
    """

    def __init__(self, host: str, port: int, *, prefix: str = "meva") -> None:
        self.problem = ""
        self.dropped = 0
        self._client: StatsClient | None = None
        try:
            self._client = StatsClient(host, port, prefix=prefix or None)
        except OSError as error:
            self.problem = f"statsd server {host}:{port} cannot be reached ({error}); metrics are dropped"

    def incr(self, name: str, value: int = 1, tags: Mapping[str, str] | None = None) -> None:
        """Add *value* to the counter *name*."""
        if client := self._usable(value):
            client.incr(encoded_name(name, tags), value)

    def gauge(self, name: str, value: float, tags: Mapping[str, str] | None = None) -> None:
        """Set the gauge *name*; what is no finite number is dropped and counted."""
        if client := self._usable(value):
            client.gauge(encoded_name(name, tags), value)

    def timing_ms(self, name: str, value: float, tags: Mapping[str, str] | None = None) -> None:
        """Record a duration; what is no finite number is dropped and counted."""
        if client := self._usable(value):
            client.timing(encoded_name(name, tags), value)

    def close(self) -> None:
        """Close the socket; what comes later is dropped and counted."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _usable(self, value: float) -> StatsClient | None:
        if self._client is None or not math.isfinite(value):
            self.dropped += 1
            return None
        return self._client


def encoded_name(name: str, tags: Mapping[str, str] | None = None) -> str:
    """Return *name* with its tags in it, in characters that every statsd server takes.

    >>> encoded_name("slippage_bps", {"symbol": "BTC/USDT"})
    'slippage_bps.symbol.btc_usdt'
    """
    parts = [_safe(part) for part in name.split(".")]
    for tag, value in sorted((tags or {}).items()):
        parts += (_safe(tag), _safe(value))
    return ".".join(parts)


def _safe(part: str) -> str:
    return _UNSAFE.sub("_", part.lower())[:_PART_MAX] or "none"
