"""The product agrees with the benchmark's oracle, which shares no code with it, to the last digit."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from benchmarks.data import write_trades
from benchmarks.oracle import expected
from benchmarks.standard_run import measured


def test_orders_and_equity_are_those_of_the_oracle(tmp_path: Path) -> None:
    """Signals, fills, fees and valuation together: every order and every hundred-millionth."""
    path = tmp_path / "w1.csv"
    write_trades(path, 30_000)
    found = measured(str(path))
    orders, equity = expected(path)

    assert orders > 1_000
    assert orders == found["orders"] == found["fills"]
    assert equity == Fraction(Decimal(found["final_equity"]))
