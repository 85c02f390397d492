"""Page through Kraken's public trades so that none is missing or repeated at a border, and read its newest bars.

A page of trades ends at a time, and trades may share it: the next one is asked for from just before that time, and what
is known by its id is left out. Source: Kraken's REST documentation, `Trades` and `OHLC`; that no more than 720 bars are
told, and that the ids of a pair's trades rise by one, is general knowledge.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

from meva_adapters.exchange.kraken.calls import VENUE
from meva_adapters.transport.patient_calls import PatientCalls
from meva_adapters.wire.fields import CodecError, row_of
from meva_adapters.wire.kraken_market import TIMEFRAMES
from meva_adapters.wire.kraken_names import rest_pair
from meva_core.errors import VenueUnknownError
from meva_core.model.market import NS_PER_MS, NS_PER_SECOND, TIMEFRAME_NS

Row = tuple[str, ...]

PAGE_MAX: Final = 1_000
BARS_MAX: Final = 720
COLUMNS: Final = {
    "klines": ("open_time", "open", "high", "low", "close", "volume", "close_time", "count"),
    "trades": ("id", "price", "qty", "ts_ns", "is_buyer_maker"),
}
_SIDES: Final = {"b": "false", "s": "true"}  # Of the taker: whoever sells to a resting buyer takes.
_TRADE_CELLS: Final = 7
_BAR_CELLS: Final = 8
_LAST: Final = "last"


class KrakenHistory:
    """Read one symbol's history of one *kind* between *start_ms* and *end_ms*, the end not included.

    *timeframe* is that of bars. A *page* is how many trades one request asks for.
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
        self._calls = calls
        self._symbol = symbol
        self._kind = kind
        self._timeframe = timeframe
        self._start_ns, self._end_ns = start_ms * NS_PER_MS, end_ms * NS_PER_MS
        self._page = page

    def pages(self, last: Row | None) -> AsyncIterator[list[Row]]:
        """Yield the rows that follow *last*, or all from the start, page by page.

        Raises `VenueUnknownError` for a page that is not what was asked for.
        """
        return self._bars(last) if self._kind == "klines" else self._trades(last)

    async def _trades(self, last: Row | None) -> AsyncIterator[list[Row]]:
        known = int(last[0]) if last else -1
        since_ns = (int(last[3]) if last else self._start_ns) - 1
        while True:
            rows, told_ns = await self._page_of_trades(since_ns)
            fresh = [row for row in rows if int(row[0]) > known and int(row[3]) >= self._start_ns]
            within = [row for row in fresh if int(row[3]) < self._end_ns]
            if within:
                yield within
                known = int(within[-1][0])
            if not rows or len(within) < len(fresh):
                return
            # From just before the last one on: others may share its time. A page of one time alone goes on behind it.
            following_ns = int(rows[-1][3]) - 1
            if following_ns <= since_ns:
                if len(rows) < self._page or told_ns <= since_ns:
                    return
                following_ns = told_ns
            since_ns = following_ns

    async def _page_of_trades(self, since_ns: int) -> tuple[list[Row], int]:
        """Return the trades after *since_ns*, in order, and the time that the venue names for the next page."""
        parameters = [
            ("pair", rest_pair(self._symbol)),
            ("since", str(since_ns)),
            ("count", str(self._page)),
        ]
        data = await self._calls.ask("Trades", parameters, weight=1)
        rows = self._read(data, _trade)
        ids = [int(row[0]) for row in rows]
        if any(after <= before for before, after in pairwise(ids)):
            raise self._broken("trades whose ids do not rise")
        told = str(data.get(_LAST, ""))
        if not (told.isdecimal() and told.isascii()):
            raise self._broken("no time to go on from")
        return rows, int(told)

    async def _bars(self, last: Row | None) -> AsyncIterator[list[Row]]:
        step_ms = TIMEFRAME_NS[self._timeframe] // NS_PER_MS
        first_ms = int(last[0]) + step_ms if last else -(-self._start_ns // NS_PER_MS)
        parameters = [("pair", rest_pair(self._symbol)), ("interval", str(TIMEFRAMES[self._timeframe]))]
        data = await self._calls.ask("OHLC", parameters, weight=1)
        rows = self._read(data, lambda cells: _bar(cells, step_ms))
        end_ms = self._end_ns // NS_PER_MS
        closed = [row for row in rows[:-1] if first_ms <= int(row[0]) and int(row[0]) + step_ms <= end_ms]
        if closed:
            yield closed

    def _read(self, data: Any, read: Callable[[Any], Row]) -> list[Row]:
        try:
            return [read(cells) for cells in _lists(data)]
        except (CodecError, ValueError) as exc:
            raise self._broken(str(exc)) from exc

    def _broken(self, problem: str) -> VenueUnknownError:
        return VenueUnknownError(VENUE, f"{self._kind} of {self._symbol}", problem)


def _lists(data: Any) -> list[Any]:
    """Return the rows of the one pair that was asked for, whatever the answer calls it."""
    found = [value for name, value in row_of(data).items() if name != _LAST]
    if len(found) != 1 or not isinstance(found[0], list):
        raise CodecError("the rows of one pair were promised")
    return found[0]


def _trade(cells: Any) -> Row:
    if not isinstance(cells, list) or len(cells) < _TRADE_CELLS:
        raise CodecError("a trade was promised")
    price, quantity, seconds, side, *_ = cells
    if side not in _SIDES:
        raise CodecError(f"a trade of the side {str(side)[:10]!r}")
    time_ns = int(_number(seconds).scaleb(9))
    return str(_whole(cells[6])), _amount(price), _amount(quantity), str(time_ns), _SIDES[side]


def _bar(cells: Any, step_ms: int) -> Row:
    if not isinstance(cells, list) or len(cells) < _BAR_CELLS:
        raise CodecError("a bar was promised")
    open_ms = _whole(cells[0]) * NS_PER_SECOND // NS_PER_MS
    if open_ms % step_ms:
        raise CodecError("bars of another length")
    prices = tuple(_amount(cell) for cell in cells[1:5])
    return (str(open_ms), *prices, _amount(cells[6]), str(open_ms + step_ms - 1), str(_whole(cells[7])))


def _number(cell: Any) -> Decimal:
    """Return a number that is not negative; one with a point is read as the text that it came in."""
    if isinstance(cell, int) and not isinstance(cell, bool) and cell >= 0:
        return Decimal(cell)
    return Decimal(_amount(cell))


def _whole(cell: Any) -> int:
    number = _number(cell)
    if number != int(number):
        raise CodecError("a whole number was promised")
    return int(number)


def _amount(cell: Any) -> str:
    """Return the venue's own writing of an amount, which it gives as text."""
    if not isinstance(cell, str) or not cell.replace(".", "", 1).isdecimal() or not cell.isascii():
        raise CodecError("an amount as text was promised")
    return cell
