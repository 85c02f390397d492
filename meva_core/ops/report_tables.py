"""Lay out what was collected as the tables of a report; calculate no statistic of money."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

from attrs import frozen

from meva_core.config.schema import RiskConfig
from meva_core.model.money import EXACT, ZERO
from meva_core.model.order import OrderStatus
from meva_core.ops.log_records import FillBooked
from meva_core.ops.report import Cell, Column, Month, Table, Unit
from meva_core.ops.report_collector import Day, Lines, OrderLine, ReportCollector, Tally
from meva_core.ops.report_figures import day_returns, latencies
from meva_core.ops.statistics import compounded, percentile

_SHOWN: Final = 10
_M, _N, _T = Unit.MONEY, Unit.COUNT, Unit.TIME_NS

_TALLY: Final = (
    Column("signals", "Signals", _N),
    Column("refused", "Refused", _N),
    Column("orders", "Orders", _N),
    Column("fills", "Fills", _N),
    Column("turnover", "Turnover", _M),
    Column("realized", "Realised", _M),
    Column("fees", "Fees", _M),
    Column("net", "After fees", _M),
    Column("hit_rate", "Hit rate", Unit.SHARE),
)
FILL_COLUMNS: Final = (
    Column("time_ns", "Time (UTC)", _T),
    Column("client_order_id", "Order"),
    Column("strategy", "Strategy"),
    Column("symbol", "Symbol"),
    Column("side", "Side"),
    Column("price", "Price", Unit.AMOUNT),
    Column("quantity", "Quantity", Unit.AMOUNT),
    Column("notional", "Notional", _M),
    Column("fee", "Fee", Unit.AMOUNT),
    Column("fee_asset", "Fee asset"),
    Column("fee_value", "Fee value", _M),
    Column("realized", "Realised", _M),
    Column("closed_quantity", "Closed", Unit.AMOUNT),
    Column("slippage_bps", "Slippage", Unit.BPS),
    Column("liquidity", "Liquidity"),
    Column("trade_id", "Trade"),
)
ORDER_COLUMNS: Final = (
    Column("time_ns", "Decided (UTC)", _T),
    Column("client_order_id", "Order"),
    Column("decision", "Decision", _N),
    Column("strategy", "Strategy"),
    Column("symbol", "Symbol"),
    Column("side", "Side"),
    Column("type", "Type"),
    Column("quantity", "Quantity", Unit.AMOUNT),
    Column("limit_price", "Limit", Unit.AMOUNT),
    Column("decision_price", "Decision price", Unit.AMOUNT),
    Column("notional", "Notional (quote)", Unit.AMOUNT),
    Column("status", "Status"),
    Column("filled_quantity", "Filled", Unit.AMOUNT),
    Column("answer_ns", "First answer after", Unit.SPAN_NS),
    Column("fill_ns", "First fill after", Unit.SPAN_NS),
    Column("end_ns", "Ended after", Unit.SPAN_NS),
    Column("evidence", "Evidence"),
)


@frozen(kw_only=True)
class Limits:
    """Hold what the risk limits were held against: the policy, and the largest fall and loss of a day."""

    risk: RiskConfig
    max_drawdown: Decimal
    worst_day: Decimal


def tables(
    collector: ReportCollector, limits: Limits, *, day_name: Callable[[int], str], problems: dict[str, int]
) -> tuple[Table, ...]:
    """Return every table but orders and fills; *problems* counts market data that was not used, by cause."""
    return (
        _days(collector, day_name),
        _tallies("by_strategy", "By strategy", "Strategy", collector.by_strategy()),
        _tallies("by_symbol", "By symbol", "Symbol", collector.by_symbol()),
        _best(collector, best=True),
        _best(collector, best=False),
        _latency(collector),
        _statuses(collector),
        _refusals(collector),
        _invalid(collector),
        _limits(collector, limits),
        _lines("gate", "Trading gate", collector.gate_changes, "The gate did not move.", (
            Column("time_ns", "Time (UTC)", _T), Column("gate", "Gate"), Column("epoch", "Epoch", _N),
            Column("code", "Cause"), Column("reason", "Reason"),
        )),
        _lines("alerts", "Alerts", collector.alerts, "No alert was raised.", (
            Column("time_ns", "Time (UTC)", _T), Column("level", "Level"), Column("code", "Code"),
            Column("subject", "Subject"), Column("message", "Message"),
        )),
        _lines("controls", "Control actions", collector.controls, "Nobody asked for anything.", (
            Column("time_ns", "Time (UTC)", _T), Column("request", "Request"), Column("actor", "Actor"),
            Column("detail", "Detail"), Column("answer", "Answer"),
        )),
        _treasury(collector, day_name),
        _categories(collector),
        _lines("transfer_steps", "Transfers of surplus", collector.transfer_steps, "No transfer was proposed.", (
            Column("time_ns", "Time (UTC)", _T), Column("step", "Step"),
        )),
        _limit_use(collector),
        _rejects(collector),
        _lines("costs", "Operating costs", collector.costs, "No cost was recorded.", (
            Column("time_ns", "Time (UTC)", _T), Column("category", "Category"),
            Column("amount", "Amount", Unit.AMOUNT), Column("asset", "Asset"), Column("value", "Value", _M),
            Column("note", "Note"),
        )),
        _lines("transfers", "Transfers", collector.transfers, "No money entered or left.", (
            Column("time_ns", "Time (UTC)", _T), Column("transfer_id", "Transfer"),
            Column("amount", "Amount", Unit.AMOUNT), Column("asset", "Asset"), Column("value", "Value", _M),
            Column("note", "Note"),
        )),
        _comparisons(collector),
        _lines("differences", "Differences between books and venue", collector.differences,
               "No comparison found a difference.", (
            Column("time_ns", "Time (UTC)", _T), Column("stale", "Answer was stale", Unit.YES_NO),
            Column("differences", "Differences"),
        )),
        _data(collector),
        _counted("problems", "Market data that was not used", "Cause", problems, "All market data was used."),
        _counted("connections", "Streams", "What happened", collector.connections, "No stream was up or down."),
        _counted("events", "Events", "Kind", collector.events, "No event."),
    )  # fmt: skip


def orders_table(lines: Sequence[OrderLine]) -> Table:
    """Return every order, in the order in which they were decided."""
    return Table(
        "orders", "Orders", ORDER_COLUMNS, tuple(_order_row(line) for line in lines), "No order was sent."
    )


def fills_table(fills: Sequence[FillBooked]) -> Table:
    """Return every fill, in the order in which they were booked."""
    return Table(
        "fills", "Fills", FILL_COLUMNS, tuple(_fill_row(fill) for fill in fills), "Nothing was filled."
    )


def months(collector: ReportCollector, month_of: Callable[[int], tuple[int, int]]) -> tuple[Month, ...]:
    """Return the compound return of every month that days of the period lie in, whole years filled with `None`."""
    by_month: dict[tuple[int, int], list[float]] = {}
    for day, value in zip(collector.days, day_returns(collector), strict=True):
        by_month.setdefault(month_of(day.start_ns), []).append(value)
    years = sorted({year for year, _ in by_month})
    return tuple(
        Month(year, month, compounded(by_month[year, month]) if (year, month) in by_month else None)
        for year in years
        for month in range(1, 13)
    )


def _days(collector: ReportCollector, day_name: Callable[[int], str]) -> Table:
    tallies, returns = collector.by_day(), day_returns(collector)
    columns = (
        Column("day", "Day"),
        Column("open", "Open", _M),
        Column("close", "Close", _M),
        Column("return", "Return", Unit.SHARE),
        Column("realized", "Realised", _M),
        Column("fees", "Fees", _M),
        Column("costs", "Costs", _M),
        Column("transfers", "Transfers", _M),
        Column("fills", "Fills", _N),
        Column("turnover", "Turnover", _M),
        Column("surplus", "Surplus", _M),
    )
    rows = []
    for place, day in enumerate(collector.days):
        tally = tallies.get(place, Tally())
        rows.append((
            day_name(day.start_ns), day.open, day.close, returns[place], tally.realized, tally.fees, day.costs,
            day.transfers, tally.fills, tally.turnover, _surplus(day),
        ))  # fmt: skip
    note = "Surplus: change of equity, transfers taken out, less operating costs."
    return Table("days", "Days", columns, tuple(rows), "No day.", note)


def _surplus(day: Day) -> Decimal:
    change = EXACT.subtract(EXACT.subtract(day.close, day.open), day.transfers)
    return EXACT.subtract(change, day.costs)


def _treasury(collector: ReportCollector, day_name: Callable[[int], str]) -> Table:
    columns = (
        Column("day", "Day"),
        Column("opening", "Opening", _M),
        Column("price", "Price", _M),
        Column("fees", "Fees", _M),
        Column("costs", "Costs", _M),
        Column("transfers", "Transfers", _M),
        Column("closing", "Closing", _M),
        Column("surplus", "Surplus", _M),
        Column("accrual", "To reserve", _M),
        Column("reserve", "Reserve", _M),
        Column("rolling", "Surplus of 30 days", _M),
    )
    rows = tuple(
        (
            day_name(each.day.closed_ns - 1), each.why.opening, each.why.price, each.why.fees, each.why.costs,
            each.why.transfers, each.why.closing, each.day.surplus, each.day.accrual, each.reserve,
            each.rolling_surplus_30d,
        )
        for each in collector.closed_days
    )  # fmt: skip
    note = "Opening + price + fees + costs + transfers = closing, exactly; the account itself does not pay the costs."
    return Table("treasury", "Treasury by closed day", columns, rows, "No day was closed.", note)


def _categories(collector: ReportCollector) -> Table:
    columns = (
        Column("category", "Category"),
        Column("count", "Entries", _N),
        Column("value", "Value", _M),
        Column("share", "Share", Unit.SHARE),
        Column("unvalued", "Without a mark", _N),
    )
    total = float(collector.cost_total)
    rows = tuple(
        (name, costs.count, costs.value, float(costs.value) / total if total else None, costs.unvalued)
        for name, costs in sorted(collector.costs_by_category.items())
    )
    return Table("cost_categories", "Costs by category", columns, rows, "No cost was recorded.")


def _limit_use(collector: ReportCollector) -> Table:
    columns = (
        Column("time_ns", "Time (UTC)", _T),
        Column("exposure", "Exposure", Unit.SHARE),
        Column("daily_loss", "Daily loss", Unit.SHARE),
        Column("drawdown", "Drawdown", Unit.SHARE),
        Column("open_orders", "Open orders", Unit.SHARE),
    )
    note = "Shares of the limits at the samples of the equity; exposure against the budget in force then."
    return Table(
        "limit_use",
        "Use of the risk limits over time",
        columns,
        tuple(collector.limit_use),
        "No sample.",
        note,
    )


def _rejects(collector: ReportCollector) -> Table:
    reasons = Counter(
        line.record.evidence for line in collector.orders if line.record.status is OrderStatus.REJECTED
    )
    return _counted("rejects", "Rejected by the venue", "Reason", reasons, "The venue rejected no order.")


def _tallies(key: str, title: str, label: str, sums: dict[str, Tally]) -> Table:
    rows = tuple(
        (
            name, tally.signals, tally.refused, tally.orders, tally.fills, tally.turnover, tally.realized,
            tally.fees, EXACT.subtract(tally.realized, tally.fees),
            tally.winning / tally.closing if tally.closing else None,
        )
        for name, tally in sorted(sums.items())
    )  # fmt: skip
    return Table(key, title, (Column("name", label), *_TALLY), rows, "Nobody wanted anything.")


def _best(collector: ReportCollector, *, best: bool) -> Table:
    closing = [fill for fill in collector.fills if fill.closed_quantity]
    ranked = sorted(
        closing, key=lambda fill: (EXACT.subtract(fill.realized, fill.fee_value), -fill.time_ns), reverse=best
    )
    columns = (
        Column("time_ns", "Time (UTC)", _T),
        Column("symbol", "Symbol"),
        Column("side", "Side"),
        Column("price", "Price", Unit.AMOUNT),
        Column("closed_quantity", "Closed", Unit.AMOUNT),
        Column("net", "After fee", _M),
        Column("client_order_id", "Order"),
    )
    rows = tuple(
        (
            fill.time_ns, fill.fill.symbol, fill.fill.side.value, fill.fill.price, fill.closed_quantity,
            EXACT.subtract(fill.realized, fill.fee_value), fill.fill.client_order_id,
        )
        for fill in ranked[:_SHOWN]
    )  # fmt: skip
    name = "best" if best else "worst"
    return Table(name, f"{name.capitalize()} closing fills", columns, rows, "No position was closed.")


def _latency(collector: ReportCollector) -> Table:
    shares = (("median", "Median", 0.5), ("p90", "90 %", 0.9), ("p95", "95 %", 0.95), ("p99", "99 %", 0.99))
    columns = (
        Column("what", "From the decision to"),
        Column("count", "Orders", _N),
        *(Column(key, label, Unit.SPAN_NS) for key, label, _ in shares),
        Column("max", "Longest", Unit.SPAN_NS),
    )
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (name, len(spans), *(round(percentile(spans, place)) for _, _, place in shares), spans[-1])
        for name, spans in latencies(collector)
        if spans
    )
    note = "By the clock of the agent; a replay's is that of the recording and of the simulated venue."
    return Table("latency", "Latency", columns, rows, "No order was answered.", note)


def _statuses(collector: ReportCollector) -> Table:
    counts = {status.value: count for status, count in collector.statuses().most_common()}
    return _counted("statuses", "Orders by status", "Status", counts, "No order was sent.")


def _refusals(collector: ReportCollector) -> Table:
    columns = (Column("code", "Rule"), Column("count", "Intents", _N), Column("example", "First time"))
    rows = tuple(
        (code, count, collector.refusal_examples.get(code, ""))
        for code, count in sorted(collector.refusals.items(), key=lambda item: (-item[1], item[0]))
    )
    note = "An intent that several rules refused counts under each."
    return Table("refusals", "Refused by risk", columns, rows, "Risk refused nothing.", note)


def _invalid(collector: ReportCollector) -> Table:
    empty = "Every signal was valid."
    return _counted("invalid", "Invalid signals", "Reason", collector.signals_rejected, empty)


def _limits(collector: ReportCollector, limits: Limits) -> Table:
    risk = limits.risk
    used: tuple[tuple[str, Decimal, Decimal, str], ...] = (
        ("max_notional_per_trade", collector.notional_max, risk.max_notional_per_trade, "largest order, in its quote"),
        ("max_portfolio_exposure", max(collector.exposure, default=ZERO), risk.max_portfolio_exposure,
         "largest of the samples"),
        ("daily_loss_limit", limits.worst_day, risk.daily_loss_limit, "largest loss below a day's opening, sampled"),
        ("max_drawdown_limit", limits.max_drawdown, risk.max_drawdown_limit, "exact at every event"),
        ("max_open_orders", Decimal(collector.open_orders_max), Decimal(risk.max_open_orders), "orders open at once"),
    )  # fmt: skip
    columns = (
        Column("limit", "Limit"),
        Column("used", "Used at most", Unit.AMOUNT),
        Column("allowed", "Allowed", Unit.AMOUNT),
        Column("share", "Share", Unit.SHARE),
        Column("refused", "Refused", _N),
        Column("how", "Measured"),
    )
    rows = tuple(
        (name, most, bound, float(most) / float(bound) if bound else None, collector.refusals[name], how)
        for name, most, bound, how in used
    )
    return Table("limits", "Use of the risk limits", columns, rows, "No limit.")


def _comparisons(collector: ReportCollector) -> Table:
    empty = "Books and venue were not compared: a simulated venue has no other books."
    return _counted("comparisons", "Comparisons of books and venue", "Outcome", collector.comparisons, empty)


def _data(collector: ReportCollector) -> Table:
    columns = (
        Column("symbol", "Symbol"),
        Column("kind", "Kind"),
        Column("events", "Events", _N),
        Column("first_ns", "First (UTC)", _T),
        Column("last_ns", "Last (UTC)", _T),
        Column("silence", "Longest silence", Unit.SPAN_NS),
        Column("silence_from", "Silent from (UTC)", _T),
    )
    rows = tuple(
        (
            symbol, kind, count, watch.first_ns, watch.last_ns, watch.longest_silence_ns,
            watch.silence_from_ns or None,
        )
        for symbol, watch in sorted(collector.markets.items())
        for kind, count in sorted(watch.events.items())
    )  # fmt: skip
    return Table("data", "Market data", columns, rows, "No market data.")


def _lines(key: str, title: str, lines: Lines, empty: str, columns: tuple[Column, ...]) -> Table:
    return Table(key, title, columns, tuple(lines.rows), empty, left_out=lines.left_out)


def _counted(key: str, title: str, label: str, counts: dict[str, int], empty: str) -> Table:
    rows = tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    return Table(key, title, (Column("name", label), Column("count", "Count", _N)), rows, empty)


def _order_row(line: OrderLine) -> tuple[Cell, ...]:
    record = line.record
    request, decided = record.request, record.created_ns
    return (
        decided,
        request.client_order_id,
        line.decision,
        request.strategy,
        request.symbol,
        request.side.value,
        request.type.value,
        request.quantity,
        request.limit_price,
        record.decision_price,
        line.notional,
        record.status.value,
        record.filled_quantity,
        line.acknowledged_ns - decided if line.acknowledged_ns else None,
        line.first_fill_ns - decided if line.first_fill_ns else None,
        line.ended_ns - decided if line.ended_ns else None,
        record.evidence,
    )


def _fill_row(booked: FillBooked) -> tuple[Cell, ...]:
    fill = booked.fill
    return (
        booked.time_ns,
        fill.client_order_id,
        booked.strategy,
        fill.symbol,
        fill.side.value,
        fill.price,
        fill.quantity,
        booked.notional_value,
        fill.fee,
        fill.fee_asset,
        booked.fee_value,
        booked.realized,
        booked.closed_quantity,
        booked.slippage_bps,
        fill.liquidity.value,
        fill.trade_id,
    )
