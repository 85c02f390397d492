"""Replay small made-up tapes through the whole agent; check nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

from meva_adapters.feed.open_tape import open_tape
from meva_adapters.settings import load_settings
from meva_core.config.schema import AppConfig
from meva_core.ports.market_feed import Tape
from meva_core.signals.strategies.sma_cross import SmaCross
from meva_runners.composition import ConfiguredStrategy, instruments_of
from meva_runners.replaying.run import ReplayRun

SYMBOLS = ("BTC/USDT", "ETH/USDT")


def config(*overrides: str) -> AppConfig:
    """Return settings whose limits let a crossing strategy trade."""
    wide = (
        "strategies=[{name: sma_cross}]",
        "risk.max_notional_per_trade=100000",
        "risk.max_position_notional_per_symbol=100000",
        "risk.max_portfolio_exposure=100000",
        "risk.max_orders_per_window=10000",
        "risk.max_repeated_orders=10000",
    )
    return load_settings("dev", overrides=(*wide, *overrides), environ={}).config


def strategies(**parameters: object) -> list[ConfiguredStrategy]:
    """Return the crossing strategy on every symbol."""
    return [ConfiguredStrategy("sma_cross", SmaCross(**parameters))]  # type: ignore[arg-type]


def write_trades(path: Path, *, rows: int, seed: int = 1, start_ns: int = 1_700_000_000_000_000_000) -> Path:
    """Write a random walk of trades."""
    draw = Random(seed)
    time_ns, ticks = start_ns, 3_000_000
    lines = ["ts_ns,price,qty,side\n"]
    for _ in range(rows):
        time_ns += draw.randrange(1, 400_000_000)
        ticks = max(1_000, ticks + draw.randrange(-300, 301))
        lots = draw.randrange(1, 9_000)
        lines.append(
            f"{time_ns},{ticks // 100}.{ticks % 100:02d},0.{lots:04d},{draw.choice(('buy', 'sell'))}\n"
        )
    path.write_text("".join(lines), encoding="ascii")
    return path


def tapes(settings: AppConfig, paths: Sequence[Path], *, block_rows: int = 8192) -> list[Tape]:
    """Open *paths* as the tapes of the first symbols."""
    instruments = instruments_of(settings)
    return [
        open_tape(str(path), symbol=symbol, instruments=instruments, block_rows=block_rows)
        for symbol, path in zip(SYMBOLS, paths, strict=False)
    ]


def hashes(run: ReplayRun) -> tuple[str, str]:
    """Return decision hash and state hash."""
    return run.driver.agent.decision_hash, run.driver.agent.state_hash()
