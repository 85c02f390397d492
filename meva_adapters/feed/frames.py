"""Read recorded frames, `<receive ns> <JSON>` a line; what a frame means, the reader of its venue says."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from meva_adapters.feed.ordering import Numbered
from meva_adapters.feed.recording import Recording
from meva_adapters.wire.fields import CodecError
from meva_adapters.wire.grid import INT64_MAX, BadCellError
from meva_core.errors import DataError
from meva_core.events import Event
from meva_core.model.instrument import Instrument
from meva_core.ports.market_feed import EventBlock

FRAME: Final = re.compile(rb"[0-9]{1,19} [{\[]")  # How every line of such a recording begins.
_ROW_BYTES: Final = 256
_TIME_DIGITS: Final = 19  # Of the largest number of 64 bits.
_MEND: Final = "Mend or remove the line; the recording may have been cut short."
_NOT_AS_PROMISED: Final = (CodecError, KeyError, TypeError, ValueError, AttributeError)


class FrameReader(ABC):
    """Read frames of the *instruments*, or of *only* one of them."""

    def __init__(
        self, instruments: Mapping[str, Instrument], *, only: Instrument | None, block_rows: int
    ) -> None:
        self.chosen = {only.symbol: only} if only else dict(instruments)
        self.skipped = 0
        self._one_only = only is not None
        self._read_bytes = block_rows * _ROW_BYTES

    @property
    @abstractmethod
    def rounded(self) -> int:
        """Return how many sizes of book levels were rounded down so far."""

    @abstractmethod
    def begin(self) -> None:
        """Forget what an earlier reading has shown."""

    @abstractmethod
    def parsed(self, body: bytes) -> Any:
        """Return the JSON of one frame; raise `CodecError` where it is none."""

    @abstractmethod
    def events(self, received_ns: int, frame: Any) -> Sequence[Event]:
        """Return the events of one frame, none where it tells nothing that is known here."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """Return the unified symbols that may come."""
        return tuple(self.chosen)

    def read(self, recording: Recording) -> Iterator[Numbered]:
        """Yield events with their lines; raise `DataError` at a malformed line, after those before it."""
        self.skipped = 0
        self.begin()
        for first, text in recording.lines(self._read_bytes):
            lines: list[int] = []
            events: list[Event] = []
            fault: DataError | None = None
            for line, frame in enumerate(text.split(b"\n")[:-1], first):
                try:
                    told = self._told(frame)
                except BadCellError as exc:
                    fault = DataError(recording.source, line, exc.problem, exc.remedy)
                    break
                if not told:
                    self.skipped += 1
                for event in told:
                    lines.append(line)
                    events.append(event)
            if events:
                yield lines, EventBlock(events)
            if fault:
                raise fault

    def refuse_unknown(self, name: str) -> None:
        """Raise `BadCellError` for a symbol that is not configured; pass it over where only one was asked for."""
        if not self._one_only:
            known = ", ".join(self.chosen) or "none"
            raise BadCellError(
                f"symbol {name!r} belongs to no configured instrument (configured: {known}).",
                f"Configure it, or name the one symbol to read as in {next(iter(self.chosen), 'BTC/USDT')}=<file>.",
            )

    def _told(self, line: bytes) -> Sequence[Event]:
        received, _, body = line.partition(b" ")
        if not received.isdigit() or len(received) > _TIME_DIGITS or int(received) > INT64_MAX:
            raise BadCellError(f"{line[:60]!r} does not begin with a receive time in ns.", _MEND)
        try:
            frame = self.parsed(body)
        except CodecError as exc:
            raise BadCellError(f"{body[-60:]!r} is the end of no valid JSON ({exc.problem}).", _MEND) from exc
        try:
            return self.events(int(received), frame)
        except _NOT_AS_PROMISED as exc:
            problem = f"{body[:60]!r} is no such frame as its kind promises ({type(exc).__name__} {exc})."
            raise BadCellError(problem, _MEND) from exc
