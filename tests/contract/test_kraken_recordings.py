"""The real books of Kraken keep their checksums. The recording is no part of the project: tested only where it lies."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from meva_adapters.exchange.kraken.codec import read_pairs
from meva_adapters.wire.fields import read_exact_json
from meva_adapters.wire.kraken_books import KrakenBooks
from meva_adapters.wire.kraken_market import KrakenWire, kraken_wire
from meva_core.data.order_book import OrderBook
from meva_core.events import BookChanged, StreamGapDetected
from meva_core.model.instrument import Instrument
from tests.contract.tape_files import RECORDINGS, events_of, needs_recordings, tape_of, written

pytestmark = needs_recordings

FOLDER = RECORDINGS / "kraken_raw"
DEPTH = 1_000


def lines(name: str) -> Iterator[str]:
    """Yield what the venue sent, without the times before it."""
    with gzip.open(FOLDER / name, "rt") as file:
        for line in file:
            _, colon, message = line.partition(": ")
            if colon and " <- " not in line.partition("{")[0]:
                yield message


def decimals(text: str) -> int:
    """Return how many decimals *text* is written with."""
    return len(text.partition(".")[2])


def as_v2(message: list[Any]) -> dict[str, Any]:
    """Return a book message of the first WebSocket version as the second one writes it."""
    parts = {name: rows for part in message[1:-2] for name, rows in part.items()}
    snapshot = "as" in parts
    bids, asks = ("bs", "as") if snapshot else ("b", "a")
    data = {
        "symbol": message[-1],
        "bids": [{"price": row[0], "qty": row[1]} for row in parts.get(bids, [])],
        "asks": [{"price": row[0], "qty": row[1]} for row in parts.get(asks, [])],
        "timestamp": "2021-04-17T16:48:54Z",
    }
    if not snapshot:
        data["checksum"] = int(parts["c"])
    return {"channel": "book", "type": "snapshot" if snapshot else "update", "data": [data]}


def wire_of(message: dict[str, Any]) -> KrakenWire:
    """Return the grid on which a first snapshot is written."""
    data = message["data"][0]
    level = data["asks"][0]
    base, _, quote = data["symbol"].partition("/")
    prices, sizes = decimals(level["price"]), decimals(level["qty"])
    instrument = Instrument(
        data["symbol"], base, quote, Decimal(1).scaleb(-prices), Decimal(1).scaleb(-sizes)
    )
    return kraken_wire(instrument, price_decimals=prices, quantity_decimals=sizes)


def test_every_checksum_of_ten_real_books_is_true() -> None:
    """30 s of ten pairs at depth 1000: all checksums, and the book of the core stays equal to the venue's."""
    messages = [json.loads(line) for line in lines("KRAKEN.ws.50.0.gz")]
    frames = [as_v2(message) for message in messages if isinstance(message, list)]
    wires = {frame["data"][0]["symbol"]: wire_of(frame) for frame in frames if frame["type"] == "snapshot"}
    books = KrakenBooks("market", wires, depth=DEPTH)
    ours = {symbol: OrderBook(symbol) for symbol in wires}
    told: Counter[str] = Counter()

    for time_ns, frame in enumerate(frames, start=1):
        symbol = frame["data"][0]["symbol"]
        for event in books.take(frame, time_ns):
            assert isinstance(event, BookChanged), event
            assert not ours[symbol].apply(event).broken
            told[frame["type"]] += 1

    assert 10 == len(wires) == told["snapshot"]
    assert len(frames) - 10 == books.verified == told["update"]
    assert 4_000 < books.verified
    for symbol, book in ours.items():
        assert (len(book.bids), len(book.asks)) == (
            len(books.books[symbol].bids), len(books.books[symbol].asks)
        )  # fmt: skip
        assert max(len(book.bids), len(book.asks)) <= DEPTH


def test_one_lost_change_of_a_real_book_is_noticed() -> None:
    """Without one change near the best price, a checksum after it is false and the book is given up."""
    frames = [
        as_v2(message)
        for message in map(json.loads, lines("KRAKEN.ws.50.0.gz"))
        if isinstance(message, list) and message[-1] == "XMR/USD"
    ]
    books = KrakenBooks("market", {"XMR/USD": wire_of(frames[0])}, depth=DEPTH)
    del frames[1]

    kinds = [type(event).__name__ for n, frame in enumerate(frames, 1) for event in books.take(frame, n)]

    assert ["BookChanged", "StreamGapDetected"] == kinds[:2]
    assert {"BookChanged"} == set(kinds[:1] + kinds[2:] or ["BookChanged"])
    assert 2 == len(kinds)


def test_real_rules_of_every_pair_are_read() -> None:
    """The AssetPairs answer of that day: each tradable pair has a positive grid and the venue's own names."""
    answer = read_exact_json(next(lines("KRAKEN.0.gz")))

    pairs = read_pairs(answer["result"])

    bitcoin = pairs["BTC/USD"]
    assert ("XXBTZUSD", "XBTUSD") == (bitcoin.key, bitcoin.altname)
    assert (Decimal("0.1"), Decimal("1E-8"), Decimal("0.0002")) == (
        bitcoin.instrument.tick_size, bitcoin.instrument.lot_size, bitcoin.instrument.min_quantity
    )  # fmt: skip
    assert 250 < len(pairs)
    assert all(pair.instrument.symbol == symbol for symbol, pair in pairs.items())


@pytest.mark.parametrize("name", ["DOGE/USD", "ETH/BTC"])
def test_old_names_become_unified(name: str) -> None:
    """XDG and XBT are DOGE and BTC."""
    pairs = read_pairs(read_exact_json(next(lines("KRAKEN.0.gz")))["result"])

    assert name in pairs


def test_a_real_recording_is_a_tape_whose_book_is_proven(tmp_path: Path) -> None:
    """One real book in frames of today: every change is read, and without one of them the next checksum is false."""
    frames = [
        as_v2(message)
        for message in map(json.loads, lines("KRAKEN.ws.50.0.gz"))
        if isinstance(message, list) and message[-1] == "XMR/USD"
    ]
    level = frames[0]["data"][0]["asks"][0]
    instrument = Instrument(
        "XMR/USD", "XMR", "USD", *(Decimal(1).scaleb(-decimals(level[name])) for name in ("price", "qty"))
    )
    texts = [json.dumps(frame, separators=(",", ":")) for frame in frames]
    whole = written(tmp_path, "".join(f"{n} {text}\n" for n, text in enumerate(texts, 1)))
    kinds = [type(event) for event in events_of(tape_of(whole, instrument))]
    del texts[1]
    holed = written(tmp_path, "".join(f"{n} {text}\n" for n, text in enumerate(texts, 1)), "holed")
    found = [type(event) for event in events_of(tape_of(holed, instrument))]

    assert [BookChanged] * len(frames) == kinds
    assert len(frames) > 800
    assert StreamGapDetected in found
    assert BookChanged is not found[-1]
