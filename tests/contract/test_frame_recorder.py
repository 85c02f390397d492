"""Recorded frames are tapes: whole after a kill but for the last piece, one file per symbol and day, no silent hole."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import time
import zlib
from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from meva_adapters.feed.frame_recorder import FrameRecorder
from meva_adapters.feed.gzip_members import member
from meva_core.errors import DataError
from meva_core.events import BookChanged, StreamConnected, StreamLost, TradeReceived
from tests.contract.tape_files import events_of, instrument, tape_of

BTC, ETH = instrument("BTC/USDT"), instrument("ETH/USDT", lot="0.0001")
DAY_NS = 86_400_000_000_000
T0 = 1_795_000_000_000_000_000 // DAY_NS * DAY_NS + 3_600_000_000_000
SYMBOLS = ("BTC/USDT", "ETH/USDT")


def trade(number: int, symbol: str = "BTCUSDT") -> str:
    """Return the frame of trade *number*."""
    price = Decimal(60_000) + Decimal(number) / 100
    data = {"e": "trade", "E": 1, "s": symbol, "t": number, "p": str(price), "q": "0.01", "T": 1, "m": False}
    return orjson.dumps({"stream": f"{symbol.lower()}@trade", "data": data}).decode()


def ids_of(path: Path) -> list[int]:
    """Return the ids of the trades in a recording, none of which may come twice."""
    tape = tape_of(path, BTC, ETH)
    ids = [event.trade_id for event in events_of(tape) if isinstance(event, TradeReceived)]
    assert 0 == tape.duplicates
    return ids


def names_in(folder: Path) -> list[str]:
    """Return the recordings in *folder*."""
    return sorted(path.name for path in folder.glob("*.gz"))


def test_each_symbol_and_day_has_a_file(tmp_path: Path) -> None:
    """The day is that of the receive time in UTC; what begins a file is told, so that a snapshot can follow."""
    with FrameRecorder(tmp_path, SYMBOLS) as recorder:
        began = [
            recorder.record("BTC/USDT", T0, trade(1)),
            recorder.record("ETH/USDT", T0, trade(1, "ETHUSDT")),
            recorder.record("BTC/USDT", T0 + 1, trade(2)),
            recorder.record("BTC/USDT", T0 + DAY_NS, trade(3)),
            recorder.record("BTC/USDT", T0 + DAY_NS + 1, trade(4)),
        ]

    assert [True, True, False, True, False] == began
    assert ["btcusdt_20261118.gz", "btcusdt_20261119.gz", "ethusdt_20261118.gz"] == names_in(tmp_path)
    assert [[1, 2], [3, 4], [1]] == [ids_of(tmp_path / name) for name in names_in(tmp_path)]


def test_what_is_about_the_connection_stands_in_every_file(tmp_path: Path) -> None:
    """Each file alone is a whole tape."""
    with FrameRecorder(tmp_path, SYMBOLS) as recorder:
        recorder.record("", T0, '{"connection":"connected","stream_name":"market"}')
        recorder.record("", T0 + 1, '{"connection":"lost","stream_name":"market","reason":"cut"}')

    for name in names_in(tmp_path):
        assert [StreamConnected(T0, "market"), StreamLost(T0 + 1, "market", "cut")] == list(
            events_of(tape_of(tmp_path / name, BTC, ETH))
        )


def test_lines_are_kept_as_they_came(tmp_path: Path) -> None:
    """Time, a space, the text; only a line end inside a frame becomes a space."""
    with FrameRecorder(tmp_path, SYMBOLS) as recorder:
        recorder.record("BTC/USDT", T0, trade(1))
        recorder.record("BTC/USDT", T0 + 1, '{"a":\n1}')

    [name] = names_in(tmp_path)
    assert (
        f'{T0} {trade(1)}\n{T0 + 1} {{"a": 1}}\n' == gzip.decompress((tmp_path / name).read_bytes()).decode()
    )


def test_a_clock_that_is_set_back_leaves_a_tape(tmp_path: Path) -> None:
    """Times in a file never fall, also when it is set back over midnight."""
    with FrameRecorder(tmp_path, SYMBOLS) as recorder:
        for number, time_ns in enumerate((T0, T0 - 5, T0 - DAY_NS, T0 + 1)):
            recorder.record("BTC/USDT", time_ns, trade(number))

    [name] = names_in(tmp_path)
    times = [event.time_ns for event in events_of(tape_of(tmp_path / name, BTC))]
    assert [T0, T0, T0, T0 + 1] == times


def test_a_tape_that_is_cut_anywhere_is_read_to_its_last_complete_frame(tmp_path: Path) -> None:
    """At every length of the file what comes is a beginning of the recording, never an error, and the cut is told."""
    with FrameRecorder(tmp_path, SYMBOLS) as recorder:
        for number in range(8):
            recorder.record("BTC/USDT", T0 + number, trade(number))
    with FrameRecorder(tmp_path, SYMBOLS) as recorder:
        for number in range(8, 16):
            recorder.record("BTC/USDT", T0 + number, trade(number))
    [name] = names_in(tmp_path)
    content = (tmp_path / name).read_bytes()
    second = content.index(b"\x1f\x8b\x08", 1)
    cut = tmp_path / "cut"
    first_frame = next(n for n in range(1, second) if b"{" in zlib.decompressobj(31).decompress(content[:n]))
    seen: dict[int, int] = {}

    for length in range(1, len(content)):
        cut.write_bytes(content[:length])
        if length < first_frame:
            with pytest.raises(DataError, match=r"is empty|begins no recording"):
                tape_of(cut, BTC)
            continue
        tape = tape_of(cut, BTC)
        ids = [event.trade_id for event in events_of(tape) if isinstance(event, TradeReceived)]
        assert list(range(len(ids))) == ids
        assert tape.cut is (length != second)
        seen[length] = len(ids)

    assert list(seen.values()) == sorted(seen.values())
    assert {8, 15} <= set(seen.values())


def test_a_torn_file_is_mended_and_continued(tmp_path: Path) -> None:
    """The next recorder cuts the torn piece off, keeps its complete frames, and notes the hole."""
    with FrameRecorder(tmp_path, SYMBOLS) as recorder:
        for number in range(20):
            recorder.record("BTC/USDT", T0 + number, trade(number))
    [name] = names_in(tmp_path)
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[:-20])
    torn = ids_of(path)

    with FrameRecorder(tmp_path, SYMBOLS) as recorder:
        recorder.record("BTC/USDT", T0 + 5, trade(100))

    tape = tape_of(path, BTC)
    events = list(events_of(tape))
    assert not tape.cut
    assert [*torn, 100] == [event.trade_id for event in events if isinstance(event, TradeReceived)]
    assert ["the recording was interrupted"] == [e.reason for e in events if isinstance(e, StreamLost)]
    assert events[-1].time_ns == T0 + torn[-1]


@pytest.mark.parametrize(
    "rubbish", [b"\x00" * 5000, b"\x1f\x8b\x08\x00", b"\x1f\x8b\x08\x00" + b"\xff" * 300, b"rubbish"]
)
def test_rubbish_at_the_end_is_cut_off(tmp_path: Path, rubbish: bytes) -> None:
    """What a power cut leaves behind the last whole piece does not spoil what is appended later."""
    with FrameRecorder(tmp_path, SYMBOLS) as recorder:
        recorder.record("BTC/USDT", T0, trade(1))
    [name] = names_in(tmp_path)
    with (tmp_path / name).open("ab") as file:
        file.write(rubbish)

    with FrameRecorder(tmp_path, SYMBOLS) as recorder:
        recorder.record("BTC/USDT", T0 + 1, trade(2))

    assert [1, 2] == ids_of(tmp_path / name)


def test_a_continued_recording_begins_a_new_connection(tmp_path: Path) -> None:
    """Updates that were missed between two recorders are a told loss, so they are no fault of the tape."""

    def depth(first: int) -> str:
        levels = [["60000.00", "1.0"]]
        data = {"e": "depthUpdate", "E": 1, "s": "BTCUSDT", "U": first, "u": first, "b": levels, "a": []}
        return orjson.dumps(data).decode()

    for first in (1, 50):
        with FrameRecorder(tmp_path, SYMBOLS) as recorder:
            recorder.record("BTC/USDT", T0 + first, depth(first))

    [name] = names_in(tmp_path)
    tape = tape_of(tmp_path / name, BTC)
    assert [BookChanged, StreamLost, BookChanged] == [type(event) for event in events_of(tape)]
    assert tape.fault is None


def test_two_recorders_do_not_share_a_folder(tmp_path: Path) -> None:
    """The second is refused in one sentence, before anything is written."""
    with (
        FrameRecorder(tmp_path, SYMBOLS),
        pytest.raises(BlockingIOError, match="another process records there"),
    ):
        FrameRecorder(tmp_path, SYMBOLS).start()


def test_a_failing_disk_ends_the_recording_once_and_loudly(tmp_path: Path) -> None:
    """No exception reaches who records: the fault is told once, and what was written before is whole."""
    told: list[str] = []
    with FrameRecorder(tmp_path, SYMBOLS, on_fault=told.append, flush_s=0.01) as recorder:
        recorder.record("BTC/USDT", T0, trade(1))
        wait_for(lambda: bool(names_in(tmp_path)) and (tmp_path / names_in(tmp_path)[0]).stat().st_size > 0)
        (tmp_path / "ethusdt_20261118.gz").mkdir()
        recorder.record("ETH/USDT", T0, trade(1, "ETHUSDT"))
        wait_for(lambda: bool(recorder.fault))
        for number in range(2, 5):
            recorder.record("BTC/USDT", T0, trade(number))

    assert [f"recording to {tmp_path} ended: Is a directory"] == told
    assert [1] == ids_of(tmp_path / "btcusdt_20261118.gz")


def test_memory_is_bounded(tmp_path: Path) -> None:
    """A disk that takes nothing ends the recording when the bound is reached."""
    told: list[str] = []
    recorder = FrameRecorder(tmp_path, SYMBOLS, on_fault=told.append, waiting_bytes_max=10_000, flush_s=60)
    with recorder:
        for number in range(1_000):  # Less than makes the writer hurry.
            recorder.record("BTC/USDT", T0, trade(number))
        waiting = len(recorder._waiting)

    assert waiting * len(trade(1)) < 20_000
    assert [f"recording to {tmp_path} ended: the disk is behind by more than 10000 bytes"] == told


CHILD = """
import sys, time
from pathlib import Path
from meva_adapters.feed.frame_recorder import FrameRecorder
from tests.contract.test_frame_recorder import T0, trade
recorder = FrameRecorder(Path(sys.argv[1]), ["BTC/USDT"], flush_s=0.02)
recorder.start()
for number in range(10**9):
    recorder.record("BTC/USDT", T0 + number, trade(number))
    if number % 50 == 0:
        time.sleep(0.001)
        print(number, flush=True)
"""


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_recorder_leaves_a_tape(tmp_path: Path, seed: int) -> None:
    """After SIGKILL the file holds every frame from the first on, and at most the last moments are missing."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert child.stdout is not None
    child.stdout.readline()
    time.sleep(0.3 + seed * 0.017)
    os.kill(child.pid, signal.SIGKILL)
    recorded = int(child.stdout.read().split()[-1])
    child.stdout.close()
    child.wait()

    [name] = names_in(tmp_path)
    ids = ids_of(tmp_path / name)
    assert list(range(len(ids))) == ids
    assert len(ids) > recorded / 2


def test_a_member_is_plain_gzip() -> None:
    """Any tool unpacks it."""
    assert b"some text" == gzip.decompress(member(b"some text"))


def wait_for(happened: object) -> None:
    """Wait until *happened* returns true, for a bounded time."""
    assert callable(happened)
    for _ in range(500):
        if happened():
            return
        time.sleep(0.01)
    pytest.fail("it did not happen in time")
