"""Keep every strategy's features, with the history that was asked for; calculate none, run no strategy."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from meva_core.data.features import Feature, extension
from meva_core.errors import ConfigError, DataError, InvariantError, UnknownSymbolError
from meva_core.model.market import Candle

# A history row of two features takes some 150 bytes; a hundred thousand rows are a day of seconds.
HISTORY_MAX: Final = 100_000

_ROWS_SHOWN: Final = 3


@frozen(repr=False)
class FeatureFrame:
    """Show the last values of a strategy's features on one symbol, oldest first.

    `rows[i]` was known at `times_ns[i]` (ns UTC) and holds one value per name, in the order of *names*.

    >>> FeatureFrame("BTC/USDT", ("fast",), (1, 2), ((10.0,), (10.5,))).column("fast")
    (10.0, 10.5)
    """

    symbol: str
    names: tuple[str, ...]
    times_ns: tuple[int, ...]
    rows: tuple[tuple[float, ...], ...]

    def column(self, name: str) -> tuple[float, ...]:
        """Return the values of feature *name*, oldest first; raise `DataError` on an undeclared name."""
        if name not in self.names:
            known = ", ".join(self.names) or "none"
            raise DataError(
                f"features of {self.symbol}", 0, f"{name!r} is not declared.", f"Declared: {known}."
            )
        position = self.names.index(name)
        return tuple(row[position] for row in self.rows)

    @property
    def latest(self) -> dict[str, float]:
        """Return the newest row by name; empty when there is none yet."""
        return dict(zip(self.names, self.rows[-1], strict=True)) if self.rows else {}

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        lines = [
            f"FeatureFrame({self.symbol}, {len(self.rows)} rows of {', '.join(self.names) or 'nothing'})"
        ]
        if len(self.rows) > _ROWS_SHOWN:
            lines.append("  ...")
        for time_ns, row in zip(self.times_ns[-_ROWS_SHOWN:], self.rows[-_ROWS_SHOWN:], strict=True):
            lines.append(f"  {time_ns}  " + "  ".join(f"{value:.6g}" for value in row))
        return "\n".join(lines)


class FeatureSet:
    """Hold the features of one strategy on one symbol, in declared order.

    *updates* are their bound `update` methods for a loop that must not pay for a call more, *extensions* take
    many trades at once; neither counts *samples*, which matter until all are warm. Rows of history are kept
    from warm-up on, the last *history* of them (0: none).
    """

    __slots__ = (
        "_rows",
        "_times",
        "extensions",
        "features",
        "history",
        "names",
        "samples",
        "symbol",
        "updates",
        "warm_up",
    )

    def __init__(self, symbol: str, features: Mapping[str, Feature], *, history: int = 0) -> None:
        if not 0 <= history <= HISTORY_MAX:
            raise ConfigError(
                (f"features of {symbol}: history must be from 0 to {HISTORY_MAX}, not {history}",)
            )
        self.symbol = symbol
        self.names = tuple(features)
        self.features = tuple(features.values())
        self.updates: tuple[Callable[[int, int], None], ...] = tuple(each.update for each in self.features)
        self.extensions: tuple[Callable[[Sequence[int], Sequence[int]], None], ...] = tuple(
            map(extension, self.features)
        )
        self.warm_up = max((each.warm_up for each in self.features), default=0)
        self.history = history
        self.samples = 0
        self._times: deque[int] = deque(maxlen=history)
        self._rows: deque[tuple[float, ...]] = deque(maxlen=history)

    @property
    def warm(self) -> bool:
        """Return whether every value means something."""
        return self.samples >= self.warm_up

    def update(self, time_ns: int, price: int, quantity: int) -> None:
        """Take one trade into every feature."""
        for update in self.updates:
            update(price, quantity)
        self._count(time_ns)

    def update_candle(self, time_ns: int, candle: Candle) -> None:
        """Take one closed candle, known at *time_ns*, into every feature."""
        for feature in self.features:
            feature.update_candle(candle)
        self._count(time_ns)

    def _count(self, time_ns: int) -> None:
        self.samples += 1
        if self.history and self.samples >= self.warm_up:
            self._times.append(time_ns)
            self._rows.append(tuple(each.value for each in self.features))

    def frame(self, window: int) -> FeatureFrame:
        """Return the last *window* rows, or fewer where fewer are known yet.

        Raise `DataError` when *window* can never be filled, so that nobody waits for it.
        """
        if not 1 <= window <= self.history:
            problem = f"a window of {window} rows was asked for, {self.history} are kept."
            raise DataError(f"features of {self.symbol}", 0, problem, "Declare a longer history.")
        first = max(0, len(self._rows) - window)
        return FeatureFrame(self.symbol, self.names, tuple(self._times)[first:], tuple(self._rows)[first:])

    def snapshot(self) -> dict[str, Any]:
        """Return everything remembered, as JSON-like values."""
        return {
            "samples": self.samples,
            "features": {name: each.snapshot() for name, each in zip(self.names, self.features, strict=True)},
            "times": list(self._times),
            "rows": [list(row) for row in self._rows],
        }

    def restore(self, memory: Mapping[str, Any]) -> None:
        """Take over what `snapshot` returned; raise `InvariantError` when other features made it."""
        if tuple(sorted(memory["features"])) != tuple(sorted(self.names)):
            facts = f"{self.symbol}: declared {list(self.names)}, checkpoint has {list(memory['features'])}"
            raise InvariantError("a checkpoint fits its features", facts)
        for name, each in zip(self.names, self.features, strict=True):
            each.restore(memory["features"][name])
        self.samples = memory["samples"]
        self._times = deque(memory["times"], maxlen=self.history)
        self._rows = deque(map(tuple, memory["rows"]), maxlen=self.history)


class FeatureStore:
    """Find the features of each strategy on each symbol."""

    def __init__(self) -> None:
        self._sets: dict[str, dict[str, FeatureSet]] = {}

    def add(
        self, strategy: str, symbol: str, features: Mapping[str, Feature], *, history: int = 0
    ) -> FeatureSet:
        """Register the features that *strategy* declared for *symbol*; once for each pair."""
        of_symbol = self._sets.setdefault(symbol, {})
        if strategy in of_symbol:
            raise ConfigError((f"strategy {strategy} is configured twice for {symbol}",))
        of_symbol[strategy] = FeatureSet(symbol, features, history=history)
        return of_symbol[strategy]

    def features_of(self, strategy: str, symbol: str) -> FeatureSet:
        """Return the live features of one strategy on one symbol."""
        of_symbol = self._of(symbol)
        if strategy not in of_symbol:
            known = ", ".join(of_symbol)
            raise DataError(
                f"features of {symbol}", 0, f"{strategy!r} declared none.", f"Name one of {known}."
            )
        return of_symbol[strategy]

    def get(self, symbol: str, window: int, *, strategy: str | None = None) -> FeatureFrame:
        """Return the last *window* rows of *symbol*; *strategy* is needed only where several watch it.

        Strategies may sample by different candles, so their rows are never mixed in one frame.
        """
        of_symbol = self._of(symbol)
        if strategy is None and len(of_symbol) > 1:
            known = ", ".join(of_symbol)
            raise DataError(
                f"features of {symbol}", 0, "several strategies have some.", f"Name one of {known}."
            )
        return self.features_of(next(iter(of_symbol)) if strategy is None else strategy, symbol).frame(window)

    def snapshot(self) -> dict[str, Any]:
        """Return everything remembered, by symbol and strategy, as JSON-like values."""
        return {
            symbol: {strategy: each.snapshot() for strategy, each in of_symbol.items()}
            for symbol, of_symbol in self._sets.items()
        }

    def restore(self, memory: Mapping[str, Any]) -> None:
        """Take over what `snapshot` returned; the same strategies must be registered."""
        registered = {symbol: sorted(of_symbol) for symbol, of_symbol in self._sets.items()}
        remembered = {symbol: sorted(of_symbol) for symbol, of_symbol in memory.items()}
        if registered != remembered:
            raise InvariantError(
                "a checkpoint fits its strategies", f"have {registered}, checkpoint {remembered}"
            )
        for symbol, of_symbol in self._sets.items():
            for strategy, each in of_symbol.items():
                each.restore(memory[symbol][strategy])

    def _of(self, symbol: str) -> dict[str, FeatureSet]:
        try:
            return self._sets[symbol]
        except KeyError:
            raise UnknownSymbolError(symbol, tuple(self._sets)) from None
