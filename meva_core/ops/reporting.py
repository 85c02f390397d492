"""Add up what a run did, record by record and in bounded memory, into one frozen summary; print nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, Final

from attrs import Factory, frozen

from meva_core.commands import PlaceOrder
from meva_core.model.fill import Fill
from meva_core.model.market import NS_PER_SECOND
from meva_core.model.money import EXACT, ZERO, exact
from meva_core.model.order import OrderRequest, OrderStatus
from meva_core.ops.equity_curve import SAMPLES_MAX, EquityCurve
from meva_core.ops.log_records import (
    MADE_OF,
    AlertRaised,
    DataRejected,
    EquityMarked,
    FillBooked,
    GateChanged,
    Kind,
    OrderSubmitted,
    OrderUpdated,
    Record,
    RiskDecided,
    SignalDecided,
    fact_of,
    order_placed,
)
from meva_core.ops.statistics import Statistic, daily_returns, share, sharpe, sortino, volatility
from meva_core.signals.strategy import Signal

# A cause that comes from outside (a strategy's reason) must not grow memory without end.
REASONS_MAX: Final = 1_000
OTHER_REASONS: Final = "other"


@frozen
class RunSummary:
    """Say what a run did. Money is in *reporting_currency*, shares are fractions of one.

    *signals* counts every answer of a strategy, *signals_rejected* those that were invalid, by reason.
    *intents* counts what the risk gate judged; *risk_rejected* counts by code, and an intent that several
    rules refused counts under each. *realized* is before *fees*. *turnover* sums the notional of all fills.
    A *closing fill* reduces a position; it wins when its realized result minus its own fee is above zero.
    *max_drawdown* is exact; *max_drawdown_share* is the largest sampled fall from a peak over that peak.
    *equity_curve* is (time_ns, equity), thinned.
    """

    reporting_currency: str
    first_ns: int
    last_ns: int
    signals: int
    signals_rejected: Mapping[str, int]
    intents: int
    risk_rejected: Mapping[str, int]
    orders: int
    orders_by_status: Mapping[str, int]
    fills: int
    alerts: int
    data_rejected: int
    gate_changes: int
    fees: Decimal
    turnover: Decimal
    realized: Decimal
    start_equity: Decimal
    final_equity: Decimal
    max_drawdown: Decimal
    max_drawdown_share: float
    closing_fills: int
    winning_fills: int
    win_rate: Statistic
    profit_factor: Statistic
    total_return: Statistic
    volatility: Statistic
    sharpe: Statistic
    sortino: Statistic
    mean_exposure: Statistic
    mean_slippage_bps: Statistic
    equity_curve: tuple[tuple[int, Decimal], ...]


@frozen(kw_only=True)
class ReplayResult:
    """Hold everything that a replay has to show: what it did, how fast, and how to do it again.

    *realized_pnl* (before fees), *unrealized_pnl* and *fees* are the final state's, in reporting currency.
    *run_seconds* is the time to replay, *load_seconds* the time before the first event was handled.
    """

    summary: RunSummary
    events: int
    realized_pnl: Decimal
    unrealized_pnl: Decimal
    fees: Decimal
    decision_hash: str
    state_hash: str
    config_hash: str
    tape_hash: str
    seed: int
    run_seconds: float
    load_seconds: float
    mode: str = "replay"
    source: str = ""
    symbols: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ()
    warnings: tuple[str, ...] = Factory(tuple)

    @property
    def events_per_second(self) -> float:
        """Return the speed of the run, without loading."""
        return self.events / self.run_seconds if self.run_seconds > 0 else 0.0


class RunStatistics:
    """Take the records of a run in order, or the facts behind them by *takers*, then give its summary.

    A taker is called inside `exact()`, with the fields of its kind of fact. It costs no more for the millionth fact
    than for the first.
    The market's first and last time come with `summary`, because a quiet market leaves no record.
    """

    def __init__(self, reporting_currency: str, *, samples_max: int = SAMPLES_MAX) -> None:
        self._reporting_currency = reporting_currency
        self._curve = EquityCurve(samples_max)
        self._counts = dict.fromkeys(MADE_OF, 0)
        self._signals_rejected: Counter[str] = Counter()
        self._risk_rejected: Counter[str] = Counter()
        # A Counter is counted up five times as slowly, and every order is counted twice.
        self._orders_by_status: defaultdict[str, int] = defaultdict(int)
        self._fees = self._turnover = self._realized = ZERO
        self._gains = self._losses = ZERO
        self._signals = self._intents = self._placed = self._fills = self._closing_fills = (
            self._winning_fills
        ) = 0
        self._slippage_bps = 0.0
        self.takers: Final[Mapping[Kind, Callable[[Any], None]]] = {
            **{kind: partial(self._take, kind) for kind in MADE_OF},
            SignalDecided: self._take_signal,
            RiskDecided: self._take_risk,
            OrderUpdated: self._take_update,
            FillBooked: self._take_fill,
            EquityMarked: self._take_equity,
            order_placed: self._take_order,
        }

    def add(self, record: Record) -> None:
        """Count one record."""
        self.add_all((record,))

    def add_all(self, records: Iterable[Record]) -> None:
        """Count *records*."""
        with exact():
            for record in records:
                kind, fields = fact_of(record)
                self.takers[kind](fields)

    def summary(
        self,
        *,
        first_ns: int,
        last_ns: int,
        start_equity: Decimal,
        final_equity: Decimal,
        max_drawdown: Decimal,
    ) -> RunSummary:
        """Return what happened so far; equity and *max_drawdown* are the exact ones of the state.

        A deposit or withdrawal during the run counts as return.
        """
        counts = self._counts
        placed, fills = self._placed, self._fills
        returns = daily_returns([float(start_equity), *self._curve.daily_closes()])
        gain = EXACT.subtract(final_equity, start_equity)
        return RunSummary(
            reporting_currency=self._reporting_currency,
            first_ns=first_ns,
            last_ns=last_ns,
            signals=self._signals + placed,
            signals_rejected=_sorted(self._signals_rejected),
            intents=self._intents + placed,
            risk_rejected=_sorted(self._risk_rejected),
            orders=counts[OrderSubmitted] + placed,
            orders_by_status=_sorted(self._orders_by_status),
            fills=fills,
            alerts=counts[AlertRaised],
            data_rejected=counts[DataRejected],
            gate_changes=counts[GateChanged],
            fees=self._fees,
            turnover=self._turnover,
            realized=self._realized,
            start_equity=start_equity,
            final_equity=final_equity,
            max_drawdown=max_drawdown,
            max_drawdown_share=self._curve.drawdown_share(max_drawdown, start_equity),
            closing_fills=self._closing_fills,
            winning_fills=self._winning_fills,
            win_rate=share(self._winning_fills, self._closing_fills, missing="no position was closed"),
            profit_factor=share(float(self._gains), float(self._losses), missing="no losing fill"),
            total_return=share(float(gain), float(start_equity), missing="no equity at the start"),
            volatility=volatility(returns),
            sharpe=sharpe(returns),
            sortino=sortino(returns),
            mean_exposure=self._curve.mean_exposure(),
            mean_slippage_bps=share(self._slippage_bps, fills, missing="no fill"),
            equity_curve=self._curve.samples(),
        )

    def _take(self, kind: Kind, _fields: tuple[object, ...]) -> None:
        self._counts[kind] += 1

    def _take_signal(self, fields: tuple[int, int, str, str, Signal, str]) -> None:
        *_, reject_reason = fields
        self._signals += 1
        if reject_reason:
            _count(self._signals_rejected, reject_reason)

    def _take_risk(self, fields: tuple[int, int, str, str, bool, tuple[str, ...], str]) -> None:
        *_, codes, _explanation = fields
        self._intents += 1
        for code in codes:
            _count(self._risk_rejected, code)

    def _take_order(self, _fields: tuple[Signal, PlaceOrder]) -> None:
        self._placed += 1

    def _take_update(self, fields: tuple[int, OrderRequest, str, OrderStatus, str, Decimal | None]) -> None:
        self._orders_by_status[fields[3]] += 1

    def _take_fill(self, fields: tuple[int, Fill, str, Decimal, Decimal, Decimal, Decimal, float]) -> None:
        _, _, _, realized, fee, notional, closed_quantity, slippage_bps = fields
        self._fills += 1
        self._slippage_bps += slippage_bps
        self._fees += fee
        self._turnover += notional
        self._realized += realized
        if closed_quantity:
            self._take_close(realized - fee)

    def _take_close(self, result: Decimal) -> None:
        self._closing_fills += 1
        if result > ZERO:
            self._winning_fills += 1
            self._gains += result
        else:
            self._losses -= result

    def _take_equity(self, fields: tuple[int, Decimal, Decimal, Decimal]) -> None:
        time_ns, equity, exposure, drawdown = fields
        self._curve.add(time_ns, equity, exposure=exposure, drawdown=drawdown)


def days_between(first_ns: int, last_ns: int) -> float:
    """Return the length of a period in days."""
    return (last_ns - first_ns) / (86_400 * NS_PER_SECOND)


def _count(counter: Counter[str], reason: str) -> None:
    known = reason in counter or len(counter) < REASONS_MAX
    counter[reason if known else OTHER_REASONS] += 1


def _sorted(counter: Mapping[str, int]) -> dict[str, int]:
    """Return the counts, most frequent first, then by name."""
    return dict(sorted(counter.items(), key=lambda item: (-item[1], item[0])))
