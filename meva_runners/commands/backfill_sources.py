"""Say what each venue tells of its history, in which columns, and how it is asked; fetch nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Final, Protocol

from attrs import frozen

from meva_adapters.clock.system import SystemClock
from meva_adapters.exchange.binance.calls import BinanceCalls
from meva_adapters.exchange.binance.history import KINDS, BinanceHistory
from meva_adapters.exchange.kraken import history as kraken
from meva_adapters.exchange.kraken.calls import KrakenCalls
from meva_adapters.exchange.kraken.public_calls import KrakenPublicCalls
from meva_adapters.transport.http import HttpTransport
from meva_adapters.transport.patient_calls import PatientCalls, PublicCalls
from meva_adapters.transport.rate_budget import RateBudget
from meva_adapters.wire.kraken_market import TIMEFRAMES
from meva_core.model.market import NS_PER_MS, NS_PER_SECOND, TIMEFRAME_NS

Row = tuple[str, ...]
Pages = Callable[[Row | None], AsyncIterator[list[Row]]]


@frozen
class Shape:
    """Describe a file: its *columns*, and where in it a row's time stands, in units of *unit_ns*."""

    columns: tuple[str, ...]
    time_column: int
    unit_ns: int = NS_PER_MS


@frozen(kw_only=True)
class Asked:
    """Say what is asked for: one symbol's *kind* of history in a period."""

    symbol: str
    kind: str
    timeframe: str
    start_ms: int
    end_ms: int
    page: int


class Source(Protocol):
    """Know one venue's history."""

    url: str
    shapes: Mapping[str, Shape]
    # What an agent leaves of the venue's limit, a minute.
    weight: int

    def problems(self, kind: str, timeframe: str, start_ms: int, now_ms: int) -> Iterator[str]:
        """Yield what the venue does not tell."""
        ...

    def calls(self, transport: HttpTransport, url: str, *, weight: int) -> PublicCalls:
        """Return what asks the venue at *url*, with so much *weight* a minute."""
        ...

    def pages(self, calls: PatientCalls, asked: Asked) -> Pages:
        """Return what yields the rows that follow a last one, page by page."""
        ...


class BinanceSource:
    """Tell bars, trades, and trades by taker order and price; all since a market began."""

    url = "https://api.binance.com"
    shapes: Mapping[str, Shape] = {
        name: Shape(kind.columns, kind.time_column) for name, kind in KINDS.items()
    }
    weight = 3_000

    def problems(self, kind: str, timeframe: str, start_ms: int, now_ms: int) -> Iterator[str]:
        """Yield nothing: whatever the options offer is told."""
        del kind, timeframe, start_ms, now_ms
        yield from ()

    def calls(self, transport: HttpTransport, url: str, *, weight: int) -> PublicCalls:
        """Return calls that count their weight by the minute."""
        budget = RateBudget(limit=weight, reserve=0, window_ns=60 * NS_PER_SECOND)
        return BinanceCalls(transport, SystemClock(), rest_url=url, budget=budget)

    def pages(self, calls: PatientCalls, asked: Asked) -> Pages:
        """Return the pages of one history."""
        period = {"start_ms": asked.start_ms, "end_ms": asked.end_ms}
        history = BinanceHistory(
            calls, asked.symbol, asked.kind, timeframe=asked.timeframe, page=asked.page, **period
        )
        return history.pages


class KrakenSource:
    """Tell trades since a pair began, and the newest bars."""

    url = "https://api.kraken.com"
    shapes: Mapping[str, Shape] = {
        "klines": Shape(kraken.COLUMNS["klines"], 0),
        "trades": Shape(kraken.COLUMNS["trades"], 3, unit_ns=1),
    }
    weight = 60

    def problems(self, kind: str, timeframe: str, start_ms: int, now_ms: int) -> Iterator[str]:
        """Yield what is not told: other kinds, other lengths of bars, and bars of long ago."""
        if kind not in self.shapes:
            yield f"--kind: got {kind}. Expected one of {', '.join(self.shapes)}: Kraken tells no other."
        elif kind == "klines" and timeframe not in TIMEFRAMES:
            yield f"--timeframe: got {timeframe}. Expected one of {', '.join(TIMEFRAMES)}: Kraken tells no other."
        elif kind == "klines":
            step_ms = TIMEFRAME_NS[timeframe] // NS_PER_MS
            oldest_ms = (now_ms // step_ms - kraken.BARS_MAX + 1) * step_ms
            if start_ms < oldest_ms:
                yield (
                    f"--start: Kraken tells no bars but the last {kraken.BARS_MAX}. "
                    "Fetch --kind trades: a replay makes bars of them."
                )

    def calls(self, transport: HttpTransport, url: str, *, weight: int) -> PublicCalls:
        """Return calls of which so many leave a minute."""
        return KrakenPublicCalls(KrakenCalls(transport, SystemClock(), rest_url=url), per_minute=weight)

    def pages(self, calls: PatientCalls, asked: Asked) -> Pages:
        """Return the pages of one history."""
        period = {"start_ms": asked.start_ms, "end_ms": asked.end_ms}
        history = kraken.KrakenHistory(
            calls, asked.symbol, asked.kind, timeframe=asked.timeframe, page=asked.page, **period
        )
        return history.pages


SOURCES: Final[Mapping[str, Source]] = {"binance": BinanceSource(), "kraken": KrakenSource()}
