"""Raw Binance frames become exact events; what is of no use is counted, what is broken is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meva_core.events import BookChanged, QuoteReceived, TradeReceived
from meva_core.model.market import Side
from tests.contract.tape_files import events_of, fault_of, instrument, tape_of, written

T0 = 1_723_161_254_000_000_000
BTC, ETH = instrument("BTC/USDT"), instrument("ETH/USDT", lot="0.0001")
TRADE = {
    "e": "trade", "E": 1723161255343, "s": "BTCUSDT", "t": 7, "p": "61837.63000000",
    "q": "0.02000000", "T": 1723161255342, "m": True, "M": True,
}  # fmt: skip
QUOTE = {
    "u": 42,
    "s": "BTCUSDT",
    "b": "61837.63000000",
    "B": "3.78826000",
    "a": "61837.64000000",
    "A": "1.50000000",
}
DEPTH = {
    "e": "depthUpdate", "E": 1723161255208, "s": "BTCUSDT", "U": 40, "u": 43,
    "b": [["61737.63000000", "0.00000000"], ["61737.00000000", "2.00000000"]], "a": [],
}  # fmt: skip
SNAPSHOT = {
    "lastUpdateId": 41,
    "bids": [["61837.63000000", "3.78826000"]],
    "asks": [["61837.64000000", "1.00000000"]],
}


def stream(name: str, data: dict[str, Any]) -> dict[str, Any]:
    """Wrap *data* as a combined stream does."""
    return {"stream": name, "data": data}


def recorded(folder: Path, *frames: Any) -> Path:
    """Write *frames*, one nanosecond apart."""
    lines = (
        f"{T0 + place} {json.dumps(frame, separators=(',', ':'))}\n" for place, frame in enumerate(frames)
    )
    return written(folder, "".join(lines))


EXPECTED = [
    TradeReceived(T0, "BTC/USDT", 6_183_763, 2_000, Side.SELL, 7, 1_723_161_255_342_000_000),
    QuoteReceived(T0 + 1, "BTC/USDT", 6_183_763, 378_826, 6_183_764, 150_000, 42),
    BookChanged(
        T0 + 2,
        "BTC/USDT",
        False,
        40,
        43,
        ((6_173_763, 0), (6_173_700, 200_000)),
        (),
        1_723_161_255_208_000_000,
    ),
    BookChanged(T0 + 3, "BTC/USDT", True, 41, 41, ((6_183_763, 378_826),), ((6_183_764, 100_000),)),
]


@pytest.mark.parametrize("block_rows", [1, 2, 100])
def test_combined_streams_become_events(tmp_path: Path, block_rows: int) -> None:
    """Trades, quotes, depth changes and the snapshot are exact, with the venue's times where given."""
    path = recorded(
        tmp_path,
        stream("btcusdt@trade", TRADE),
        stream("btcusdt@bookTicker", QUOTE),
        stream("btcusdt@depth@100ms", DEPTH),
        SNAPSHOT,
    )

    assert EXPECTED == list(events_of(tape_of(path, BTC, block_rows=block_rows)))


def test_raw_streams_become_the_same_events(tmp_path: Path) -> None:
    """Frames without the combined stream's wrapping are told by their fields."""
    assert EXPECTED == list(events_of(tape_of(recorded(tmp_path, TRADE, QUOTE, DEPTH, SNAPSHOT), BTC)))


def test_symbols_are_told_apart(tmp_path: Path) -> None:
    """Several symbols may share a recording; each is on its own grid."""
    path = recorded(tmp_path, TRADE, TRADE | {"s": "ETHUSDT", "q": "0.0200"})

    events = list(events_of(tape_of(path, BTC, ETH)))

    assert [("BTC/USDT", 2_000), ("ETH/USDT", 200)] == [
        (event.symbol, event.quantity_lots) for event in events if isinstance(event, TradeReceived)
    ]


def test_one_symbol_can_be_chosen(tmp_path: Path) -> None:
    """With a symbol named, the frames of the others are passed over and counted."""
    tape = tape_of(recorded(tmp_path, TRADE, TRADE | {"s": "ETHUSDT"}), BTC, ETH, symbol="BTC/USDT")

    assert 1 == len(list(events_of(tape)))
    assert (("BTC/USDT",), 1) == (tape.symbols, tape.skipped)


def test_a_snapshot_that_could_be_anybodys_is_not_given_to_somebody(tmp_path: Path) -> None:
    """A snapshot names no symbol: with several in the recording it is counted, never guessed."""
    tape = tape_of(recorded(tmp_path, TRADE, TRADE | {"s": "ETHUSDT", "q": "1.0"}, SNAPSHOT), BTC, ETH)

    assert [TradeReceived, TradeReceived] == [type(event) for event in events_of(tape)]
    assert 1 == tape.skipped


def test_other_kinds_are_counted(tmp_path: Path) -> None:
    """Kinds that nothing here reads are no errors."""
    others = (
        {"result": None, "id": 1},
        stream("btcusdt@aggTrade", {"e": "aggTrade", "s": "BTCUSDT"}),
        [1, 2],
        {},
    )
    tape = tape_of(recorded(tmp_path, TRADE, *others), BTC)

    assert 1 == len(list(events_of(tape)))
    assert 4 == tape.skipped


def test_a_size_in_the_book_is_cut_to_whole_lots(tmp_path: Path) -> None:
    """Orders older than the lot grid rest in real books; what cannot be traded is left out, and counted."""
    tape = tape_of(recorded(tmp_path, DEPTH | {"a": [["61837.64000000", "25.42618900"]]}), BTC)
    (event,) = events_of(tape)

    assert isinstance(event, BookChanged)
    assert ((6_183_764, 2_542_618),) == event.asks
    assert 1 == tape.rounded


def test_repeated_trades_are_dropped_per_symbol(tmp_path: Path) -> None:
    """After a reconnect a venue repeats trades; the same id of another symbol is another trade."""
    tape = tape_of(recorded(tmp_path, TRADE, TRADE | {"s": "ETHUSDT", "q": "1"}, TRADE), BTC, ETH)

    assert 2 == len(list(events_of(tape)))
    assert 1 == tape.duplicates


GOOD = f"{T0} {json.dumps(TRADE)}\n"
FAULTS = {
    "no time": ("{}\n", "does not begin with a receive time"),
    "long time": (f"9{T0} {{}}\n", "does not begin with a receive time"),
    "cut json": (GOOD[:60] + "\n", "no valid JSON"),
    "blank": ("\n", "does not begin with a receive time"),
    "field missing": (f'{T0} {{"e":"trade","s":"BTCUSDT"}}\n', "no such frame as its kind promises"),
    "number for text": (GOOD.replace('"61837.63000000"', "61837.63"), "no such frame as its kind promises"),
    "text for number": (GOOD.replace('"t": 7', '"t": "7"'), "no such frame as its kind promises"),
    "off grid": (
        GOOD.replace("61837.63000000", "61837.63500000"),
        "price 61837.63500000 is not a multiple of tick_size 0.01",
    ),
    "trade off lot": (GOOD.replace("0.02000000", "0.02000001"), "quantity 0.02000001 is not a multiple"),
    "zero price": (GOOD.replace("61837.63000000", "0.00000000"), "is not positive"),
    "backwards": (GOOD.replace(str(T0), str(T0 - 1)), "time goes backwards"),
    "unknown symbol": (GOOD.replace("BTCUSDT", "DOGEUSDT"), "'DOGEUSDT' belongs to no configured instrument"),
}


@pytest.mark.parametrize(("line", "problem"), FAULTS.values(), ids=FAULTS)
def test_a_malformed_line_is_named(tmp_path: Path, line: str, problem: str) -> None:
    """A line that is cut, or not what its kind promises, is an error with its number."""
    fault = fault_of(written(tmp_path, GOOD + line + GOOD), BTC)

    assert 2 == fault.line
    assert problem in fault.problem
