"""The account is valued where it matters, and nobody can tell that it is not valued everywhere."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meva_core.events import KillReleaseRequested, QuoteReceived, ResumeRequested, TransferSettled
from meva_core.model.state import Gate
from meva_core.ops.log_records import EquityMarked, GateChanged
from meva_core.signals.strategy import Signal, SignalContext
from tests.unit.agent.case import COIN, DAY, GOLD, RARE, SECOND, START, Asked, Run, buy, once, run, sell

HOUR = 3_600 * SECOND
Step = Callable[[Run], object]


def anchors(lead: Run) -> dict[str, int]:
    """Return what losses are measured from, after an exact valuation."""
    lead.state  # noqa: B018 - reading it brings it up to date.
    watch: Any = lead.agent.account
    guard = watch._guard.anchors
    return {name: getattr(guard, name) for name in guard.__slots__ if not name.startswith("__")}


def gates(lead: Run) -> list[tuple[int, str, str]]:
    """Return every change of the gate: when, to what, and by which code."""
    return [(each.time_ns, each.gate.name, each.code) for each in lead.records(GateChanged)]


def test_nothing_is_valued_before_every_mark_is_known() -> None:
    """A missing mark is never zero: the start is where the last one arrives."""
    lead = run(Asked(), symbols=(COIN, GOLD), balances={"USD": 100, "COIN": 2, "GOLD": 3})

    lead.trade(10, COIN)
    assert not lead.agent.account.started
    lead.trade(20, GOLD)

    assert Decimal(100 + 2 * 10 + 3 * 20) == lead.agent.account.start_equity


def test_an_asset_with_two_steps_to_the_reporting_currency_needs_both() -> None:
    """RARE is worth COIN, which is worth USD."""
    lead = run(Asked(), symbols=(RARE, COIN), balances={"USD": 1, "RARE": 2})

    lead.trade(5, RARE)
    assert not lead.agent.account.started
    lead.trade(10, COIN)

    assert Decimal(1 + 2 * 5 * 10) == lead.agent.account.equity


def test_looking_at_the_state_does_not_start_the_account() -> None:
    """A quote gives no mark; asking what is known must not decide when the run begins."""
    seen, unseen = (run(Asked()) for _ in range(2))

    for lead in (seen, unseen):
        lead.handle(QuoteReceived(START, COIN, 99, 1, 101, 1))
        if lead is seen:
            lead.agent.state()
        lead.trade(100)

    assert unseen.records(EquityMarked) == seen.records(EquityMarked)


def test_equity_is_sampled_when_the_hour_has_passed() -> None:
    """Each sample carries the full hour, and the marks that held then."""
    lead = run(Asked(), balances={"USD": 0, "COIN": 1})

    for price, after_ns in ((100, 1), (110, HOUR - 2), (120, 1), (130, 3 * HOUR)):
        lead.trade(price, after_ns=after_ns)

    samples = [((each.time_ns - START) / HOUR, each.equity) for each in lead.records(EquityMarked)[1:]]
    assert [(1, Decimal(110)), (4, Decimal(120))] == samples


def test_the_last_equity_is_recorded_at_the_end() -> None:
    """A report ends with what the account is worth then."""
    lead = run(Asked(), balances={"USD": 0, "COIN": 1})

    lead.trade(100)
    lead.trade(90)
    [last] = lead.agent.finish().records

    assert EquityMarked(lead.now_ns, Decimal(90), Decimal(0), Decimal(10)) == last


def test_a_record_carries_the_time_of_the_event_behind_it() -> None:
    """What a new day lifts is lifted at the first event of that day, not at the last of the old one."""
    lead = run(Asked(), balances={"COIN": 1}, daily_loss_limit=Decimal(10), resume_after_daily_loss=True)

    lead.trade(100)
    lead.trade(90)
    lead.trade(90, after_ns=DAY)

    assert [(START + 2, "PAUSED", "daily_loss"), (START + 2 + DAY, "OPEN", "daily_loss")] == gates(lead)


def test_a_new_day_measures_from_its_opening() -> None:
    """The loss of yesterday is no loss of today; the drawdown remembers it."""
    lead = run(Asked(), balances={"COIN": 1})

    lead.trade(100)
    lead.trade(80)
    lead.trade(79, after_ns=DAY)

    pnl = lead.state.pnl
    assert (Decimal(-1), Decimal(21)) == (pnl.pnl_today, pnl.drawdown)


@pytest.mark.parametrize(("resumes", "gate"), [(True, Gate.OPEN), (False, Gate.PAUSED)])
def test_a_new_day_lifts_the_daily_loss_where_configured(resumes: bool, gate: Gate) -> None:
    """By default a person looks first."""
    lead = run(Asked(), balances={"COIN": 1}, daily_loss_limit=Decimal(10), resume_after_daily_loss=resumes)

    lead.trade(100)
    lead.trade(90)
    assert lead.state.runtime_flags.gate is Gate.PAUSED
    lead.trade(90, after_ns=DAY)

    assert gate is lead.state.runtime_flags.gate


def test_the_gap_between_two_days_belongs_to_the_new_one() -> None:
    """The day opens at the marks that held at midnight, so a jump of the first trade counts at once."""
    lead = run(Asked(), balances={"COIN": 1}, daily_loss_limit=Decimal(10))

    lead.trade(100)
    lead.trade(90 - 1, after_ns=DAY)

    assert [(START + 1 + DAY, "PAUSED", "daily_loss")] == gates(lead)


def test_a_transfer_is_neither_gain_nor_loss() -> None:
    """Start, day and peak move with it (invariant I16)."""
    lead = run(Asked(), balances={"USD": 100, "COIN": 1}, daily_loss_limit=Decimal(10))

    lead.trade(100)
    lead.trade(95)
    lead.handle(TransferSettled(lead.now_ns, "t-1", "USD", Decimal(-60), "rent"))

    pnl = lead.state.pnl
    assert (Decimal(-5), Decimal(5)) == (pnl.pnl_today, pnl.drawdown)
    assert (Decimal(135), Decimal(140)) == (lead.agent.account.equity, lead.agent.account.start_equity)
    assert [] == gates(lead)


@pytest.mark.parametrize("asset", ["COIN", "GOLD", "USD"])
@pytest.mark.parametrize("amount", [3, -1])
def test_money_that_moves_before_the_first_valuation_is_part_of_the_opening(asset: str, amount: int) -> None:
    """There is nothing yet to compare it with; the account starts with what it has then (invariant I10)."""
    lead = run(Asked(), symbols=(COIN, GOLD), balances={"USD": 5, "COIN": 2, "GOLD": 4})

    lead.trade(100, COIN)
    lead.handle(TransferSettled(lead.now_ns, "t-1", asset, Decimal(amount), "early"))
    lead.trade(110, COIN)
    lead.trade(10, GOLD)
    lead.trade(11, GOLD)

    held = {"USD": 5, "COIN": 2, "GOLD": 4} | {asset: {"USD": 5, "COIN": 2, "GOLD": 4}[asset] + amount}
    assert Decimal(held["USD"] + held["COIN"] * 110 + held["GOLD"] * 10) == lead.agent.account.start_equity
    assert Decimal(held["GOLD"]) == lead.state.pnl.unrealized


def test_an_empty_balance_needs_no_mark() -> None:
    """An account may list an asset that it does not hold."""
    lead = run(Asked(), symbols=(COIN, GOLD), balances={"USD": 5, "GOLD": 0})

    lead.trade(100)

    assert lead.agent.account.started


def test_a_broken_limit_names_its_numbers() -> None:
    """In the reason of the gate, for the person who is called."""
    lead = run(Asked(), balances={"COIN": 2}, daily_loss_limit=Decimal(20), max_drawdown_limit=Decimal(30))

    for price in (100, 90, 85):
        lead.trade(price)

    reasons = [each.reason for each in lead.records(GateChanged)]
    assert [
        "today's loss 20.00000000 has reached 20.00000000",
        "drawdown 30.00000000 has reached 30.00000000",
    ] == reasons


def test_a_released_drawdown_is_measured_anew() -> None:
    """An operator has seen the fall; the largest one stays on record."""
    lead = run(Asked(), balances={"COIN": 1}, max_drawdown_limit=Decimal(20))

    lead.trade(100)
    lead.trade(80)
    lead.handle(KillReleaseRequested(lead.now_ns, "r-1", "operator", lead.state.runtime_flags.gate_epoch))
    lead.trade(61)
    lead.trade(60)

    halts = [time_ns for time_ns, gate, _ in gates(lead) if gate == "KILLED"]
    assert [START + 2, START + 4] == halts
    assert Decimal(20) == lead.state.pnl.drawdown == lead.agent.account.max_drawdown


def wavering(ctx: SignalContext) -> Signal | None:
    """Return a purchase at every third price and a sale at every fifth, so that holdings change."""
    if ctx.price_ticks % 3 == 0:
        return buy(1 + ctx.price_ticks % 4)
    return sell(ctx.sellable) if ctx.price_ticks % 5 == 0 and ctx.sellable else None


def trades(symbol: str, price: int, after_ns: int) -> Step:
    """Print a trade."""
    return lambda lead: lead.trade(price, symbol, after_ns=after_ns)


def walks(moves: list[tuple[str, int]]) -> Step:
    """Print many trades that differ by a few ticks, which is where bands save work."""

    def step(lead: Run) -> None:
        for symbol, move in moves:
            lead.trade(max(lead.agent.path(symbol).market.last_ticks + move, 30), symbol)

    return step


def fills_oldest(price: int, fee: int) -> Step:
    """Fill the oldest open order, if there is one."""

    def step(lead: Run) -> None:
        for record in list(lead.state.open_orders.values())[:1]:
            quote = record.request.symbol.split("/")[1]
            lead.fill(record.request, price, fee=fee, fee_asset=quote)

    return step


def transfers(amount: int) -> Step:
    """Move money in or out."""
    return lambda lead: lead.handle(TransferSettled(lead.now_ns, "t", "USD", Decimal(amount), ""))


def looks() -> Step:
    """Let an operator release and resume whatever halts, in one run as in the other."""

    def step(lead: Run) -> None:
        for request in (KillReleaseRequested, ResumeRequested):
            epoch = lead.state.runtime_flags.gate_epoch
            lead.handle(request(lead.now_ns, "look", "operator", epoch))

    return step


SYMBOLS = st.sampled_from([COIN, COIN, GOLD, GOLD, RARE])
WALKS = st.builds(walks, st.lists(st.tuples(SYMBOLS, st.integers(-2, 2)), min_size=10, max_size=40))
STEPS = st.one_of(
    WALKS,
    WALKS,
    st.builds(trades, SYMBOLS, st.integers(80, 120), st.sampled_from([1, 1, HOUR, DAY])),
    st.builds(fills_oldest, st.integers(90, 110), st.integers(0, 2)),
    st.builds(transfers, st.integers(-50, 50)),
    st.builds(looks),
)


@settings(max_examples=60)
@given(
    st.lists(STEPS, min_size=10, max_size=25),
    st.sampled_from(
        [{"USD": 3_000}, {"USD": 3_000, "COIN": 3, "GOLD": 2}, {"USD": 900, "COIN": 2, "RARE": 1}]
    ),
    st.sampled_from([20, 100, 10_000]),
    st.sampled_from([30, 300, 10_000]),
    st.booleans(),
)
def test_bands_change_nothing_while_holdings_change(
    steps: list[Step], balances: dict[str, int], daily_loss: int, drawdown: int, resumes: bool
) -> None:
    """Valued at every event or only outside the bands: equal anchors, equal gate, equal decisions.

    Fills, fees, transfers, new days and operators take part, on three symbols and a route of two markets.
    """
    banded, exact = (
        run(
            Asked(wavering),
            symbols=(COIN, GOLD, RARE),
            balances=balances,
            daily_loss_limit=Decimal(daily_loss),
            max_drawdown_limit=Decimal(drawdown),
            resume_after_daily_loss=resumes,
            price_collar_bps=Decimal(10_000),
        )
        for _ in range(2)
    )
    valued_everywhere(exact)

    for step in (*(trades(symbol, 100, 1) for symbol in (COIN, GOLD, RARE)), *steps):
        step(banded)
        step(exact)

        assert gates(exact) == gates(banded)
    assert anchors(exact) == anchors(banded)
    assert exact.agent.decision_hash == banded.agent.decision_hash
    assert exact.agent.state_hash() == banded.agent.state_hash()


def valued_everywhere(lead: Run) -> None:
    """Close the bands before every event, so that each of them takes the slow way and is valued."""
    handle = lead.agent.handle

    def closed(event: Any) -> Any:
        for path in lead.paths:
            path.low = path.high = 0
        return handle(event)

    lead.agent.handle = closed  # type: ignore[method-assign]


def test_a_peak_of_one_tick_is_seen() -> None:
    """A drawdown is measured from it, though nothing else happened there."""
    lead = run(Asked(), balances={"COIN": 1})

    for price in (100, 98, 101, 99):
        lead.trade(price)

    assert (Decimal(2), Decimal(2)) == (lead.state.pnl.drawdown, lead.agent.account.max_drawdown)


def test_markets_that_fall_together_share_the_slack() -> None:
    """Eight here and eight there are a new record after a fall of ten, though each alone would be none."""
    lead = run(Asked(), symbols=(COIN, GOLD), balances={"COIN": 1, "GOLD": 1})

    lead.trade(100, GOLD)
    for price in (100, 90, 101, 93):
        lead.trade(price, COIN)
    lead.trade(92, GOLD)
    lead.trade(100, GOLD)

    assert Decimal(16) == lead.agent.account.max_drawdown


def test_a_position_is_followed_from_its_fill_on() -> None:
    """What was just bought is at risk in the very next event."""
    lead = run(Asked(once(buy(10))), balances={"USD": 2_000}, daily_loss_limit=Decimal(50))

    lead.trade(100)
    lead.fill(lead.placed()[0], 100)
    lead.trade(96)
    assert [] == gates(lead)
    lead.trade(95)

    assert [(lead.now_ns, "PAUSED", "daily_loss")] == gates(lead)
