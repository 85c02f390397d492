"""Gather what a report is made of, fact by fact and in order; calculate no statistic and draw nothing.

Whoever reads a session tells it only what lies in the period that the report is about.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from attrs import Factory, define, fields

from meva_core.config.schema import RiskConfig
from meva_core.model.money import EXACT, ZERO
from meva_core.model.order import OrderRecord, OrderStatus
from meva_core.ops.log_records import DayClosed, EquityMarked, FillBooked

# What a strategy or a venue says may differ every time; beyond so many texts they are counted together.
TEXTS_MAX: Final = 1_000
OTHER: Final = "other"
# More lines than a person reads; the session keeps them all.
LINES_MAX: Final = 2_000
# What people are answerable for is kept whole: an alert repeats once an hour at most, a request is a person's.
ALL: Final = 1 << 62


@define(eq=False)
class OrderLine:
    """Follow one order: when it was decided, first answered, first filled and ended (0: not yet), in ns UTC."""

    record: OrderRecord
    decision: int
    notional: Decimal
    acknowledged_ns: int = 0
    first_fill_ns: int = 0
    ended_ns: int = 0
    in_period: bool = False


@define(eq=False)
class Tally:
    """Sum what one symbol, strategy or day did, in the reporting currency."""

    signals: int = 0
    invalid: int = 0
    refused: int = 0
    orders: int = 0
    fills: int = 0
    maker_fills: int = 0
    closing: int = 0
    winning: int = 0
    turnover: Decimal = ZERO
    fees: Decimal = ZERO
    realized: Decimal = ZERO
    slippage_cost: float = 0.0

    def join(self, other: Tally) -> None:
        """Add what *other* sums."""
        for field in fields(Tally):
            own, more = getattr(self, field.name), getattr(other, field.name)
            setattr(self, field.name, EXACT.add(own, more) if isinstance(own, Decimal) else own + more)

    def add(self, fill: FillBooked, result: Decimal | None) -> None:
        """Add a fill; *result* is what it closed for, after its fee, or `None`."""
        self.fills += 1
        self.turnover = EXACT.add(self.turnover, fill.notional_value)
        self.fees = EXACT.add(self.fees, fill.fee_value)
        self.realized = EXACT.add(self.realized, fill.realized)
        self.slippage_cost += fill.slippage_bps * float(fill.notional_value) / 10_000
        self.maker_fills += fill.fill.liquidity == "maker"
        if result is not None:
            self.closing += 1
            self.winning += result > 0


@define(eq=False)
class Day:
    """Hold one day of the configured zone: equity at its begin and last seen, and what happened in it."""

    start_ns: int
    open: Decimal
    close: Decimal
    costs: Decimal = ZERO
    transfers: Decimal = ZERO
    worst_loss: Decimal = ZERO

    def loss(self, equity: Decimal) -> Decimal:
        """Return how far *equity* lies below the day's opening, transfers taken out; nothing where it lies above."""
        return max(EXACT.subtract(EXACT.add(self.open, self.transfers), equity), ZERO)


@define(eq=False)
class CategoryCosts:
    """Sum the costs of one category in the reporting currency; *unvalued* counts those that nothing values."""

    count: int = 0
    value: Decimal = ZERO
    unvalued: int = 0

    def add(self, value: Decimal | None) -> None:
        """Add a cost."""
        self.count += 1
        if value is None:
            self.unvalued += 1
        else:
            self.value = EXACT.add(self.value, value)


@define(eq=False)
class SymbolWatch:
    """Sum what the market data of one symbol looked like."""

    events: Counter[str] = Factory(Counter)
    first_ns: int = 0
    last_ns: int = 0
    longest_silence_ns: int = 0
    silence_from_ns: int = 0
    times_ns: list[int] = Factory(list)
    prices: list[Decimal] = Factory(list)


@define(eq=False)
class Lines:
    """Keep rows for people, the first *rows_max* of them, and count the rest."""

    rows_max: int = LINES_MAX
    rows: list[tuple[str | int | float | Decimal | bool | None, ...]] = Factory(list)
    left_out: int = 0

    def add(self, *row: str | float | Decimal | bool | None) -> None:
        """Add a row."""
        if len(self.rows) < self.rows_max:
            self.rows.append(row)
        else:
            self.left_out += 1


class ReportCollector:
    """Take the facts of one period in the order of their times."""

    def __init__(self, next_day: Callable[[int], int]) -> None:
        self._next_day = next_day
        self._day_end_ns = 0
        self.first_ns = self.last_ns = 0
        self.events: Counter[str] = Counter()
        # By (number of the day, strategy, symbol); what is asked for is summed up once, at the end.
        self._tallies: dict[tuple[int, str, str], Tally] = {}
        self.days: list[Day] = []
        self.signals_rejected: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.refusal_examples: dict[str, str] = {}
        self.orders: list[OrderLine] = []
        self.fills: list[FillBooked] = []
        self.results = array("d")
        self.gains = self.losses = ZERO
        self.times_ns = array("q")
        self.equity: list[Decimal] = []
        self.drawdown: list[Decimal] = []
        self.exposure: list[Decimal] = []
        self.notional_max = ZERO
        self.open_orders_max = 0
        self.alerts, self.controls, self.gate_changes = Lines(ALL), Lines(ALL), Lines(ALL)
        self.comparisons, self.differences = Counter[str](), Lines()
        self.costs, self.transfers, self.transfer_steps = Lines(ALL), Lines(ALL), Lines(ALL)
        self.costs_by_category: dict[str, CategoryCosts] = {}
        self.closed_days: list[DayClosed] = []
        self.limit_use: list[tuple[int, float, float, float, float]] = []
        self.cost_total = self.transfer_total = ZERO
        self.connections: Counter[str] = Counter()
        self.markets: dict[str, SymbolWatch] = {}
        self.decisions = 0

    def begin(self, time_ns: int, equity: Decimal) -> None:
        """Learn when the period begins, and with what equity."""
        self._roll(time_ns, equity)

    def mark(self, mark: EquityMarked, limits: RiskConfig, budget: Decimal, open_orders: int) -> None:
        """Take one valuation of the account, the exposure *budget* of the moment, and how many orders are open."""
        if mark.time_ns >= self._day_end_ns:
            if self.days:  # The first valuation of a new day is the equity with which the last one ended.
                self.days[-1].close = mark.equity
            self._roll(mark.time_ns, mark.equity)
        day = self.days[-1]
        day.close = mark.equity
        loss = day.loss(mark.equity)
        day.worst_loss = max(day.worst_loss, loss)
        self.times_ns.append(mark.time_ns)
        self.equity.append(mark.equity)
        self.drawdown.append(mark.drawdown)
        self.exposure.append(mark.exposure)
        self.limit_use.append(
            (
                mark.time_ns,
                _share(mark.exposure, budget),
                _share(loss, limits.daily_loss_limit),
                _share(mark.drawdown, limits.max_drawdown_limit),
                open_orders / limits.max_open_orders if limits.max_open_orders else 0.0,
            )
        )

    def signal(self, strategy: str, symbol: str, reject_reason: str) -> None:
        """Count a strategy's answer; *reject_reason* is empty when it was valid."""
        tally = self._tally(strategy, symbol)
        tally.signals += 1
        if reject_reason:
            tally.invalid += 1
            count(self.signals_rejected, reject_reason)

    def refused(self, strategy: str, symbol: str, codes: tuple[str, ...], explanation: str) -> None:
        """Count an intent that the risk gate refused, under each rule that refused it."""
        self._tally(strategy, symbol).refused += 1
        for code in codes:
            count(self.refusals, code)
            self.refusal_examples.setdefault(code, explanation)

    def order(self, line: OrderLine, open_orders: int) -> None:
        """Take an order that was sent; what becomes of it is written in *line*."""
        line.in_period = True
        request = line.record.request
        self.orders.append(line)
        self._tally(request.strategy, request.symbol).orders += 1
        if line.notional > self.notional_max:
            self.notional_max = line.notional
        if open_orders > self.open_orders_max:
            self.open_orders_max = open_orders

    def fill(self, fill: FillBooked) -> None:
        """Take a fill that was booked."""
        if fill.time_ns >= self._day_end_ns:
            self._roll(fill.time_ns, self.days[-1].close if self.days else ZERO)
        self.fills.append(fill)
        result = None
        if fill.closed_quantity:
            result = EXACT.subtract(fill.realized, fill.fee_value)
            self.results.append(float(result))
            if result > 0:
                self.gains = EXACT.add(self.gains, result)
            else:
                self.losses = EXACT.subtract(self.losses, result)
        self._tally(fill.strategy, fill.fill.symbol).add(fill, result)

    def cost(
        self, time_ns: int, category: str, asset: str, amount: Decimal, value: Decimal | None, note: str
    ) -> None:
        """Take an operating cost; *value* is in the reporting currency, `None` where nothing values the asset."""
        self.costs.add(time_ns, category, amount, asset, value, note)
        self.costs_by_category.setdefault(category, CategoryCosts()).add(value)
        if value is not None:
            self.cost_total = EXACT.add(self.cost_total, value)
            if self.days:
                self.days[-1].costs = EXACT.add(self.days[-1].costs, value)

    def transfer(
        self, time_ns: int, transfer_id: str, asset: str, amount: Decimal, value: Decimal, note: str
    ) -> None:
        """Take money that entered or left the account."""
        self.transfers.add(time_ns, transfer_id, amount, asset, value, note)
        self.transfer_total = EXACT.add(self.transfer_total, value)
        if self.days:
            self.days[-1].transfers = EXACT.add(self.days[-1].transfers, value)

    def compared(self, time_ns: int, *, stale: bool, differences: str) -> None:
        """Take a comparison of books and venue."""
        self.comparisons["stale" if stale else "different" if differences else "equal"] += 1
        if differences:
            self.differences.add(time_ns, stale, differences)

    def market(self, symbol: str) -> SymbolWatch:
        """Return what is summed of the market data of *symbol*."""
        return self.markets.setdefault(symbol, SymbolWatch())

    def end(self, time_ns: int) -> None:
        """Learn that nothing comes after *time_ns*; a day that would begin with it has not been."""
        self.last_ns = time_ns
        if len(self.days) > 1 and self.days[-1].start_ns >= time_ns:
            self.days.pop()

    def total(self) -> Tally:
        """Return the sum of everything."""
        return self._summed(lambda _: "").get("", Tally())

    def by_strategy(self) -> dict[str, Tally]:
        """Return the sums by strategy."""
        return self._summed(lambda key: key[1])

    def by_symbol(self) -> dict[str, Tally]:
        """Return the sums by symbol."""
        return self._summed(lambda key: key[2])

    def by_day(self) -> dict[int, Tally]:
        """Return the sums by the place of the day in `days`; what came before the first belongs to it."""
        return {
            int(place): tally for place, tally in self._summed(lambda key: str(max(key[0] - 1, 0))).items()
        }

    def _summed(self, name_of: Callable[[tuple[int, str, str]], str]) -> dict[str, Tally]:
        sums: dict[str, Tally] = {}
        for key in sorted(self._tallies):
            sums.setdefault(name_of(key), Tally()).join(self._tallies[key])
        return sums

    def statuses(self) -> Counter[OrderStatus]:
        """Return how many orders of the period stand in each status."""
        return Counter(line.record.status for line in self.orders)

    def _roll(self, time_ns: int, equity: Decimal) -> None:
        """Begin the day that *time_ns* lies in; days in between, in which nothing happened, repeat the close."""
        while True:
            start_ns = self._day_end_ns or time_ns
            self._day_end_ns = self._next_day(start_ns)
            self.days.append(Day(start_ns, equity, equity))
            if time_ns < self._day_end_ns:
                return

    def _tally(self, strategy: str, symbol: str) -> Tally:
        key = (len(self.days), strategy, symbol)
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = Tally()
        return tally


def _share(used: Decimal, allowed: Decimal) -> float:
    return float(used) / float(allowed) if allowed else float(used > 0)


def count(counter: Counter[str], text: str) -> None:
    """Count *text*, or the rest that it belongs to when there are too many different ones."""
    counter[text if text in counter or len(counter) < TEXTS_MAX else OTHER] += 1
