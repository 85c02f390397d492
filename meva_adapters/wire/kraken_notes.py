"""Write and read what a recording of Kraken's frames needs beside them, so that each file is read alone; keep no state.

Kraken's frames do not say with how many decimals their numbers count for the checksum, nor how deep a book is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
from attrs import frozen

from meva_adapters.wire.fields import CodecError, text, whole
from meva_core.data.order_book import Level

OPENED: Final = "opened"
GIVEN_UP: Final = "given_up"


@frozen(kw_only=True)
class Opening:
    """Say how frames of *symbol* are read from here on, and the *number* of its newest change of the book.

    *book* holds bids and asks, in units of the last decimals, where a file begins amid a connection.
    """

    symbol: str
    price_decimals: int
    quantity_decimals: int
    depth: int
    number: int
    book: tuple[tuple[Level, ...], tuple[Level, ...]] | None


def opening_note(opening: Opening) -> str:
    """Return the note with which a connection, or the file of a new day, begins."""
    facts: dict[str, Any] = {
        "connection": OPENED,
        "symbol": opening.symbol,
        "price_decimals": opening.price_decimals,
        "quantity_decimals": opening.quantity_decimals,
        "depth": opening.depth,
        "number": opening.number,
    }
    if opening.book is not None:
        facts["bids"], facts["asks"] = opening.book
    return orjson.dumps(facts).decode()


def read_opening(data: Mapping[str, Any]) -> Opening:
    """Return what the note says; raise `CodecError` where it is not whole."""
    return Opening(
        symbol=text(data, "symbol"),
        price_decimals=whole(data, "price_decimals"),
        quantity_decimals=whole(data, "quantity_decimals"),
        depth=whole(data, "depth"),
        number=whole(data, "number"),
        book=(_levels(data["bids"]), _levels(data.get("asks"))) if "bids" in data else None,
    )


def given_up_note(symbol: str) -> str:
    """Return the note that the book of *symbol* is not used until its next snapshot, though no checksum was false."""
    return orjson.dumps({"connection": GIVEN_UP, "symbol": symbol}).decode()


def _levels(rows: Any) -> tuple[Level, ...]:
    if not isinstance(rows, list):
        raise CodecError("no levels")
    return tuple(_level(row) for row in rows)


def _level(row: Any) -> Level:
    match row:
        case [int(price), int(size)] if price > 0 <= size:
            return price, size
        case _:
            raise CodecError("a level is no pair of whole numbers")
