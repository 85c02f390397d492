"""Write the standard inputs of the benchmark, byte for byte and in constant memory; measure nothing.

They are defined by numpy's `default_rng(20261123)`, which is PCG64 with Lemire's bounded integers. Both are
short, so they are written out here: the project needs no numpy, and each column is drawn as a stream of its
own, from the state in which the definition reaches it. A hash proves that the bytes are as defined.

W1: trades of one symbol, tick 0.01, lot 0.00001, some 120 ms apart, a random walk around 30,000.
W2: one-minute bars of one symbol on the same grid.
More rows than the standard's go on with the same walk; the standard rows stay the same bytes.

    python -m benchmarks.data DIRECTORY [--scale 2]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Final

TRADES: Final = 1_000_000
BARS: Final = 525_600
# BLAKE2b-128 of the standard's rows, which is also the digest of the tape.
TRADES_DIGEST: Final = "ce88debd70925a3d9b416f544af871fe"
BARS_DIGEST: Final = "3191d0fbc0a191e0bdc5ed95bdb1c7c8"

_START_NS: Final = 1_735_689_600_000_000_000  # 2025-01-01T00:00:00Z
_START_TICKS: Final = 3_000_000
_MINUTE_NS: Final = 60_000_000_000
_LINES_AT_ONCE: Final = 10_000

# PCG64 is XSL-RR 128/64 of O'Neill, "PCG: A Family of Simple Fast Space-Efficient Statistically Good
# Algorithms for Random Number Generation", 2014.
_MULTIPLIER: Final = 0x2360ED051FC65DA44385DF649FCCF645
_INCREMENT: Final = 0x9DA089C9888024C8CA168249A71AB8A7
_MASK_128: Final = (1 << 128) - 1
_MASK_64: Final = (1 << 64) - 1
_MASK_32: Final = (1 << 32) - 1

# Where each column's draws begin: the generator's state, and the half of its last output that is unused.
_Start = tuple[int, int | None]
_TRADE_GAPS: Final[_Start] = (0x87209DE2027259F2F074CC6F9C3A9F1F, None)
_TRADE_MOVES: Final[_Start] = (0xD4AAEEBD999AC7C5B2C14E1335CF5C98, 0x5D057562)
_TRADE_LOTS: Final[_Start] = (0x454DC7E61B12F66D44DECF3B379CDCB8, 0x156A80C9)
_TRADE_SIDES: Final[_Start] = (0x3D5E6C3BA9B3BFDE6546E6C12FA38EAF, 0x62E2B031)
_BAR_MOVES: Final[_Start] = (0x228381746B12E6B09C5B945DFA668F4F, 0xFFBED815)
_BAR_HIGHS: Final[_Start] = (0x1285821348E47B814E128370BF51CB9F, 0xE5C97016)
_BAR_LOWS: Final[_Start] = (0xF46C77917737468D3822759B41FA13EF, 0x62701051)
_BAR_VOLUMES: Final[_Start] = (0x827AB39AFD31D4E81CCA3E062354683F, 0xDE65BCD7)


def write_trades(path: Path, rows: int = TRADES) -> None:
    """Write W1 with *rows* trades; raise when the standard's rows come out as other bytes."""
    _write(path, trade_lines(rows), TRADES, TRADES_DIGEST)


def write_bars(path: Path, rows: int = BARS) -> None:
    """Write W2 with *rows* bars; raise when the standard's rows come out as other bytes."""
    _write(path, bar_lines(rows), BARS, BARS_DIGEST)


def trade_lines(rows: int) -> Iterator[str]:
    """Yield the header of W1 and *rows* lines."""
    yield "ts_ns,price,qty,side\n"
    gaps, moves = _integers(_TRADE_GAPS, 1_000_000, 240_000_000), _integers(_TRADE_MOVES, -12, 13)
    sizes, sides = _integers(_TRADE_LOTS, 1, 200_000), _integers(_TRADE_SIDES, 0, 2)
    time_ns, ticks = _START_NS, _START_TICKS
    for gap, move, lots, side in islice(zip(gaps, moves, sizes, sides, strict=True), rows):
        time_ns += gap
        ticks += move
        yield f"{time_ns},{_price(ticks)},{_quantity(lots)},{'buy' if side else 'sell'}\n"


def bar_lines(rows: int) -> Iterator[str]:
    """Yield the header of W2 and *rows* lines."""
    yield "ts_ns,open,high,low,close,volume\n"
    moves = _integers(_BAR_MOVES, -900, 901)
    above, below = _integers(_BAR_HIGHS, 0, 600), _integers(_BAR_LOWS, 0, 600)
    volumes = _integers(_BAR_VOLUMES, 100_000, 9_000_000)
    opening = _START_TICKS
    drawn = zip(moves, above, below, volumes, strict=True)
    for row, (move, up, down, volume) in enumerate(islice(drawn, rows)):
        closing = opening + move
        prices = (opening, max(opening, closing) + up, min(opening, closing) - down, closing)
        yield f"{_START_NS + row * _MINUTE_NS},{','.join(map(_price, prices))},{_quantity(volume)}\n"
        opening = closing


def _integers(start: _Start, low: int, high: int) -> Iterator[int]:
    """Yield integers from *low* up to, not including, *high*.

    Lemire, "Fast Random Integer Generation in an Interval", 2019.
    """
    span = high - low
    threshold = (1 << 32) % span
    for half in _halves(start):
        product = half * span
        if product & _MASK_32 >= threshold:
            yield low + (product >> 32)


def _halves(start: _Start) -> Iterator[int]:
    """Yield the generator's 64-bit outputs as 32-bit halves, the lower first."""
    state, unused = start
    if unused is not None:
        yield unused
    while True:
        state = (state * _MULTIPLIER + _INCREMENT) & _MASK_128
        folded = (state >> 64) ^ (state & _MASK_64)
        turn = state >> 122
        output = ((folded >> turn) | (folded << (64 - turn))) & _MASK_64
        yield output & _MASK_32
        yield output >> 32


def _price(ticks: int) -> str:
    return f"{ticks // 100}.{ticks % 100:02d}"


def _quantity(lots: int) -> str:
    return f"{lots // 100_000}.{lots % 100_000:05d}"


def _write(path: Path, lines: Iterable[str], standard_rows: int, standard_digest: str) -> None:
    """Write beside *path* first, so that a run that was broken off leaves no half input behind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    standard = blake2b(digest_size=16)
    standard_left = standard_rows + 1
    remaining = iter(lines)
    with unfinished.open("w", encoding="ascii", newline="") as file:
        while batch := list(islice(remaining, _LINES_AT_ONCE)):
            file.writelines(batch)
            if standard_left:
                counted = batch[:standard_left]
                standard.update("".join(counted).encode())
                standard_left -= len(counted)
    if not standard_left and standard.hexdigest() != standard_digest:
        unfinished.unlink()
        raise AssertionError(f"{path.name}: the generator no longer follows the definition")
    unfinished.rename(path)


def main() -> None:
    """Write both inputs into a directory."""
    parser = argparse.ArgumentParser(description="Write the standard inputs of the benchmark.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--scale", type=int, default=1, help="so many times the standard's rows")
    arguments = parser.parse_args()
    write_trades(arguments.directory / "w1_trades.csv", TRADES * arguments.scale)
    write_bars(arguments.directory / "w2_bars.csv", BARS * arguments.scale)


if __name__ == "__main__":
    main()
