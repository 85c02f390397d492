"""Recognise what the columns of a table mean, by their names or by the shape of Binance's dumps."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen

from meva_core.errors import DataError

TRADES: Final = "trades"
BARS: Final = "bars"

_TIME: Final = (
    "ts_ns", "open_time", "timestamp", "datetime", "date", "time", "transact_time", "unix", "ts", "opentime"
)  # fmt: skip
# The meaning, and the names that stand for it, the preferred first.
_COLUMNS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    TRADES: {
        "time": _TIME,
        "price": ("price",),
        "quantity": ("qty", "quantity", "amount", "size"),
        "side": ("side", "taker_side"),
        "maker": ("is_buyer_maker", "isbuyermaker", "was_the_buyer_the_maker"),
        "id": ("id", "trade_id", "agg_trade_id", "tradeid"),
        "symbol": ("symbol", "market"),
    },
    BARS: {
        "time": _TIME,
        "open": ("open",),
        "high": ("high",),
        "low": ("low",),
        "close": ("close",),
        "volume": ("volume", "vol", "base_volume"),
        "symbol": ("symbol", "market"),
    },
}
_OPTIONAL: Final = frozenset({"side", "maker", "id", "symbol"})

# Binance public data (github.com/binance/binance-public-data) came without headers for years.
_KLINES: Final = (
    "open_time", "open", "high", "low", "close", "volume", "close_time",
    "quote_volume", "count", "taker_buy_volume", "taker_buy_quote_volume", "ignore",
)  # fmt: skip
_SPOT_TRADES: Final = ("id", "price", "qty", "quote_qty", "time", "is_buyer_maker", "is_best_match")
_SPOT_AGGREGATES: Final = (
    "agg_trade_id", "price", "qty", "first_id", "last_id", "time", "is_buyer_maker", "is_best_match"
)  # fmt: skip
# What the cells look like: n a number, b a truth value.
_DUMPS: Final[Mapping[str, tuple[str, ...]]] = {
    "nnnnnnnnnnnn": _KLINES,
    "nnnnnbb": _SPOT_TRADES,
    "nnnnnb": _SPOT_TRADES[:-1],
    "nnnnnnbb": _SPOT_AGGREGATES,
    "nnnnnnb": _SPOT_AGGREGATES[:-1],
}
_NUMBER: Final = re.compile(r"[0-9.eE+-]+", re.ASCII)


@frozen
class Layout:
    """Say what a table holds (*kind*) and in which column each of its facts stands.

    Integers of the time column are nanoseconds if *times_are_ns*, else what their magnitude says.
    """

    kind: str
    names: tuple[str, ...]
    places: Mapping[str, int]
    times_are_ns: bool

    def is_header(self, cells: Sequence[str]) -> bool:
        """Return whether *cells* are the names of the columns again."""
        return tuple(_plain_name(cell) for cell in cells) == self.names


def header_layout(header: Sequence[str], *, source: str, line: int, base: str | None) -> Layout | None:
    """Return what the *header* says, `None` when it is none; raise `DataError` when a column is missing.

    A column `volume_<base>` is preferred to `volume`, which some sources count in the quote asset.
    """
    names = tuple(_plain_name(cell) for cell in header)
    if "price" in names:
        kind = TRADES
    elif names.count("open") + names.count("high") + names.count("close") > 1:
        kind = BARS
    else:
        return None
    places = {
        meaning: names.index(found)
        for meaning, aliases in _COLUMNS[kind].items()
        if (found := next((name for name in _preferred(meaning, aliases, base) if name in names), None))
    }
    missing = [meaning for meaning in _COLUMNS[kind] if meaning not in places and meaning not in _OPTIONAL]
    if kind == TRADES and "side" not in places and "maker" not in places:
        missing.append("side")
    if missing:
        raise DataError(
            source,
            line,
            f"the header {','.join(header)[:120]!r} has no column for {', '.join(missing)}.",
            "Add " + " and ".join(f"{name!r}" for name in missing) + f" to the {kind}.",
        )
    return Layout(kind, names, places, times_are_ns=names[places["time"]].endswith("_ns"))


def dump_layout(cells: Sequence[str]) -> Layout | None:
    """Return the layout of a Binance dump without a header, judged by its first row, or `None`."""
    shape = "".join("n" if _NUMBER.fullmatch(cell) else _truth_mark(cell) for cell in cells)
    names = _DUMPS.get(shape)
    return header_layout(names, source="", line=0, base=None) if names else None


def _truth_mark(cell: str) -> str:
    return "b" if cell.lower() in {"true", "false"} else "?"


def _preferred(meaning: str, aliases: tuple[str, ...], base: str | None) -> tuple[str, ...]:
    return (f"volume_{base.lower()}", *aliases) if base and meaning == "volume" else aliases


def _plain_name(cell: str) -> str:
    return cell.strip().strip('"').lstrip("\ufeff#").strip().lower().replace(" ", "_").replace("-", "_")
