"""Open the recordings that a command line names; replay none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Final

from meva_adapters.feed.open_tape import open_tape
from meva_adapters.wire.grid import BadCellError
from meva_adapters.wire.times import time_ns
from meva_core.errors import DataError
from meva_core.model.instrument import Instrument
from meva_core.ports.market_feed import Tape
from meva_runners.replaying.options import ReplayOptions

SAMPLE: Final = Path(__file__).parent.with_name("_samples") / "btc_usdt_1m.csv.gz"
SAMPLE_SYMBOL: Final = "BTC/USDT"


@contextmanager
def opened_tapes(options: ReplayOptions, instruments: Mapping[str, Instrument]) -> Iterator[list[Tape]]:
    """Open every tape of *options*, or the bundled sample, and close those that can be closed."""
    with ExitStack() as resources:
        tapes = []
        for text in options.tapes or (f"{SAMPLE_SYMBOL}={SAMPLE}",):
            symbol, path = _named(text)
            tape = open_tape(
                path,
                symbol=symbol,
                instruments=instruments,
                sort=options.sort,
                timeframe=options.timeframe,
                round_volume=options.round_volume,
            )
            close = getattr(tape, "close", None)
            if close is not None:
                resources.callback(close)
            tapes.append(tape)
        yield tapes


def tape_hash(tapes: Sequence[Tape]) -> str:
    """Return one BLAKE2b-128, in hex, for the content and order of *tapes*; a single tape's is its own."""
    digests = [tape.digest for tape in tapes]
    if len(digests) == 1:
        return digests[0]
    return blake2b("\n".join(digests).encode(), digest_size=16).hexdigest()


def tape_warnings(tapes: Sequence[Tape]) -> list[str]:
    """Return what was dropped, rounded or cut off while reading, one sentence per tape and kind."""
    sentences = {
        "duplicates": "{count:,} trades were dropped because their id had come before",
        "skipped": "{count:,} frames of kinds that are not read were passed over",
        "rounded": "{count:,} sizes were rounded down to whole lots",
    }
    counted = [
        f"{tape.source}: {sentence.format(count=count)}"
        for tape in tapes
        for name, sentence in sentences.items()
        if (count := getattr(tape, name, 0))
    ]
    cut = "it is cut short, as by a recorder that was killed, and was read up to its last complete frame"
    return counted + [f"{tape.source}: {cut}" for tape in tapes if getattr(tape, "cut", False)]


def first_fault(tapes: Sequence[Tape]) -> DataError | None:
    """Return the first place at which a tape that was read held a repeated trade or lacked book updates."""
    return next((fault for tape in tapes if (fault := getattr(tape, "fault", None))), None)


def moment(text: str | None, option: str) -> int | None:
    """Return the time that *option* names, in ns UTC; raise `DataError` when it is none."""
    if text is None:
        return None
    try:
        return time_ns(text)
    except BadCellError as error:
        raise DataError(option, 0, f"{error.problem}", "Write for example 2026-03-02T12:00:00Z.") from error


def _named(text: str) -> tuple[str | None, str]:
    """Split `BTC/USDT=file.csv`; a path may hold `=` too, so what precedes it must look like a symbol."""
    symbol, equals, path = text.partition("=")
    base, slash, quote = symbol.partition("/")
    if equals and slash and base.isalnum() and quote.isalnum() and not Path(text).exists():
        return symbol, path
    return None, text
