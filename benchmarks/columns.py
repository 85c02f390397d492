"""Replay one standard input event by event and by columns in turn, and print both times as one JSON object.

Both runs must end alike. The dense strategy crosses averages of 10 and 30 trades, the sparse one of 1,000 and 30,000:
there next to every event is quiet, so its time is that of quiet events.

python -m benchmarks.columns FILE [--repeats 3]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from attrs import define

from benchmarks.standard_run import SYMBOL, settings
from meva_adapters.feed.open_tape import open_tape
from meva_core.ports.market_feed import Block
from meva_core.signals.strategies.sma_cross import SmaCross
from meva_runners.composition import ConfiguredStrategy, compose_agent, compose_venue, instruments_of
from meva_runners.replaying.driver import COLUMNS_FROM, ReplayDriver

WINDOWS: Final = {"dense": (10, 30), "sparse": (1_000, 30_000)}


@define
class ReadTape:
    """Give blocks that were read before, so that reading is no part of the times."""

    read: list[Block]
    source: str = "memory"
    symbols: tuple[str, ...] = (SYMBOL,)
    digest: str = ""
    size_bytes: int = 0
    position_bytes: int = 0

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks."""
        return iter(self.read)


def timed(tape: ReadTape, windows: tuple[int, int], columns_from: int | None) -> tuple[float, int, str, str]:
    """Return CPU seconds, events, decision hash and state hash of one run."""
    config = settings().config
    strategy = ConfiguredStrategy("sma_cross", SmaCross(*windows, Decimal("0.1")))
    driver = ReplayDriver(compose_agent(config, [strategy]), compose_venue(config), columns_from=columns_from)
    began = time.process_time()
    for _ in driver.run([tape]):
        pass
    driver.finish()
    seconds = time.process_time() - began
    return seconds, driver.market_events, driver.agent.decision_hash, driver.agent.state_hash()


def compared(path: str, repeats: int) -> dict[str, Any]:
    """Return microseconds per event both ways, and their ratio, for each strategy; medians of *repeats* pairs."""
    tape = ReadTape(
        list(open_tape(path, symbol=SYMBOL, instruments=instruments_of(settings().config)).blocks())
    )
    figures: dict[str, Any] = {}
    for name, windows in WINDOWS.items():
        singly, together = [], []
        for _ in range(repeats):
            one, other = timed(tape, windows, None), timed(tape, windows, COLUMNS_FROM)
            assert one[1:] == other[1:], f"{name}: the two ways differ"
            singly.append(one[0] / one[1] * 1e6)
            together.append(other[0] / other[1] * 1e6)
        figures[name] = {
            "event_by_event_us": round(statistics.median(singly), 2),
            "by_columns_us": round(statistics.median(together), 2),
            "ratio": round(
                statistics.median(one / other for one, other in zip(singly, together, strict=True)), 2
            ),
        }
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Compare replays event by event and by columns.")
    parser.add_argument("file")
    parser.add_argument("--repeats", type=int, default=3, help="pairs of runs per figure; medians are shown")
    arguments = parser.parse_args()
    print(json.dumps(compared(arguments.file, arguments.repeats)))


if __name__ == "__main__":
    main()
