"""Keep operating costs by day in the reporting currency, open and closed; read no file and no clock.

Days are ISO dates (`2026-03-31`), whose text sorts as time does. A closed day takes no cost any more: a correction
is a new cost, negative where too much was booked, on a day that is open.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from attrs import Factory, define

from meva_core.errors import DataError
from meva_core.model.money import EXACT, ZERO
from meva_core.model.value import value


@value
class Cost:
    """Hold one cost. *mark* is what one unit of *currency* was worth in the reporting currency when it was booked."""

    cost_id: str
    day: str
    category: str
    currency: str
    amount: Decimal
    mark: Decimal
    note: str

    @property
    def worth(self) -> Decimal:
        """Return the cost in the reporting currency, exact."""
        return EXACT.multiply(self.amount, self.mark)


@value
class Schedule:
    """Hold a cost that returns *every* day, week or month from its own day on, until *until* where that is set."""

    cost: Cost
    every: str
    until: str


@value
class ClosedPeriod:
    """Hold what a rotation takes out of the book: costs up to *through*, and the balance before and after."""

    through: str
    opening: Decimal
    costs: tuple[Cost, ...]
    closing: Decimal
    previous_checksum: str


@define
class CostBook:
    """Hold what is open. *carried* is the sum of all closed periods, *checksum* that of the last archive."""

    reporting_currency: str
    closed_through: str = ""
    carried: Decimal = ZERO
    checksum: str = ""
    costs: list[Cost] = Factory(list)
    schedules: list[Schedule] = Factory(list)

    def add(self, costs: Iterable[Cost], *, source: str = "cost", first_line: int = 0) -> None:
        """Book all of *costs*, or raise `DataError` naming the first that cannot be, and book none.

        *first_line* is where the first stands in *source*; 0 where that has no lines.
        """
        known = {cost.cost_id for cost in self.costs} | {each.cost.cost_id for each in self.schedules}
        checked = []
        for number, cost in enumerate(costs):
            self._check(cost, known, source, first_line and first_line + number)
            known.add(cost.cost_id)
            checked.append(cost)
        self.costs += checked

    def add_schedule(self, schedule: Schedule) -> None:
        """Keep a recurring cost; raise `DataError` as `add` does."""
        known = {cost.cost_id for cost in self.costs} | {each.cost.cost_id for each in self.schedules}
        self._check(schedule.cost, known, "schedule", 0)
        self.schedules.append(schedule)

    def correct(
        self, wrong: Cost, corrections: Iterable[Cost], *, amount: Decimal, day: str, reason: str
    ) -> Cost:
        """Book what *wrong*, with the *corrections* before, differs from the right *amount*, and return that.

        It is in the currency and at the mark of *wrong*, which stays as it is, whether its day is open or closed.
        Raise `DataError` as `add` does, and where nothing differs.
        """
        booked, count = wrong.amount, 1
        for cost in corrections:
            booked, count = EXACT.add(booked, cost.amount), count + 1
        if amount == booked:
            raise DataError("correct", 0, f"{wrong.cost_id} is {booked:f} already.", "Nothing was changed.")
        correction = Cost(
            f"{correction_name(wrong.cost_id)}@{day}.{count}",
            day,
            wrong.category,
            wrong.currency,
            EXACT.subtract(amount, booked),
            wrong.mark,
            f"corrects {wrong.cost_id} of {wrong.day}: {reason}",
        )
        self.add([correction], source="correct")
        return correction

    def by_category(self, costs: Iterable[Cost]) -> dict[str, Decimal]:
        """Return the sums of *costs* in the reporting currency, by category, sorted."""
        sums: dict[str, Decimal] = {}
        for cost in costs:
            sums[cost.category] = EXACT.add(sums.get(cost.category, ZERO), cost.worth)
        return dict(sorted(sums.items()))

    def close(self, through: str, due: Iterable[Cost]) -> ClosedPeriod:
        """Return the period of *due* that ends with the day *through*; change nothing yet."""
        if through <= self.closed_through:
            raise DataError(
                "rotate", 0, f"{through} is closed already.", f"Choose a day after {self.closed_through}."
            )
        closed = tuple(sorted(due, key=lambda cost: (cost.day, cost.cost_id)))
        closing = self.carried
        for cost in closed:
            closing = EXACT.add(closing, cost.worth)
        return ClosedPeriod(through, self.carried, closed, closing, self.checksum)

    def carry(self, period: ClosedPeriod, checksum: str) -> None:
        """Take *period* out of the book, and carry its balance."""
        self.costs = [cost for cost in self.costs if cost.day > period.through]
        self.closed_through, self.carried, self.checksum = period.through, period.closing, checksum

    def _check(self, cost: Cost, known: set[str], source: str, line: int) -> None:
        if cost.cost_id in known:
            raise DataError(source, line, f"cost {cost.cost_id!r} is booked already.", "Nothing was changed.")
        if cost.day <= self.closed_through:
            raise DataError(
                source,
                line,
                f"{cost.day} is in a period that was closed through {self.closed_through}.",
                "Book a correction on an open day. Nothing was changed.",
            )
        if not (cost.amount.is_finite() and cost.mark.is_finite() and cost.mark > 0):
            raise DataError(source, line, "the amount or the mark is no number.", "Nothing was changed.")
        if cost.currency == self.reporting_currency and cost.mark != 1:
            raise DataError(
                source, line, f"one {cost.currency} is one {cost.currency}.", "Leave the mark out."
            )


def correction_name(cost_id: str) -> str:
    """Return what the id of every correction of a cost begins with, up to its last `@`."""
    return f"correction:{cost_id}"
