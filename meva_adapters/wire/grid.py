"""Bring written numbers onto an instrument's integer grid, exactly or not at all."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Final

from attrs import frozen

from meva_core.data.whole_columns import has_zero
from meva_core.errors import MevaError, OffGridError
from meva_core.model.instrument import Instrument
from meva_core.model.money import decimals_of, plain, quantise_down, whole_steps
from meva_core.ports.market_feed import Column

INT64_MAX: Final = (1 << 63) - 1  # Sessions and columns store 64 bits.
_QUICK_DIGITS: Final = 18  # Every number of 18 digits fits 64 bits, so it needs no further check.
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,2})?", re.ASCII)
_NO_NUMBERS: Final = frozenset({"nan", "inf", "infinity", "null", "none"})


@frozen
class BadCellError(MevaError):
    """Report one value that cannot be used; the reader adds the file and the line."""

    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.problem} {self.remedy}"


class Grid:
    """Convert one kind of number (a price, a quantity) to whole steps of an instrument.

    With *round_down* what lies between two steps is cut to the lower one, and counted in *rounded*; it is for
    sizes that are only looked at (volumes, book levels), never for prices or trades.
    """

    def __init__(
        self,
        name: str,
        instrument: Instrument,
        *,
        setting: str,
        zero_ok: bool = False,
        round_down: bool = False,
    ) -> None:
        assert setting in {"tick_size", "lot_size"}, "an instrument has two grids"
        self._name = name
        self._symbol = instrument.symbol
        self._setting = setting
        self._step: Decimal = getattr(instrument, setting)
        self._decimals = decimals_of(self._step)
        step_units = int(Fraction(self._step) * 10**self._decimals)  # In units of its last decimal.
        # The step in units of a number's last decimal, by how many decimals that number has, or is filled up to.
        self._units: tuple[int, ...] = tuple(
            [step_units * 10 ** max(0, count - self._decimals) for count in range(_QUICK_DIGITS + 1)]
        )
        self._zero_ok = zero_ok
        self._round_down = round_down
        self.rounded = 0

    def steps(self, text: str) -> int:
        """Return the whole steps that *text* stands for; raise `BadCellError` when there are none."""
        whole, _, fraction = text.partition(".")
        decimals = len(fraction)
        digits = whole + fraction
        if decimals < self._decimals:
            digits += "0" * (self._decimals - decimals)
        if whole and len(digits) <= _QUICK_DIGITS and digits.isdecimal() and digits.isascii():
            steps, rest = divmod(int(digits), self._units[decimals])
            if not rest and (steps or self._zero_ok):
                return steps
        return self._any_steps(text.strip())

    def column(self, values: Column, decimals: int) -> Column | None:
        """Return the whole steps of *values*, integers that are not negative and have *decimals* decimals.

        Returns `None` where one of them has no whole steps, or only rounded ones: `steps` tells or counts.
        """
        ratio = Fraction(1, 10**decimals) / Fraction(self._step)
        up, down = ratio.numerator, ratio.denominator
        if up != 1 or not decimals:
            values = [value * up for value in values]
            if max(values) > INT64_MAX:
                return None
        if down != 1:
            if any(value % down for value in values):
                return None
            values = [value // down for value in values]
        return values if self._zero_ok or not has_zero(values) else None

    def _any_steps(self, text: str) -> int:
        """Convert what is rare or wrong: exponents, signs, values that lie off the grid."""
        if not _NUMBER.fullmatch(text):
            raise self._no_number(text)
        value = Decimal(text)
        if value < 0:
            raise BadCellError(f"{self._name} {text} is negative.", "Mend or remove the row.")
        if value > INT64_MAX * self._step:
            raise BadCellError(f"{self._name} {text} is too large to be true.", "Mend or remove the row.")
        try:
            rounded = quantise_down(value, self._step) if self._round_down else value
            steps = whole_steps(rounded, self._step, symbol=self._symbol, name=self._name)
        except OffGridError as exc:
            raise self._off_grid(value) from exc
        if not (value or self._zero_ok):
            raise BadCellError(f"{self._name} {text} is not positive.", "Mend or remove the row.")
        self.rounded += rounded != value
        return steps

    def _no_number(self, text: str) -> BadCellError:
        if not text:
            return BadCellError(f"the {self._name} is missing.", "Mend or remove the row.")
        if text.lstrip("+-").lower() in _NO_NUMBERS:
            return BadCellError(f"{self._name} {text} is not a finite number.", "Mend or remove the row.")
        return BadCellError(
            f"{self._name} {text[:60]!r} is not a number.", "Write it in plain digits, as in 30000.00."
        )

    def _off_grid(self, value: Decimal) -> BadCellError:
        step = f"{self._setting} {plain(self._step)} of {self._symbol}"
        problem = f"{self._name} {plain(value)} is not a multiple of {step}."
        finer = plain(Decimal(1).scaleb(-decimals_of(value)))
        remedy = f"Set {self._setting} of {self._symbol} to {finer} or finer, or mend the row."
        if self._name == "volume":
            remedy = f"{remedy} Volumes alone may also be rounded down (round_volume)."
        return BadCellError(problem, remedy)


def price_grid(name: str, instrument: Instrument) -> Grid:
    """Return the grid of prices, which are positive and exact."""
    return Grid(name, instrument, setting="tick_size")


def quantity_grid(
    name: str, instrument: Instrument, *, zero_ok: bool = False, round_down: bool = False
) -> Grid:
    """Return the grid of quantities; *zero_ok* for volumes of bars and for book levels that are removed."""
    return Grid(name, instrument, setting="lot_size", zero_ok=zero_ok, round_down=round_down)
