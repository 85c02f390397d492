"""Damaged stream messages raise nothing and change nothing; what is still valid gives exactly what it says.

A second reading of each message, slow and in decimals, says what is valid and what it means.
"""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

import pytest

from meva_adapters.clock.manual import ManualClock
from meva_adapters.exchange.binance.book_numbers import BookNumbers
from meva_adapters.exchange.binance.market_stream import BinanceMarketStream
from meva_adapters.exchange.binance.user_events import read_user_event
from meva_adapters.transport.websocket import StreamEndError
from meva_adapters.wire.fields import CodecError, read_json
from meva_core.events import BookChanged, CandleClosed, Event, QuoteReceived, TradeReceived
from meva_core.model.instrument import Instrument
from meva_core.model.market import Candle, Side

BTC = Instrument("BTC/USDT", "BTC", "USDT", Decimal("0.01"), Decimal("0.00001"))
INT64_MAX = 2**63 - 1
NOW_NS = 1_723_161_255_400_000_000
FRAMES: list[dict[str, Any]] = [
    {"e": "trade", "E": 1723161255343, "s": "BTCUSDT", "t": 7, "p": "61837.63000000", "q": "0.02000000",
     "T": 1723161255342, "m": True, "M": True},
    {"u": 42, "s": "BTCUSDT", "b": "61837.63000000", "B": "3.78826000", "a": "61837.64000000", "A": "1.5"},
    {"e": "depthUpdate", "E": 1723161255208, "s": "BTCUSDT", "U": 40, "u": 43,
     "b": [["61737.63000000", "0.00000000"], ["61737.00000000", "2.00000000"]], "a": [["61738.0", "1.25"]]},
    {"e": "kline", "E": 1723161240001, "s": "BTCUSDT", "k": {
        "t": 1723161180000, "T": 1723161239999, "s": "BTCUSDT", "i": "1m", "o": "61000.00", "c": "61010.00",
        "h": "61020.00", "l": "60990.00", "v": "12.50000", "x": True}},
]  # fmt: skip
REPORT: dict[str, Any] = {
    "e": "executionReport", "E": 1, "s": "BTCUSDT", "c": "ours1", "S": "BUY", "C": "", "x": "TRADE", "X": "FILLED",
    "i": 4, "l": "1.0", "L": "2.5", "n": "0.1", "N": "USDT", "T": 1499405658657, "t": 9, "m": False,
}  # fmt: skip
BALANCE = {"e": "balanceUpdate", "E": 1, "a": "BTC", "d": "100.5", "T": 1573200697068}
PIECES = [
    b"",
    b"null",
    b"-1",
    b'"',
    b"[]",
    b"{}",
    b"1e9",
    b"\xc3\xa9",
    b"NaN",
    b"true",
    b"0",
    b"99999999999999999999",
]


class Silent:
    """Stand for the calls of a stream that is fed by hand: count what it could not read."""

    def __init__(self) -> None:
        self.anomalies = 0
        self.clock = ManualClock(NOW_NS)

    def note_anomaly(self, kind: str, detail: str) -> None:
        self.anomalies += 1


class Transport:
    """Stand for a transport that nobody uses."""

    session = None


def damaged(samples: list[bytes], count: int) -> Iterator[str]:
    """Yield *count* messages, each damaged in one to three places."""
    chance = random.Random(7)
    for _ in range(count):
        body = bytearray(chance.choice(samples))
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(len(body))
            piece = bytes([chance.randrange(32, 127)]) if chance.random() < 0.5 else chance.choice(PIECES)
            body[place : place + chance.randint(0, 3)] = piece
        yield body.decode(errors="replace")


def meaning(text: str) -> Event | None:
    """Return the event that *text* stands for, read a second way; `None` where it stands for none."""
    try:
        frame = json.loads(text, parse_constant=finite, parse_float=finite)
        data = frame.get("data", frame)
        if data["s"] != "BTCUSDT":
            return None
        match data.get("e"):
            case "trade":
                side = {(bool, True): Side.SELL, (bool, False): Side.BUY}[type(data["m"]), data["m"]]
                return TradeReceived(
                    NOW_NS,
                    "BTC/USDT",
                    ticks(data["p"]),
                    lots(data["q"], exact=True),
                    side,
                    whole(data["t"]),
                    ns(data["T"]),
                )
            case "depthUpdate":
                first, last = whole(data["U"]), whole(data["u"])
                sides = levels(data["b"]), levels(data["a"])
                return (
                    BookChanged(NOW_NS, "BTC/USDT", False, first, last, *sides, ns(data["E"]))
                    if first <= last
                    else None
                )
            case "kline":
                return candle(data["k"])
            case kind if not isinstance(kind, str) and "B" in data:
                prices = [ticks(data[name], zero_ok=True) for name in "ba"]
                sizes = [lots(data[name]) for name in "BA"]
                return QuoteReceived(
                    NOW_NS, "BTC/USDT", prices[0], sizes[0], prices[1], sizes[1], whole(data["u"])
                )
    except (KeyError, TypeError, ValueError, AttributeError, InvalidOperation):
        return None
    return None


def finite(text: str) -> float:
    """Return a number with a point, and refuse what Python's JSON takes and JSON does not."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def candle(bar: dict[str, Any]) -> Event | None:
    """Read a bar."""
    if bar["x"] is not True or bar["i"] != "1m":
        return None
    opened, closed = ns(bar["t"]), ns(bar["T"]) + unit_of(bar["T"])
    prices = [ticks(bar[name]) for name in "ohlc"]
    if closed - opened != 60 * 10**9 or prices[2] > min(prices) or prices[1] < max(prices):
        return None
    return CandleClosed(NOW_NS, "BTC/USDT", "1m", Candle(opened, closed, *prices, lots(bar["v"])))


def number(text: Any) -> Decimal:
    """Return a written amount."""
    if not isinstance(text, str) or not re.fullmatch(
        r"[+-]?[0-9]{1,40}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,2})?", text.strip()
    ):
        raise ValueError(text)
    return Decimal(text.strip())


def ticks(text: Any, *, zero_ok: bool = False) -> int:
    """Return the whole ticks."""
    count = Fraction(number(text)) / Fraction(BTC.tick_size)
    if count != int(count) or count < 0 or count > INT64_MAX or not (count or zero_ok):
        raise ValueError(text)
    return int(count)


def lots(text: Any, *, exact: bool = False) -> int:
    """Return the whole lots, cut unless *exact*."""
    count = Fraction(number(text)) / Fraction(BTC.lot_size)
    if count < 0 or count > INT64_MAX or (exact and (count != int(count) or not count)):
        raise ValueError(text)
    return int(count)


def levels(rows: Any) -> tuple[tuple[int, int], ...]:
    """Return the levels of one side."""
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise TypeError(rows)
    return tuple((ticks(row[0]), lots(row[1])) if len(row) > 1 else refuse_row(row) for row in rows)


def refuse_row(row: list[Any]) -> tuple[int, int]:
    """Refuse a level without a size."""
    raise ValueError(row)


def whole(value: Any) -> int:
    """Return a whole number."""
    if type(value) is not int or not 0 <= value <= INT64_MAX:
        raise ValueError(value)
    return value


def unit_of(value: int) -> int:
    """Return how many nanoseconds a time counts."""
    return next(
        (unit for bound, unit in ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3)) if value < bound), 1
    )


def ns(value: Any) -> int:
    """Return a time."""
    return whole(whole(value) * unit_of(value))


def checked_markets(count: int) -> int:
    """Feed *count* damaged market messages; return how many of them were still valid."""
    calls, told = Silent(), []
    stream = BinanceMarketStream(
        calls,
        Transport(),
        stream_url="",
        instruments=[BTC],
        jitter=lambda: 0.0,
        timeframes=["1m"],  # type: ignore[arg-type]
    )
    samples = [json.dumps(frame).encode() for frame in FRAMES]
    samples += [json.dumps({"stream": "btcusdt@x", "data": frame}).encode() for frame in FRAMES]
    valid = 0
    for text in damaged(samples, count):
        numbers = BookNumbers()
        numbers.synchronised = True  # No snapshot is wanted: there is no loop to fetch it in.
        stream._numbers = {"BTCUSDT": numbers}
        before = calls.anomalies
        try:
            events = stream._read(text, told.append)
        except StreamEndError:
            assert "serverShutdown" in text
            continue
        expected = meaning(text)
        assert [expected] * (expected is not None) == events, text
        if not isinstance(expected, BookChanged):
            assert 0 == numbers.expected, text
        assert not events or before == calls.anomalies, text
        valid += expected is not None
    assert [] == told
    return valid


def checked_users(count: int) -> int:
    """Read *count* damaged messages of an account; return how many were refused."""
    refused = 0
    for text in damaged([json.dumps(REPORT).encode(), json.dumps(BALANCE).encode()], count):
        try:
            events = read_user_event(read_json(text), NOW_NS, {"BTCUSDT": "BTC/USDT"})
        except CodecError:
            refused += 1
            continue
        assert all(event.time_ns == NOW_NS for event in events)
        for event in events:
            fill = getattr(event, "fill", None)
            if fill is not None:
                data = json.loads(text)
                told = [Decimal(data[name]) for name in ("L", "l", "n")]
                assert [fill.price, fill.quantity, fill.fee] == told
                assert data["T"] * 10**6 == fill.venue_time_ns <= INT64_MAX
                assert fill.price > 0
                assert fill.quantity > 0
                assert str(data["t"]) == fill.trade_id
    return refused


def test_damaged_market_messages_change_nothing() -> None:
    """Fifteen thousand damaged messages; a million under `prove`."""
    assert 500 < checked_markets(15_000) < 14_000


def test_damaged_account_messages_raise_one_error_alone() -> None:
    """Ten thousand damaged messages; a quarter of a million under `prove`."""
    assert 3_000 < checked_users(10_000) < 10_000


@pytest.mark.prove
def test_a_million_damaged_market_messages_change_nothing() -> None:
    """One million: no exception, no event that the message does not hold, no book number from a bad one."""
    valid = checked_markets(1_000_000)
    print(f"1,000,000 damaged market messages, {valid:,} of them still valid")
    assert 30_000 < valid < 950_000


@pytest.mark.prove
def test_a_quarter_of_a_million_damaged_account_messages_raise_one_error_alone() -> None:
    """Refused, or exactly what they say."""
    assert checked_users(250_000) > 100_000


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("m",), "false"), (("m",), 1), (("m",), None), (("t",), True), (("t",), 2**63), (("T",), 10**14 - 1),
        (("p",), 61837.63), (("p",), "61837.635"), (("q",), "0.000001"), (("q",), "0"), (("s",), "ETHUSDT"),
    ],
)  # fmt: skip
def test_a_trade_with_one_wrong_field_is_no_trade(place: tuple[str], value: object) -> None:
    """A truth that is a text, a number beyond 64 bits, an amount off the grid: counted, never guessed."""
    assert meaning(json.dumps(FRAMES[0])) is not None
    assert_refused(FRAMES[0] | {place[0]: value})


@pytest.mark.parametrize("rows", ["12", ["12"], {"12": 1}, [["1.00"]], [["1.00", 2]], None, [[]]])
def test_levels_that_only_look_like_levels_are_refused(rows: object) -> None:
    """A text of two letters is no price and size."""
    assert_refused(FRAMES[2] | {"b": rows})


@pytest.mark.parametrize(
    "change",
    [{"i": "2h"}, {"i": ["1m"]}, {"h": "61000.00"}, {"l": "61005.00"}, {"T": 1723161239998}, {"v": "-1"}],
)
def test_a_bar_that_contradicts_itself_is_refused(change: dict[str, object]) -> None:
    """Its length is its timeframe's, and its high and low enclose its prices."""
    assert_refused(FRAMES[3] | {"k": FRAMES[3]["k"] | change})


def test_changes_that_run_backwards_are_refused() -> None:
    """The next change then shows a gap, and a snapshot mends the book."""
    assert_refused(FRAMES[2] | {"U": 44})


def assert_refused(frame: dict[str, Any]) -> None:
    """Check that *frame* gives no event and one anomaly, and that the next good one is read."""
    calls = Silent()
    stream = BinanceMarketStream(calls, Transport(), stream_url="", instruments=[BTC], jitter=lambda: 0.0)  # type: ignore[arg-type]
    stream._numbers = {"BTCUSDT": BookNumbers()}

    assert [] == stream._read(json.dumps(frame), refuse_event)
    assert 1 == calls.anomalies
    assert 1 == len(stream._read(json.dumps(FRAMES[0]), refuse_event))


def refuse_event(event: Event) -> None:
    """Fail: nothing is delivered here."""
    raise AssertionError(event)
