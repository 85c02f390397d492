"""Keep raw frames as they came, `<receive ns> <JSON>` a line, in one packed file per symbol and UTC day; read none.

A thread of its own packs and writes, so that whoever follows a stream never waits for a disk. What it wrote is
whole after a kill but for the last second; a recording has no silent hole, so at the first failure it ends.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from meva_adapters.feed.recorded_file import FolderLock, RecordedFile
from meva_adapters.wire.symbols import venue_symbol
from meva_core.model.market import NS_PER_SECOND

_DAY_NS: Final = 86_400 * NS_PER_SECOND
# What a kill may cost. Shorter pieces pack worse: one second of a busy market has some 100 kB.
_FLUSH_S: Final = 1.0
# Minutes of many busy markets: a disk that is behind by more than that does not catch up.
_WAITING_BYTES_MAX: Final = 64 << 20
_EARLY_BYTES: Final = 1 << 20  # So much is written before its second is over.
_PIECE_BYTES_MAX: Final = 4 << 20  # So little of a torn file is in doubt.
_LINE_BYTES: Final = 21  # A time, a space and a line end.
_CLOSE_S: Final = 30.0


class FrameRecorder:
    """Record *symbols* into *folder* from `start` (or `with`) until `close`.

    *stream* is the name of the stream that is recorded. *on_fault* hears once, in the thread that records, why a
    recording ended early. One recorder at a time may use a folder. Memory is bounded by *waiting_bytes_max*.
    """

    def __init__(
        self,
        folder: Path,
        symbols: Sequence[str],
        *,
        stream: str = "market",
        on_fault: Callable[[str], None] | None = None,
        flush_s: float = _FLUSH_S,
        waiting_bytes_max: int = _WAITING_BYTES_MAX,
    ) -> None:
        self.fault = ""
        self._folder = folder
        self._days = dict.fromkeys(symbols, -1)
        self._stream = stream
        self._on_fault = on_fault
        self._flush_s = flush_s
        self._waiting_bytes_max = waiting_bytes_max
        self._waiting: deque[tuple[str, int, int, str]] = deque()  # Symbol, day, receive time, text.
        self._taken_bytes = self._written_bytes = 0  # Each is changed by one thread alone.
        self._lock: FolderLock | None = None
        self._files: dict[str, RecordedFile] = {}
        self._wake = threading.Event()
        self._ending = False
        self._told = False
        self._thread = threading.Thread(target=self._write, name="frame-recorder", daemon=True)

    def start(self) -> None:
        """Take the folder and begin to write; raise `OSError` where that cannot be."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = FolderLock(self._folder)
        self._thread.start()

    def record(self, symbol: str, time_ns: int, text: str) -> bool:
        """Keep one line, in every symbol's file where *symbol* is empty; return whether it begins a file."""
        if self.fault:
            self._tell()
            return False
        began = False
        for name in (symbol,) if symbol else self._days:
            began = self._take(name, time_ns, text) or began
        if self._taken_bytes - self._written_bytes > self._waiting_bytes_max:
            self.fault = f"the disk is behind by more than {self._waiting_bytes_max} bytes"
        return began

    def close(self) -> None:
        """Write what waits and let go of the folder."""
        self._ending = True
        self._wake.set()
        self._thread.join(_CLOSE_S)
        if self._thread.is_alive():
            self.fault = self.fault or f"the disk did not take the rest within {_CLOSE_S:g} s"
        if self._lock is not None:
            self._lock.release()
        if self.fault:
            self._tell()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take(self, symbol: str, time_ns: int, text: str) -> bool:
        day, known = time_ns // _DAY_NS, self._days[symbol]
        began = day > known  # A clock that is set back over midnight goes on in the younger file.
        if began:
            self._days[symbol] = day
        self._waiting.append((symbol, max(day, known), time_ns, text))
        before = self._taken_bytes
        self._taken_bytes = before + len(text) + _LINE_BYTES
        if before // _EARLY_BYTES != self._taken_bytes // _EARLY_BYTES:
            self._wake.set()
        return began

    def _tell(self) -> None:
        if not self._told and self._on_fault is not None:
            self._told = True
            self._on_fault(f"recording to {self._folder} ended: {self.fault}")

    def _write(self) -> None:
        try:
            while True:
                ending = self._ending
                self._flush()
                if ending or self.fault:
                    break
                self._wake.wait(self._flush_s)
                self._wake.clear()
            for file in self._files.values():
                file.close()
        except OSError as exc:  # The files that are open then are closed with the process.
            self.fault = f"{exc.strerror or exc}"
            self._waiting.clear()

    def _flush(self) -> None:
        """Write everything that waits."""
        while self._waiting:
            pieces: dict[tuple[str, int], list[tuple[int, str]]] = {}
            taken = 0
            while self._waiting and taken < _PIECE_BYTES_MAX:
                symbol, day, time_ns, text = self._waiting.popleft()
                pieces.setdefault((symbol, day), []).append((time_ns, text))
                taken += len(text) + _LINE_BYTES
            for (symbol, day), lines in pieces.items():
                self._file(symbol, day).append(lines)
            self._written_bytes += taken

    def _file(self, symbol: str, day: int) -> RecordedFile:
        file = self._files.get(symbol)
        if file is None or file.day != day:
            if file is not None:
                file.close()
            file = self._files[symbol] = RecordedFile(
                self._folder, venue_symbol(symbol).lower(), day, stream=self._stream
            )
        return file
