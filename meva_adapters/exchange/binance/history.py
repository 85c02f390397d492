"""Page through Binance's recorded bars and trades so that no row is missing or repeated at a border; store nothing.

Trades are followed by their ids, bars by their opening times: a page begins where the one before ended, and a page
that does not is an error. Source: Binance spot API, "Market Data endpoints" of July 2026.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from attrs import frozen

from meva_adapters.exchange.binance.calls import VENUE
from meva_adapters.transport.patient_calls import PatientCalls
from meva_adapters.wire.fields import CodecError, amount, flag, row_of, whole
from meva_adapters.wire.symbols import venue_symbol
from meva_core.errors import VenueUnknownError
from meva_core.model.market import NS_PER_MS, TIMEFRAME_NS

Row = tuple[str, ...]

PAGE_MAX: Final = 1_000
_BAR_CELLS: Final = 12


@frozen
class HistoryKind:
    """Describe one kind of history. *columns* are those of the venue's public dumps; the first is what is paged by."""

    path: str
    weight: int
    columns: tuple[str, ...]
    time_column: int
    fields: Mapping[str, Callable[[Mapping[str, Any], str], object]]


KINDS: Final[Mapping[str, HistoryKind]] = {
    "klines": HistoryKind(
        "/api/v3/klines",
        2,
        (
            "open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "count",
            "taker_buy_volume", "taker_buy_quote_volume",
        ),
        0,
        {},
    ),
    "agg_trades": HistoryKind(
        "/api/v3/aggTrades",
        4,
        ("agg_trade_id", "price", "qty", "first_id", "last_id", "time", "is_buyer_maker"),
        5,
        {"a": whole, "p": amount, "q": amount, "f": whole, "l": whole, "T": whole, "m": flag},
    ),
    "trades": HistoryKind(
        "/api/v3/historicalTrades",
        25,
        ("id", "price", "qty", "quote_qty", "time", "is_buyer_maker"),
        4,
        {"id": whole, "price": amount, "qty": amount, "quoteQty": amount, "time": whole, "isBuyerMaker": flag},
    ),
}  # fmt: skip
_BAR_NUMBERS: Final = (0, 6, 8)  # Opening time, closing time, count of trades.


class BinanceHistory:
    """Read one symbol's history of one *kind* between *start_ms* and *end_ms*, the end not included.

    *timeframe* is that of bars. A *page* is how many rows one request asks for.
    """

    def __init__(
        self,
        calls: PatientCalls,
        symbol: str,
        kind: str,
        *,
        start_ms: int,
        end_ms: int,
        timeframe: str = "1m",
        page: int = PAGE_MAX,
    ) -> None:
        assert 0 < page <= PAGE_MAX, "the venue cuts longer pages"
        self._calls = calls
        self._symbol = symbol
        self._kind = KINDS[kind]
        self._is_bars = kind == "klines"
        self._timeframe = timeframe
        self._start_ms = start_ms
        self._end_ms = end_ms
        self._page = page

    def pages(self, last: Row | None) -> AsyncIterator[list[Row]]:
        """Yield the rows that follow *last*, or all from the start, page by page.

        Raises `VenueUnknownError` for a page that is not what was asked for.
        """
        return self._bars(last) if self._is_bars else self._trades(last)

    async def _bars(self, last: Row | None) -> AsyncIterator[list[Row]]:
        step_ms = TIMEFRAME_NS[self._timeframe] // NS_PER_MS
        following_ms = int(last[0]) + step_ms if last else -(-self._start_ms // step_ms) * step_ms
        while following_ms + step_ms <= self._end_ms:
            bounds = [("startTime", str(following_ms)), ("endTime", str(self._end_ms - 1))]
            data = await self._ask([("interval", self._timeframe), *bounds])
            rows = self._read(data, _bar)
            times = [int(row[0]) for row in rows]
            if any(int(row[6]) - int(row[0]) != step_ms - 1 or int(row[0]) % step_ms for row in rows):
                raise self._broken(f"bars that are not of {self._timeframe}")
            self._check_rising(times, following_ms)
            closed = [row for row in rows if int(row[0]) + step_ms <= self._end_ms]
            if not closed:
                return
            yield closed
            following_ms = times[-1] + step_ms

    async def _trades(self, last: Row | None) -> AsyncIterator[list[Row]]:
        following = int(last[0]) + 1 if last else await self._first_id()
        while following is not None:
            rows = self._read(await self._ask([("fromId", str(following))]), self._trade)
            self._check_rising([int(row[0]) for row in rows], following)
            place = self._kind.time_column
            within = [row for row in rows if int(row[place]) < self._end_ms]
            if within:
                yield within
            following = int(rows[-1][0]) + 1 if rows and len(within) == len(rows) else None

    async def _first_id(self) -> int | None:
        """Return the id of the first trade at or after the start; trades are found by the aggregate they are in."""
        kind = KINDS["agg_trades"]
        parameters = [
            ("symbol", venue_symbol(self._symbol)),
            ("startTime", str(self._start_ms)),
            ("limit", "1"),
        ]
        data = await self._calls.ask(kind.path, parameters, weight=kind.weight)
        name = "a" if self._kind is kind else "f"
        ids = self._read(data, lambda row: (str(whole(row_of(row), name)),))
        return int(ids[0][0]) if ids else None

    async def _ask(self, parameters: list[tuple[str, str]]) -> Any:
        full = [("symbol", venue_symbol(self._symbol)), *parameters, ("limit", str(self._page))]
        return await self._calls.ask(self._kind.path, full, weight=self._kind.weight)

    def _read(self, data: Any, read: Callable[[Any], Row]) -> list[Row]:
        if not isinstance(data, list):
            raise self._broken(f"{type(data).__name__} in place of a list")
        try:
            return [read(row) for row in data]
        except CodecError as exc:
            raise self._broken(exc.problem) from exc

    def _trade(self, data: Any) -> Row:
        row, cells = row_of(data), []
        for name, read in self._kind.fields.items():
            read(row, name)  # It must have the promised form; what is kept is the venue's own writing.
            cells.append(str(row[name]).lower() if read is flag else str(row[name]))
        return tuple(cells)

    def _check_rising(self, keys: Sequence[int], first: int) -> None:
        if any(key < first for key in keys[:1]) or any(later <= key for key, later in pairwise(keys)):
            raise self._broken(f"rows that repeat or run backwards, asked from {first}")

    def _broken(self, problem: str) -> VenueUnknownError:
        return VenueUnknownError(VENUE, f"{self._kind.path} of {self._symbol}", f"the answer holds {problem}")


def _bar(data: Any) -> Row:
    if not isinstance(data, list) or len(data) < _BAR_CELLS - 1:
        raise CodecError("a bar was promised")
    named = {str(place): cell for place, cell in enumerate(data[: _BAR_CELLS - 1])}
    for place, name in enumerate(named):
        (whole if place in _BAR_NUMBERS else amount)(named, name)
    return tuple(str(cell) for cell in named.values())
