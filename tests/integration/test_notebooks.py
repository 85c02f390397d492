"""The example notebooks run from beginning to end, and what a notebook is given behaves."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import nbformat
import pytest
from attrs import frozen
from nbclient import NotebookClient

from meva_core.data.feature_library import Sma
from meva_core.errors import ConfigError, DataError
from meva_core.model.market import Side
from meva_core.signals.strategy import Signal, SignalContext
from meva_runners.notebook import Run, compare, explain, replay, session

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))
SETTINGS = {"strategy.fast": 40, "strategy.slow": 200, "strategy.quantity": Decimal("0.01")}


@frozen
class AboveAverage:
    """Hold while the price is above its mean."""

    size: int = 50
    quantity: Decimal = Decimal("0.01")
    timeframe: str | None = "1m"

    def features(self) -> dict[str, Any]:
        """Name the mean."""
        return {"mean": Sma(self.size)}

    def acts(self, features: Any, stance: int) -> bool:
        """Look every time."""
        return True

    def generate_signal(self, ctx: SignalContext) -> Signal | None:
        """Buy above, sell below."""
        above = ctx.price_ticks > ctx.features.mean.value
        if above and ctx.stance <= 0:
            return Signal(Side.BUY, self.quantity, "above its mean")
        if not above and ctx.stance > 0:
            return Signal(Side.SELL, ctx.sellable, "below its mean", reduce_only=True)
        return None


@pytest.fixture(scope="module")
def run() -> Run:
    """Return a replay of the bundled recording."""
    return replay(strategy="sma_cross", settings=SETTINGS)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning", "ignore::UserWarning")
@pytest.mark.enable_socket
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_an_example_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a kernel of its own; every cell of code shows something or passes."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    shown = [
        output.data
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "data" in output
    ]

    assert sum("text/html" in data for data in shown) >= 6
    assert "Risk checks" in "".join(data.get("text/html", "") for data in shown)


def test_example_notebooks_are_stored_without_outputs() -> None:
    """A difference between two versions shows what a person changed."""
    for path in NOTEBOOKS:
        cells = nbformat.read(path, as_version=4).cells
        assert [] == [cell.outputs for cell in cells if cell.cell_type == "code" and cell.outputs]
    assert NOTEBOOKS


def test_a_run_shows_itself(run: Run) -> None:
    """As a card with a chart in a notebook, and as one line elsewhere."""
    assert "<svg" in run._repr_html_()
    assert run.decision_hash in run._repr_html_()
    assert repr(run).startswith("<Run of sma_cross: Net return ")
    assert repr(run.fills).startswith(f"<Fills: {len(run.fills)} rows of time_ns")


def test_figures_are_the_runs_own(run: Run) -> None:
    """As the replay's result has them."""
    assert run.result is not None
    assert run.result.summary.final_equity == run.figures["end_equity"]
    assert run.result.decision_hash == run.decision_hash
    assert run.result.summary.fills == len(run.fills) == len(run.fills.to_dicts()) > 10


def test_charts_hold_every_point(run: Run) -> None:
    """Equity over its fall, the price with its fills, runs over each other."""
    equity, price = run.plot(), run.plot("BTC/USDT")
    fills = sum(len(trace.x) for trace in price.data[1:])

    assert len(run.equity) == len(equity.data[0].x) == len(equity.data[1].x)
    assert len(run.fills) == fills
    assert 2 == len(compare(run, run).plot().data)


def test_runs_are_compared_by_what_differs(run: Run) -> None:
    """Names tell the runs apart; the difference is the first one."""
    other = replay(strategy="sma_cross", settings={**SETTINGS, "strategy.fast": 50})
    both = compare(run, other)

    assert ("1 sma_cross fast=40", "2 sma_cross fast=50") == both.comparison.names
    assert [1] == [difference.number for difference in both.comparison.differences]
    assert () == compare(run, run).comparison.differences
    assert "fast=50" in both._repr_html_()


def test_a_strategy_itself_can_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its parameters, recorded so that the order can be explained from the session alone."""
    monkeypatch.setitem(sys.modules, "of_a_notebook", sys.modules[__name__])
    monkeypatch.setattr(AboveAverage, "__module__", "of_a_notebook")
    run = replay(strategy=AboveAverage(size=30))
    order = run.orders.to_dicts()[0]
    story = explain(run, order["client_order_id"])

    assert ("strategies.0.parameters.size", "30") in run.report.origin.parameters
    assert "feature mean" in dict(story.chapter("What was seen").facts)
    assert "<section>" in story._repr_html_()
    assert order["client_order_id"] in repr(story)


def test_a_recorded_session_opens(run: Run, tmp_path: Path) -> None:
    """Kept where it was told to be, it is the same run."""
    kept = replay(strategy="sma_cross", settings=SETTINGS, session=tmp_path / "kept.db")

    assert run.decision_hash == kept.decision_hash == session(tmp_path / "kept.db").decision_hash
    assert run.figures == session(tmp_path / "kept.db").figures


def test_wrong_wishes_are_told() -> None:
    """In the words of the command line."""
    with pytest.raises(ConfigError, match="sma_kross"):
        replay(strategy="sma_cross", settings={"risk.sma_kross": 1})
    with pytest.raises(DataError, match="no attrs class"):
        replay(strategy=object())  # type: ignore[arg-type]
    with pytest.raises(DataError, match="several symbols"):
        replay(["a.csv", "b.csv"], symbol="BTC/USDT")
