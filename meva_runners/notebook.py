"""Replay, compare and explain from a notebook, in plain calls whose results show themselves.

    from meva_runners.notebook import replay

    run = replay("trades.csv", "momentum", symbol="BTC/USDT", settings={"strategy.lookback": 60})
    run

Nothing here needs an event loop, and importing it sets nothing up. A session that was recorded elsewhere (paper,
shadow, live) opens with `session`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import attrs
import orjson

from meva_adapters.reports.comparison import comparison_parts
from meva_adapters.reports.figure_text import figure_text
from meva_adapters.reports.frames import Frame
from meva_adapters.reports.html_report import environment, equity_chart
from meva_adapters.reports.order_story import story_html, story_text
from meva_adapters.reports.plotly_charts import equity_figure, growth_figure, price_figure
from meva_adapters.reports.report_files import write_report
from meva_adapters.reports.report_parquet import curve_table
from meva_core.errors import DataError
from meva_core.ops.comparison import Comparison
from meva_core.ops.order_story import OrderStory
from meva_core.ops.report import Cell, Report
from meva_core.ops.reporting import ReplayResult
from meva_core.signals.strategy import Strategy
from meva_runners.commands.report_app import available_formats
from meva_runners.replaying.options import ReplayOptions
from meva_runners.sessions.compare import compare_sessions
from meva_runners.sessions.report import report_of
from meva_runners.sessions.story import explain_order

__all__ = ["Comparison", "Frame", "Run", "RunComparison", "Story", "compare", "explain", "replay", "session"]


class Run:
    """Hold one run: its figures, its tables as data frames, its charts, and the story of every order.

    It shows itself as a card in a notebook. *path* is its session file; of a replay that was not told where to
    record, the file lives as long as the run.
    """

    def __init__(self, path: Path, *, result: ReplayResult | None = None) -> None:
        self.path = path
        self.result = result

    @cached_property
    def report(self) -> Report:
        """The report of the whole session, see `meva_core.ops.report`."""
        return report_of(self.path)

    @property
    def figures(self) -> dict[str, Cell]:
        """The value of every figure by its key; `None` where there is none."""
        return {key: figure.value for key, figure in self.report.figures().items()}

    @property
    def decision_hash(self) -> str:
        """The hash of every decision, in order: equal for equal runs."""
        return self.report.origin.decision_hash

    @property
    def equity(self) -> Frame:
        """Equity, drawdown and exposure over time."""
        return Frame(curve_table(self.report))

    @property
    def fills(self) -> Frame:
        """Every fill."""
        return Frame(self.report.fills)

    @property
    def orders(self) -> Frame:
        """Every order, with what became of it."""
        return Frame(self.report.orders)

    @property
    def days(self) -> Frame:
        """One row per day."""
        return self.table("days")

    def table(self, key: str) -> Frame:
        """Return any table of the report; raise `KeyError` for one that is not there."""
        return Frame(self.report.table(key))

    def plot(self, symbol: str | None = None) -> Any:
        """Return an interactive chart: the equity, or the price of *symbol* with every fill."""
        return equity_figure(self.report) if symbol is None else price_figure(self.report, symbol)

    def explain(self, client_order_id: str) -> Story:
        """Return the whole story of one order."""
        return explain(self, client_order_id)

    def save(self, directory: str | os.PathLike[str]) -> list[Path]:
        """Write the report to *directory* as a page, JSON and Parquet; return the files."""
        return write_report(self.report, Path(directory), available_formats())

    def __repr__(self) -> str:
        shown = ", ".join(f"{figure.label} {figure_text(figure)}" for figure in self.report.headline[:4])
        return f"<Run of {', '.join(self.report.origin.strategies)}: {shown}>"

    def _repr_html_(self) -> str:
        page = environment().get_template("run.html.j2")
        return page.render(report=self.report, chart=equity_chart(self.report))


class RunComparison:
    """Hold several runs side by side; it shows itself in a notebook."""

    def __init__(self, comparison: Comparison, runs: Sequence[Run]) -> None:
        self.comparison = comparison
        self.runs = tuple(runs)

    @property
    def figures(self) -> list[dict[str, Cell]]:
        """The figures of every run under its name, one row per figure."""
        keys = [column.key for column in self.comparison.figures.columns]
        return [dict(zip(keys, row, strict=True)) for row in self.comparison.figures.rows]

    def plot(self) -> Any:
        """Return the growth of every run in one interactive chart."""
        return growth_figure(self.comparison.growth)

    def __repr__(self) -> str:
        return f"<Comparison of {', '.join(self.comparison.names)}>"

    def _repr_html_(self) -> str:
        page = environment().get_template("notebook_comparison.html.j2")
        return page.render(**comparison_parts(self.comparison))


class Story:
    """Hold the story of one order; it shows itself at a terminal and in a notebook."""

    def __init__(self, story: OrderStory) -> None:
        self.story = story

    def chapter(self, title: str) -> Any:
        """Return one chapter; raise `KeyError` for one that is not there."""
        return self.story.chapter(title)

    def __repr__(self) -> str:
        return story_text(self.story)

    def _repr_html_(self) -> str:
        return story_html(self.story)


def replay(
    tape: str | os.PathLike[str] | Sequence[str] | None = None,
    strategy: str | Strategy | None = None,
    *,
    symbol: str | None = None,
    start: str | None = None,
    until: str | None = None,
    settings: Mapping[str, Any] | None = None,
    env: str = "dev",
    config: Sequence[str | os.PathLike[str]] = (),
    seed: int | None = None,
    session: str | os.PathLike[str] | None = None,
) -> Run:
    """Replay *tape* (without one, the bundled recording) and return the run.

    *strategy* is a name, `module:Class`, or a strategy itself (its attrs fields are its parameters); *settings* are
    key paths with values, `strategy.X` a parameter of the strategy. *session* is where to record. Several tapes are
    named as on the command line, `BTC/USDT=trades.csv`. Raises what `meva replay` would tell.
    """
    from meva_runners.replaying.app import ReplayApp

    folder = None if session is not None else Path(tempfile.mkdtemp(prefix="meva-"))
    path = Path(session) if session is not None else (folder or Path()) / "session.db"
    overrides = [f"{key}={_yaml(value)}" for key, value in (settings or {}).items()]
    names: tuple[str, ...] = ()
    if isinstance(strategy, str):
        names = (strategy,)
    elif strategy is not None:
        overrides = [_configured(strategy), *overrides]
    options = ReplayOptions(
        tapes=_tapes(tape, symbol),
        env=env,
        config=tuple(Path(each) for each in config),
        overrides=tuple(overrides),
        strategies=names,
        start=start,
        end=until,
        seed=seed,
        session=path,
    )
    with ExitStack() as cleaning:
        if folder is not None:
            cleaning.callback(shutil.rmtree, folder)
        run = Run(path, result=ReplayApp.from_options(options).replay())
        cleaning.pop_all()
    if folder is not None:
        weakref.finalize(run, shutil.rmtree, folder, ignore_errors=True)
    return run


def session(path: str | os.PathLike[str]) -> Run:
    """Return the run that a session file holds; the file is only read."""
    return Run(Path(path))


def compare(*runs: Run | str | os.PathLike[str]) -> RunComparison:
    """Return *runs*, or the sessions at these paths, side by side: parameters, figures, growth, first difference."""
    opened = [run if isinstance(run, Run) else session(run) for run in runs]
    comparison, _ = compare_sessions([run.path for run in opened], _names(opened))
    return RunComparison(comparison, opened)


def explain(run: Run | str | os.PathLike[str], client_order_id: str) -> Story:
    """Return the whole story of one order of *run*: features, signal, risk, sending, answers, fills, postings."""
    path = run.path if isinstance(run, Run) else Path(run)
    return Story(explain_order(path, client_order_id))


_PARAMETERS: Final = "strategies.0.parameters."


def _names(runs: Sequence[Run]) -> list[str] | None:
    """Return names for replays that were not told where to record: by strategy and the parameters that differ."""
    if all(run.result is None for run in runs):
        return None
    parameters = [dict(run.report.origin.parameters) for run in runs]
    names = []
    for number, run in enumerate(runs, start=1):
        told = [name.rpartition(":")[2] for name in run.report.origin.strategies]
        own = parameters[number - 1]
        told += [
            f"{key.removeprefix(_PARAMETERS)}={value}"
            for key, value in own.items()
            if key.startswith(_PARAMETERS) and any(each.get(key) != value for each in parameters)
        ]
        names.append(f"{number} {' '.join(told)}")
    return names


def _tapes(tape: str | os.PathLike[str] | Sequence[str] | None, symbol: str | None) -> tuple[str, ...]:
    if tape is None:
        return ()
    if isinstance(tape, str | os.PathLike):
        text = os.fspath(tape)
        return (f"{symbol}={text}" if symbol else text,)
    if symbol is not None:
        raise DataError("symbol", 0, "several tapes have several symbols.", "Write SYMBOL=TAPE for each.")
    return tuple(tape)


def _configured(strategy: Strategy) -> str:
    """Return the setting that builds an equal strategy, so that the session can be verified later."""
    cls: Any = type(strategy)
    values: Any = strategy
    if not attrs.has(cls):
        problem = f"{cls.__name__} is no attrs class, so its parameters cannot be recorded."
        raise DataError("strategy", 0, problem, "Put @attrs.frozen above the class.")
    parameters = attrs.asdict(values, recurse=False)
    return f"strategies={_yaml([{'name': f'{cls.__module__}:{cls.__qualname__}', 'parameters': parameters}])}"


def _yaml(value: Any) -> str:
    """Return *value* as YAML on one line; a decimal keeps its digits."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_yaml(key)}: {_yaml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_yaml(each) for each in value) + "]"
    if isinstance(value, str) and value.isidentifier():
        return value
    return orjson.dumps(value).decode()
