"""Calculate the figures of a report from what was collected: each with its unit, its formula, or why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Final

from attrs import frozen

from meva_core.model.market import NS_PER_DAY
from meva_core.model.money import EXACT, ZERO
from meva_core.model.order import OrderStatus
from meva_core.ops.report import Distribution, Figure, Step, Unit
from meva_core.ops.report_collector import ReportCollector
from meva_core.ops.statistics import (
    Statistic,
    annual_return,
    calmar,
    histogram,
    percentile,
    share,
    sharpe,
    sortino,
    volatility,
)

_BINS: Final = 31
_NO_CLOSE: Final = "no position was closed"
_NO_FILL: Final = "no fill"


@frozen(kw_only=True)
class Account:
    """Hold what the account stood at when the period began and ended, and its largest fall in it, exactly."""

    start_equity: Decimal
    end_equity: Decimal
    realized: Decimal
    unrealized: Decimal
    fees: Decimal
    transfers: Decimal
    max_drawdown: Decimal
    principal: Decimal

    @property
    def net(self) -> Decimal:
        """Return the result of trading after fees: what changed the equity but for transfers."""
        return EXACT.subtract(EXACT.add(self.realized, self.unrealized), self.fees)


def day_returns(collector: ReportCollector) -> list[float]:
    """Return the simple return of every day, transfers taken out: close less open less transfers, over open."""
    return [
        float(EXACT.subtract(EXACT.subtract(day.close, day.open), day.transfers)) / float(day.open)
        if day.open > 0
        else 0.0
        for day in collector.days
    ]


def headline(collector: ReportCollector, account: Account) -> tuple[Figure, ...]:
    """Return the few figures that come first."""
    returns = day_returns(collector)
    fall = drawdown_share(collector, account)
    gain = share(float(account.net), float(account.start_equity), missing="no equity at the start")
    return (
        _figure("return", "Net return", gain, Unit.SHARE, "result after fees / equity at start"),
        Figure("net", "Result after fees", account.net, Unit.MONEY, "realised + unrealised - fees"),
        Figure(
            "end_equity", "Equity at end", account.end_equity, Unit.MONEY, "value of all balances by marks"
        ),
        Figure("max_drawdown_share", "Max drawdown", -fall, Unit.SHARE, "largest fall / the peak before it"),
        _figure(
            "sharpe", "Sharpe", sharpe(returns), Unit.RATIO, "mean / deviation of daily returns * sqrt(365)"
        ),
        _figure("sortino", "Sortino", sortino(returns), Unit.RATIO, "mean / downside deviation * sqrt(365)"),
        _figure(
            "calmar", "Calmar", calmar(returns, fall), Unit.RATIO, "annual compound return / max drawdown"
        ),
        _hit_rate(collector),
    )


def groups(collector: ReportCollector, account: Account) -> tuple[tuple[str, tuple[Figure, ...]], ...]:
    """Return every other figure, by subject."""
    return (
        ("Return and risk", _risk(collector, account)),
        ("Trades", _trades(collector)),
        ("Execution", _execution(collector)),
        ("Activity", _activity(collector, account)),
        ("Treasury", _treasury(collector, account)),
    )


def drawdown_share(collector: ReportCollector, account: Account) -> float:
    """Return the largest fall over the peak before it; the exact fall is set against its own or the deepest peak."""
    shares = [
        float(fall) / float(EXACT.add(equity, fall))
        for equity, fall in zip(collector.equity, collector.drawdown, strict=True)
        if fall > 0 and EXACT.add(equity, fall) > 0
    ]
    deepest = max(range(len(collector.drawdown)), key=collector.drawdown.__getitem__, default=None)
    peak = account.start_equity
    if deepest is not None and collector.drawdown[deepest] > 0:
        peak = EXACT.add(collector.equity[deepest], collector.drawdown[deepest])
    exact = float(account.max_drawdown) / float(peak) if peak > 0 else 0.0
    return max([exact, *shares])


def waterfall(collector: ReportCollector, account: Account) -> tuple[Step, ...]:
    """Return the way from trading to surplus, and from there to what is left after reserve and transfers."""
    costs = collector.cost_total
    surplus = EXACT.subtract(account.net, costs)
    reserved = set_aside(collector)
    return (
        Step("Realised", account.realized),
        Step("Unrealised", account.unrealized),
        Step("Fees", -account.fees),
        Step("Trading", account.net, is_total=True),
        Step("Costs", -costs),
        Step("Surplus", surplus, is_total=True),
        Step("To reserve", -reserved),
        Step("Transfers", account.transfers),
        Step("Left", EXACT.add(EXACT.subtract(surplus, reserved), account.transfers), is_total=True),
    )


def set_aside(collector: ReportCollector) -> Decimal:
    """Return what the days that closed in the period put into the reserve."""
    total = ZERO
    for closed in collector.closed_days:
        total = EXACT.add(total, closed.day.accrual)
    return total


def distributions(collector: ReportCollector) -> tuple[Distribution, ...]:
    """Return how returns and results of trades are spread."""
    returns = day_returns(collector)
    daily = len(returns) >= _BINS
    if not daily:
        returns = _sample_returns(collector.equity)
    title = "Daily returns" if daily else "Returns between samples of the equity"
    empty = "Fewer than two values of the account."
    results = list(collector.results)
    return (
        Distribution("returns", title, Unit.SHARE, tuple(histogram(returns, _BINS)), empty),
        Distribution(
            "results",
            "Results of closing fills after fees",
            Unit.MONEY,
            tuple(histogram(results, _BINS)),
            _NO_CLOSE.capitalize() + ".",
        ),
    )


def latencies(collector: ReportCollector) -> list[tuple[str, list[int]]]:
    """Return the time from an order's decision to its first answer, first fill and end, sorted, in ns."""
    spans: dict[str, list[int]] = {"First answer": [], "First fill": [], "End": []}
    for line in collector.orders:
        decided = line.record.created_ns
        for name, time_ns in zip(
            spans, (line.acknowledged_ns, line.first_fill_ns, line.ended_ns), strict=True
        ):
            if time_ns:
                spans[name].append(time_ns - decided)
    return [(name, sorted(values)) for name, values in spans.items()]


def _risk(collector: ReportCollector, account: Account) -> tuple[Figure, ...]:
    returns = day_returns(collector)
    days = len(returns)
    annual = Statistic(annual_return(returns)) if days >= 30 else Statistic(None, "fewer than 30 days")  # noqa: PLR2004
    best, worst = (max(returns), min(returns)) if returns else (None, None)
    none = "" if returns else "no day"
    exposures = [
        float(exposure) / float(equity) if equity > 0 else 0.0
        for exposure, equity in zip(collector.exposure, collector.equity, strict=True)
    ]
    return (
        Figure("start_equity", "Equity at start", account.start_equity, Unit.MONEY),
        Figure("max_drawdown", "Largest fall", -account.max_drawdown, Unit.MONEY, "exact at every event"),
        Figure(
            "drawdown_span", "Longest time below a peak", _longest_fall(collector), Unit.SPAN_NS, "between samples"
        ),
        _figure("annual_return", "Return of a year", annual, Unit.SHARE, "compound, at the pace of these days"),
        _figure("volatility", "Volatility", volatility(returns), Unit.SHARE, "deviation of daily returns * sqrt(365)"),
        Figure("best_day", "Best day", best, Unit.SHARE, "transfers taken out", none),
        Figure("worst_day", "Worst day", worst, Unit.SHARE, "transfers taken out", none),
        Figure("mean_exposure", "Mean exposure", _weighted(collector.times_ns, exposures), Unit.SHARE,
               "exposure / equity, over time"),
        Figure("max_exposure", "Largest exposure", max(exposures, default=0.0), Unit.SHARE, "of the samples"),
    )  # fmt: skip


def _trades(collector: ReportCollector) -> tuple[Figure, ...]:
    total, results = collector.total(), sorted(collector.results)
    closed = len(results)
    none = "" if closed else _NO_CLOSE
    gains, losses = float(collector.gains), float(collector.losses)
    wins, lost = total.winning, closed - total.winning
    return (
        Figure("closing", "Closing fills", closed, Unit.COUNT, "fills that reduce a position"),
        _figure("profit_factor", "Profit factor", share(gains, losses, missing="no losing fill" if closed else none),
                Unit.RATIO, "sum of gains / sum of losses, after fees"),
        Figure("expectancy", "Mean result", sum(results) / closed if closed else None, Unit.MONEY,
               "of a closing fill, after its fee", none),
        Figure("mean_gain", "Mean gain", gains / wins if wins else None, Unit.MONEY, "", "" if wins else "no gain"),
        Figure("mean_loss", "Mean loss", -losses / lost if lost else None, Unit.MONEY, "", "" if lost else "no loss"),
        Figure("best_result", "Best result", results[-1] if closed else None, Unit.MONEY, "", none),
        Figure("median_result", "Median result", percentile(results, 0.5) if closed else None, Unit.MONEY, "", none),
        Figure("worst_result", "Worst result", results[0] if closed else None, Unit.MONEY, "", none),
    )  # fmt: skip


def _execution(collector: ReportCollector) -> tuple[Figure, ...]:
    slips = sorted(fill.slippage_bps for fill in collector.fills)
    none = "" if slips else _NO_FILL
    total, statuses = collector.total(), collector.statuses()
    sent = len(collector.orders)
    asked = sum(float(line.record.request.quantity * line.record.decision_price) for line in collector.orders)
    filled = sum(float(line.record.filled_quantity * line.record.decision_price) for line in collector.orders)
    mean = sum(slips) / len(slips) if slips else None
    return (
        _figure("fill_ratio", "Fill ratio", share(filled, asked, missing="no order"), Unit.SHARE,
                "filled / ordered, by value at the decision price"),
        _figure("filled_orders", "Orders filled", share(statuses[OrderStatus.FILLED], sent, missing="no order"),
                Unit.SHARE, "orders filled completely / orders sent"),
        Figure("slippage_mean", "Mean slippage", mean, Unit.BPS, "price of the fill against the decision price",
               none),
        Figure("slippage_median", "Median slippage", percentile(slips, 0.5) if slips else None, Unit.BPS, "", none),
        Figure("slippage_p95", "Slippage, 95th percentile", percentile(slips, 0.95) if slips else None, Unit.BPS, "",
               none),
        Figure("slippage_cost", "Cost of slippage", total.slippage_cost, Unit.MONEY, "slippage * notional"),
        _figure("maker_share", "Maker fills", share(total.maker_fills, total.fills, missing=_NO_FILL), Unit.SHARE,
                "fills that rested / fills"),
    )  # fmt: skip


def _activity(collector: ReportCollector, account: Account) -> tuple[Figure, ...]:
    total = collector.total()
    days = max(1, collector.last_ns - collector.first_ns) / NS_PER_DAY
    turned = share(float(total.turnover), float(account.start_equity), missing="no equity at the start")
    return (
        Figure("signals", "Signals", total.signals, Unit.COUNT, "answers of strategies"),
        Figure("orders", "Orders", total.orders, Unit.COUNT, "sent to the venue"),
        Figure("fills", "Fills", total.fills, Unit.COUNT),
        Figure("turnover", "Turnover", total.turnover, Unit.MONEY, "notional of all fills"),
        _figure("turnover_ratio", "Turnover / equity", turned, Unit.RATIO, "turnover / equity at start"),
        Figure("fees", "Fees", total.fees, Unit.MONEY, "at the marks of their fills"),
        Figure("events", "Events", sum(collector.events.values()), Unit.COUNT, "of markets, venue and operators"),
        Figure("orders_per_day", "Orders per day", total.orders / days, Unit.RATIO),
    )  # fmt: skip


def _treasury(collector: ReportCollector, account: Account) -> tuple[Figure, ...]:
    last = collector.closed_days[-1] if collector.closed_days else None
    none = "" if last else "no day was closed"
    surplus = EXACT.subtract(account.net, collector.cost_total)
    return (
        Figure("costs", "Operating costs", collector.cost_total, Unit.MONEY, "at the marks of their booking"),
        Figure("surplus", "Surplus", surplus, Unit.MONEY, "result after fees - operating costs"),
        Figure("rolling_surplus_30d", "Surplus of 30 days", last.rolling_surplus_30d if last else None, Unit.MONEY,
               "of the days closed until the end of the period", none),
        Figure("set_aside", "To the reserve", set_aside(collector), Unit.MONEY, "of the days closed in the period"),
        Figure("reserve", "Reserve", last.reserve if last else None, Unit.MONEY, "at the last day's close", none),
        Figure("transfers", "Transfers", account.transfers, Unit.MONEY, "positive: into the account"),
        Figure("principal", "Principal", account.principal, Unit.MONEY, "what is protected"),
        Figure("above_principal", "Above the principal", EXACT.subtract(account.end_equity, account.principal),
               Unit.MONEY, "equity at the end - principal"),
    )  # fmt: skip


def _hit_rate(collector: ReportCollector) -> Figure:
    total = collector.total()
    rate = share(total.winning, total.closing, missing=_NO_CLOSE)
    return _figure(
        "hit_rate", "Hit rate", rate, Unit.SHARE, "closing fills with a gain after fees / closing fills"
    )


def _figure(key: str, label: str, statistic: Statistic, unit: Unit, formula: str) -> Figure:
    return Figure(key, label, statistic.value, unit, formula, statistic.missing)


def _sample_returns(equity: Sequence[Decimal]) -> list[float]:
    values = [float(each) for each in equity]
    return [(after - before) / before for before, after in pairwise(values) if before > 0]


def _longest_fall(collector: ReportCollector) -> int:
    """Return the longest time between two samples at the peak, or since the last one."""
    longest = since = 0
    for time_ns, fall in zip(collector.times_ns, collector.drawdown, strict=True):
        if fall == ZERO:
            since = time_ns
        elif since:
            longest = max(longest, time_ns - since)
    return longest


def _weighted(times_ns: Sequence[int], values: Sequence[float]) -> float:
    """Return the mean of *values*, each weighted by the time until the next."""
    watched = times_ns[-1] - times_ns[0] if times_ns else 0
    if not watched:
        return 0.0
    spans = (after - before for before, after in pairwise(times_ns))
    return sum(value * span for value, span in zip(values, spans, strict=False)) / watched
