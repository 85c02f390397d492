"""The soak tells memory that grows from memory that once took a step."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.soak import Look, Slope

MIB = 1 << 20
LOOK_S = 5
# Twenty minutes: what a soak of half an hour looks at after its first third.
LOOKS = 241


def slope(level: Callable[[int], float]) -> Slope:
    """Return the slope of looks at which *level* MiB were resident, by the number of the look."""
    return Slope.of([Look(600 + LOOK_S * number, int(level(number) * MIB), 14, 0) for number in range(LOOKS)])


def test_steady_growth_is_shown() -> None:
    """By eight MiB an hour, over looks that scatter by a quarter MiB: what a list that never ends does."""
    found = slope(lambda number: 160 + 8 * number * LOOK_S / 3_600 + (number * 7 % 13) / 52)

    assert found.per_hour == pytest.approx(8, abs=1)
    assert found.error_per_hour < found.per_hour / 2


@pytest.mark.parametrize("at", [40, 100, 200])
def test_one_step_is_no_growth_that_is_certain(at: int) -> None:
    """Two MiB once, wherever it comes: the slope is told with an error as large."""
    found = slope(lambda number: 160 + 2 * (number >= at))

    assert found.per_hour == pytest.approx(6)
    assert found.error_per_hour == pytest.approx(6)


def test_memory_that_stands_has_no_slope_and_no_error() -> None:
    """The levels are all the same."""
    found = slope(lambda _number: 160.5)

    assert (0, 0) == (found.per_hour, found.error_per_hour)
    assert {160.5} == set(found.levels)
