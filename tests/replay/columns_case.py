"""Make random markets, strategies and limits, and replay them with and without columns; check nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Context, Decimal, getcontext, setcontext
from random import Random
from typing import Any

from attrs import define, frozen

from meva_adapters.settings import load_settings
from meva_adapters.storage.codec import encode
from meva_core.agent.outbox import Outcome
from meva_core.config.schema import AppConfig
from meva_core.data.feature_library import (
    Atr,
    Bollinger,
    Donchian,
    Ema,
    RateOfChange,
    RollingStd,
    RollingSum,
    Rsi,
    Sma,
    TrendScore,
    Vwap,
    ZScore,
)
from meva_core.data.features import Feature
from meva_core.data.replay_loader import event_times
from meva_core.errors import StrategyError
from meva_core.events import Event, KillReleaseRequested, QuoteReceived, ResumeRequested
from meva_core.model.market import NS_PER_SECOND, Side
from meva_core.ports.market_feed import BarBlock, Block, EventBlock, TradeBlock
from meva_core.signals.strategies.mean_reversion import MeanReversion
from meva_core.signals.strategies.momentum import Momentum
from meva_core.signals.strategies.sma_cross import SmaCross
from meva_core.signals.strategy import Signal, SignalContext, Strategy
from meva_runners.composition import ConfiguredStrategy
from meva_runners.replaying.run import ReplayRun

START_NS = 1_735_689_600 * NS_PER_SECOND
MINUTE_NS = 60 * NS_PER_SECOND
BTC, ETH = "BTC/USDT", "ETH/USDT"

FEATURES: tuple[Callable[[Random], Feature], ...] = (
    lambda draw: Sma(draw.randrange(1, 40)),
    lambda draw: RollingSum(draw.randrange(1, 40)),
    lambda draw: Ema(draw.randrange(1, 20)),
    lambda draw: Vwap(draw.randrange(1, 40)),
    lambda draw: RateOfChange(draw.randrange(1, 40)),
    lambda draw: Rsi(draw.randrange(1, 20)),
    lambda draw: TrendScore(draw.randrange(1, 40)),
    lambda draw: RollingStd(draw.randrange(2, 40)),
    lambda draw: ZScore(draw.randrange(2, 40)),
    lambda draw: Bollinger(draw.randrange(2, 40), draw.choice((1, 2.0, 0.5))),
    lambda draw: Atr(draw.randrange(1, 20)),
    lambda draw: Donchian(draw.randrange(1, 40)),
    lambda _: Streak(),
)
GUARDS = ("both", "both", "by stance", "by stance", "not elementwise", "always")


class Streak(Feature):
    """Count how often in a row the price rose; a feature of a stranger, who writes no columns.

    He calculates as he likes: a quotient that never ends is cut by Python's own rules, and is no error.
    """

    warm_up = 2

    def __init__(self) -> None:
        self.count = self.last = 0

    def update(self, price: int, quantity: int) -> None:
        """Take one price."""
        thirds = self.count / Decimal(3) * 3 if price > self.last else Decimal(-1)
        self.count = round(thirds) + 1
        self.last = price

    @property
    def value(self) -> float:
        """Return the count."""
        return float(self.count / Decimal(7) * 7)

    def snapshot(self) -> list[Any]:
        """Return count and last price."""
        return [self.count, self.last]

    def restore(self, memory: list[Any]) -> None:
        """Take both over."""
        self.count, self.last = memory


class Fragile(Sma):
    """Break at a price that not every market reaches."""

    __slots__ = ()

    @classmethod
    def of(cls, draw: Random) -> Fragile:
        """Return one of a random window."""
        return cls(draw.randrange(1, 5))

    def update(self, price: int, quantity: int) -> None:
        """Take one price, unless it is too high."""
        if price % 199 == 0:
            message = "too high"
            raise ValueError(message)
        super().update(price, quantity)


@define
class Memory:
    """Count what a strategy was asked."""

    asked: int = 0
    digits: int = 0


@frozen
class Threshold:
    """Buy when a feature is above a level and sell when it is not; remember how often that was asked."""

    make: Callable[[], Feature]
    level: float
    guard: str = "both"
    quantity: Decimal = Decimal("0.01")
    timeframe: str | None = None

    def features(self) -> Mapping[str, Feature]:
        """Return the feature, and a second one beside it."""
        return {"one": self.make(), "other": Sma(3)}

    def acts(self, features: Any, stance: int) -> Any:
        """Say yes where the feature asks for another stance, in one of several ways, or to everything."""
        if self.guard == "always":
            return True
        if self.guard == "by stance":
            return features.one.value <= self.level if stance > 0 else features.other.value > 1
        if self.guard == "not elementwise":
            return (features.one.value > self.level and stance <= 0) or stance > 0
        above = features.one.value > self.level
        return (above & (stance <= 0)) | ((features.one.value <= self.level) & (stance > 0))

    def initial_state(self) -> Memory:
        """Begin with nothing."""
        return Memory()

    def generate_signal(self, ctx: SignalContext) -> Signal | None:
        """Ask for the other stance, and leave a context of one's own in force at the first time."""
        if not ctx.state.asked:
            setcontext(Context(prec=3))
        ctx.state.asked += round(ctx.price / ctx.price / 3 * 3)
        ctx.state.digits = len((ctx.price / 7).as_tuple().digits)
        above = ctx.features.one.value > self.level
        if above and ctx.stance <= 0:
            return Signal(Side.BUY, self.quantity, "above")
        if not above and ctx.stance > 0 and ctx.sellable >= ctx.instrument.lot_size:
            return Signal(Side.SELL, ctx.sellable, "below", reduce_only=True)
        return None


@define
class MadeTape:
    """Be a tape of blocks that lie in memory."""

    made: Sequence[Block]
    source: str = "made"
    symbols: tuple[str, ...] = (BTC, ETH)
    digest: str = ""
    size_bytes: int = 0
    position_bytes: int = 0

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks."""
        return iter(self.made)


@frozen
class Case:
    """Hold one random replay."""

    config: AppConfig
    strategies: Sequence[ConfiguredStrategy]
    tapes: Sequence[MadeTape]
    stops: Sequence[int]
    checkpoint_every: int
    columns_from: int
    period: tuple[int | None, int | None]


def random_case(seed: int, *, rows: int) -> Case:
    """Return the replay that *seed* stands for, of some *rows* market events."""
    draw = Random(seed)
    symbols = draw.choice(((BTC,), (BTC,), (BTC, ETH)))
    on_bars = draw.random() < 0.3
    make = random_bars if on_bars else random_trades
    tapes = [make(draw, symbol, rows // len(symbols)) for symbol in symbols]
    last_ns = max(block_end(tape.made[-1]) for tape in tapes)
    period = (None, None)
    if draw.random() < 0.3:
        period = (START_NS + (last_ns - START_NS) // 10, last_ns - (last_ns - START_NS) // 10)
    strategies = [
        ConfiguredStrategy(f"s{number}", random_strategy(draw, on_bars=on_bars))
        for number in range(draw.choice((1, 1, 2, 3)))
    ]
    names = ", ".join(f"{{name: {item.name}}}" for item in strategies)
    limit = draw.choice((5, 30, 100_000))
    config = load_settings(
        "dev",
        overrides=(
            f"strategies=[{names}]",
            "risk.max_notional_per_trade=100000",
            "risk.max_position_notional_per_symbol=100000",
            "risk.max_portfolio_exposure=100000",
            f"risk.daily_loss_limit={limit}",
            f"risk.max_drawdown_limit={draw.choice((8, 50, 100_000))}",
            f"risk.max_orders_per_window={draw.choice((5, 10_000))}",
            f"risk.max_repeated_orders={draw.choice((5, 10_000))}",
            f"risk.resume_after_daily_loss={draw.choice(('true', 'false'))}",
            f"execution.fill_model={draw.choice(('next_trade', 'volume'))}",
            f"execution.latency_ms={draw.choice((0, 0, 700))}",
            f"observability.equity_sample_s={draw.choice((60, 3600))}",
            f"exchange.fees.taker_bps={draw.choice((0, 10))}",
        ),
        environ={},
    ).config
    stops = sorted(draw.sample(range(1, rows), draw.choice((0, 0, 1, 5))))
    return Case(
        config, strategies, tapes, stops, draw.choice((-1, -1, 0, 3)), draw.choice((1, 1, 25, 100)), period
    )


def random_strategy(draw: Random, *, on_bars: bool) -> Strategy:
    """Return a strategy, of the library or a stranger's, by trades or by candles."""
    timeframe = draw.choice((None, None, None, "1m", *(("5m", "1h") if on_bars else ())))
    kind = draw.randrange(5)
    if kind == 0:
        return Momentum(
            lookback=draw.randrange(3, 40), entry_score=0.5, quantity=Decimal("0.01"), timeframe=timeframe
        )
    if kind == 1:
        return MeanReversion(
            window=draw.randrange(3, 40), entry_z=1.0, quantity=Decimal("0.01"), timeframe=timeframe
        )
    if kind == 2:
        make = draw.choice(FEATURES) if draw.random() < 0.8 else Fragile.of
        seed = draw.random()
        level = draw.choice((0.0, 0.5, 1.0, 20.0, 50.0, 3_000_000.0, 90_000_000.0))
        return Threshold(lambda: make(Random(seed)), level, draw.choice(GUARDS), timeframe=timeframe)
    fast = draw.randrange(1, 20)
    return SmaCross(fast, fast + draw.randrange(1, 40), Decimal("0.01"), timeframe=timeframe)


def random_trades(draw: Random, symbol: str, rows: int) -> MadeTape:
    """Return a walk with pauses, jumps and bad rows, cut into blocks of any size, with a few other events between."""
    pause_ns = draw.choice((10**6, 10**9, 20 * 10**9, 600 * 10**9))
    volatility, drift = draw.choice((1, 30, 3_000)), draw.choice((0, 0, 1, -1))
    numbered, faults = draw.random() < 0.5, draw.choice((0.0, 0.0, 0.002, 0.02))
    longest = draw.choice((7, 64, 500, 5_000))
    time_ns, ticks, trade_id = START_NS + draw.randrange(10**9), 3_000_000, 0
    blocks: list[Block] = []
    left = rows
    while left:
        count = min(left, draw.randrange(1, longest + 1))
        left -= count
        block = TradeBlock(symbol, [], [], [], [], [])
        for _ in range(count):
            time_ns += draw.randrange(pause_ns) if draw.random() < 0.95 else 0
            ticks = max(1_000, ticks + draw.randrange(-volatility, volatility + 1) + drift)
            trade_id += draw.randrange(1, 3)
            price, lots, number = ticks, draw.randrange(1, 9_000), trade_id
            if draw.random() < faults:
                price, lots, number = draw.choice(
                    (
                        (ticks * 3, lots, number),
                        (ticks, 0, number),
                        (ticks, lots, number - 5),
                        (-1, lots, number),
                    )
                )
            block.times.append(time_ns)
            block.prices.append(price)
            block.quantities.append(lots)
            block.taker_sides.append(draw.choice((Side.BUY, Side.SELL)))
            block.ids.append(number if numbered else -1)
        blocks.append(block)
        if draw.random() < 0.2:
            blocks.append(EventBlock([random_event(draw, symbol, time_ns, ticks)]))
    return MadeTape(blocks)


def random_bars(draw: Random, symbol: str, rows: int) -> MadeTape:
    """Return a walk of minutes with gaps, jumps and bad bars, cut into blocks of any size."""
    volatility, faults = draw.choice((1, 300, 30_000)), draw.choice((0.0, 0.0, 0.002, 0.02))
    longest = draw.choice((7, 64, 500, 5_000))
    open_ns, ticks = START_NS + draw.randrange(1_000) * MINUTE_NS, 3_000_000
    blocks: list[Block] = []
    left = rows
    while left:
        count = min(left, draw.randrange(1, longest + 1))
        left -= count
        block = BarBlock(symbol, "1m", MINUTE_NS, [], [], [], [], [], [])
        for _ in range(count):
            open_ns += MINUTE_NS * (1 if draw.random() < 0.98 else draw.randrange(1, 400))
            opening = ticks
            ticks = max(1_000, ticks + draw.randrange(-volatility, volatility + 1))
            reach = draw.randrange(volatility + 1)
            prices = [opening, max(opening, ticks) + reach, max(1, min(opening, ticks) - reach), ticks]
            if draw.random() < faults:
                prices = draw.choice(([3 * price for price in prices], prices[::-1], [0] * 4))
            block.open_times.append(open_ns)
            for column, price in zip(
                (block.opens, block.highs, block.lows, block.closes), prices, strict=True
            ):
                column.append(price)
            block.volumes.append(draw.choice((0, 1, draw.randrange(10**6))))
        blocks.append(block)
        if draw.random() < 0.2:
            blocks.append(EventBlock([random_event(draw, symbol, open_ns + MINUTE_NS, ticks)]))
    return MadeTape(blocks)


def random_event(draw: Random, symbol: str, time_ns: int, ticks: int) -> Any:
    """Return a quote, or an operator who lets a halted agent trade again."""
    kind = draw.randrange(3)
    if kind == 0:
        return QuoteReceived(time_ns, symbol, ticks - 5, 100, ticks + 5, 100, -1)
    request = f"{time_ns}"
    epoch = draw.randrange(4)
    if kind == 1:
        return ResumeRequested(time_ns, request, "fuzz", epoch)
    return KillReleaseRequested(time_ns, request, "fuzz", epoch)


def block_end(block: Block) -> int:
    """Return the time of the last row."""
    return event_times(block)[-1]


class Kept:
    """Be the recorder of *run*: note every call, and at some ends of a run of rows the whole checkpoint."""

    def __init__(self, run: ReplayRun, every: int) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self._run = run
        self._every = every

    def begin(self, block: Block, start: int) -> None:
        """Note the block's kind and the row."""
        self.calls.append((type(block).__name__, start))

    def record(self, event: Event, outcome: Outcome) -> None:
        """Note both."""
        self.calls.append((event, outcome))

    def record_row(self, outcome: Outcome) -> None:
        """Note the outcome."""
        self.calls.append((outcome,))

    def end(self, sequence: int) -> None:
        """Note the sequence, and at times what a continuation would start from."""
        full = self._every and not len(self.calls) % self._every
        self.calls.append((sequence, encode(self._run.checkpoint()) if full else b""))


@frozen
class Ended:
    """Hold everything by which two runs can differ."""

    checkpoint: bytes
    recorded: tuple[Any, ...]
    bands: tuple[tuple[int, int], ...]
    outcomes: tuple[Outcome, ...]
    events: int
    error: str
    passed_over: int


def ended(case: Case, *, columns_from: int | None) -> Ended:
    """Replay *case* and return how it ended."""
    told: list[Outcome] = []
    context = getcontext()
    run = ReplayRun(case.config, case.strategies, observers=(told.append,), columns_from=columns_from)
    kept = Kept(run, case.checkpoint_every)
    if case.checkpoint_every >= 0:
        run.record_with(kept)
    error = ""
    try:
        run.replay(case.tapes, start_ns=case.period[0], end_ns=case.period[1], stops=case.stops)
    except StrategyError as exc:
        error = str(exc)
    assert getcontext() is context, "a replay leaves the context of its caller in force"
    agent = run.driver.agent
    agent.take()
    checkpoint = encode(run.checkpoint())
    bands = tuple((agent.path(symbol).low, agent.path(symbol).high) for symbol in (BTC, ETH))
    return Ended(
        checkpoint,
        tuple(kept.calls),
        bands,
        tuple(told),
        0 if error else run.driver.market_events,  # They are counted by whole runs of rows.
        error,
        run.driver.passed_over,
    )
