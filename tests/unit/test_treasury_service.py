"""Surplus, reserve, principal and transfers follow the formulas that the documentation works through."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import attrs
import pytest

from meva_core.agent.outbox import Outcome
from meva_core.commands import RaiseAlert, TransferFunds
from meva_core.config.schema import AppConfig, ExchangeConfig, InstrumentConfig, TreasuryConfig
from meva_core.errors import ConfigError
from meva_core.events import (
    CostRecorded,
    RiskBudgetRequested,
    TradeReceived,
    TransferAnswerRequested,
    TransferSettled,
)
from meva_core.model.market import Side
from meva_core.ops.log_records import ControlAnswered
from meva_core.portfolio.surplus import (
    NS_PER_DAY,
    DaySurplus,
    SurplusReport,
    TreasuryPolicy,
    day_surplus,
    evaluate_transfer,
    protected_budget,
    rolling_surplus,
)
from meva_runners.composition import compose_agent

PAGE = Path(__file__).resolve().parents[2] / "docs" / "treasury.md"
ZERO = Decimal(0)


def tables() -> list[list[list[Decimal]]]:
    """Return the numbers of every table of the page."""
    blocks = re.findall(r"\|---.*\n((?:\|.*\n)+)", PAGE.read_text(encoding="utf-8"))
    return [
        [[Decimal(cell) for cell in row.strip("|\n ").split("|")] for row in block.splitlines()]
        for block in blocks
    ]


def report(**changes: Any) -> SurplusReport:
    """Return a report that allows a transfer, but for *changes*."""
    day = DaySurplus(NS_PER_DAY, ZERO, ZERO, ZERO, ZERO)
    good = SurplusReport(
        100 * NS_PER_DAY, day, Decimal(1000), Decimal(200), Decimal(103_000), Decimal(50_000), "", "", 0
    )
    return attrs.evolve(good, **changes)


POLICY = TreasuryPolicy(Decimal(100_000), Decimal("0.2"), Decimal(100), Decimal("0.5"), 30)


def test_the_days_of_the_page_leave_what_it_says() -> None:
    """Surplus and accrual of every row."""
    rows, _, _ = tables()
    for result, costs, share, surplus, accrual in rows:
        day = day_surplus(1, result=result, costs=costs, reserve_share=share)
        assert (surplus, accrual) == (day.surplus, day.accrual)
    assert len(rows) == 3


def test_the_budgets_of_the_page_are_those_of_the_rule() -> None:
    """The budget goes down with equity and never up."""
    _, rows, _ = tables()
    for equity, baseline, configured, current, budget in rows:
        assert budget == protected_budget(current, configured=configured, equity=equity, baseline=baseline)
    assert len(rows) == 5


def test_the_transfers_of_the_page_are_those_of_the_rule() -> None:
    """The least of share, excess and free balance, or nothing."""
    _, _, rows = tables()
    for rolling, share, equity, baseline, reserve, min_reserve, free, amount in rows:
        policy = TreasuryPolicy(baseline, Decimal("0.2"), min_reserve, share, 30)
        facts = report(rolling_surplus_30d=rolling, equity=equity, reserve=reserve, free=free)
        decision = evaluate_transfer(facts, policy)
        assert amount == decision.amount
        assert decision.is_allowed is bool(amount)
    assert len(rows) == 5


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"doubt": "2 orders have an unknown outcome"}, "unknown outcome"),
        ({"pending": "surplus-1"}, "transfer surplus-1 waits"),
        ({"last_transfer_ns": 71 * NS_PER_DAY}, "less than 30 days ago"),
        ({"equity": Decimal(100_200)}, "nothing is above principal and reserve"),
        ({"reserve": Decimal(99)}, "below the least one"),
        ({"free": ZERO}, "nothing to send"),
    ],
)
def test_each_rule_alone_forbids_a_transfer(changes: dict[str, Any], reason: str) -> None:
    """The same report without it allows one."""
    decision = evaluate_transfer(report(**changes), POLICY)

    assert evaluate_transfer(report(), POLICY).is_allowed
    assert ZERO == decision.amount
    assert any(reason in refusal for refusal in decision.refusals)


def test_the_cool_down_ends_to_the_nanosecond() -> None:
    """Thirty days of 24 hours after the last one the next may go."""
    ready = report(last_transfer_ns=70 * NS_PER_DAY)

    assert evaluate_transfer(ready, POLICY).is_allowed
    assert not evaluate_transfer(attrs.evolve(ready, time_ns=ready.time_ns - 1), POLICY).is_allowed


def test_a_policy_that_could_never_allow_a_transfer_is_refused() -> None:
    """A reserve that never grows never reaches its least."""
    with pytest.raises(ConfigError, match="could ever be allowed"):
        TreasuryPolicy(ZERO, ZERO, Decimal(1), Decimal("0.5"), 30)


def test_the_rolling_surplus_is_a_plain_sum() -> None:
    """Deficits count against surpluses, exactly."""
    amounts = [Decimal("0.1"), Decimal("-0.30000001"), Decimal(7)]
    days = [DaySurplus(1, ZERO, ZERO, amount, ZERO) for amount in amounts]

    assert sum(map(Fraction, amounts)) == Fraction(rolling_surplus(days))


NOON_NS = NS_PER_DAY // 2
DAY_NS = 20_000 * NS_PER_DAY
TRANSFER = f"surplus-{DAY_NS + NS_PER_DAY}"


class Bench:
    """Drive an agent that holds 1,000 USDT and 100 BTC, from a noon at a price of 100."""

    def __init__(self, **treasury: Any) -> None:
        rules: dict[str, Any] = {
            "principal_baseline": Decimal(10_900),
            "reserve_share": Decimal("0.2"),
            "max_transfer_share": Decimal("0.5"),
        }
        instrument = InstrumentConfig("BTC/USDT", tick_size=Decimal("0.01"), lot_size=Decimal("0.001"))
        balances = {"USDT": Decimal(1000), "BTC": Decimal(100)}
        self.config = AppConfig(
            reporting_currency="USDT",
            treasury=TreasuryConfig(**(rules | treasury)),
            exchange=ExchangeConfig(instruments=(instrument,), balances=balances),
        )
        self.agent = compose_agent(self.config, ())
        self.time_ns = DAY_NS + NOON_NS
        self.trade(100)

    def give(self, event: Any) -> Outcome:
        """Hand over an event."""
        return self.agent.handle(event)

    def trade(self, price: int, *, days: int = 0) -> Outcome:
        """Let a trade print, *days* later."""
        self.time_ns += days * NS_PER_DAY + 1
        return self.give(TradeReceived(self.time_ns, "BTC/USDT", price * 100, 1, Side.BUY))

    def cost(self, cost_id: str, amount: str, asset: str = "USDT") -> Outcome:
        """Record an operating cost."""
        self.time_ns += 1
        return self.give(CostRecorded(self.time_ns, cost_id, "data", asset, Decimal(amount), ""))

    def answer(self, *, approved: bool = True, transfer_id: str = TRANSFER) -> tuple[int, str]:
        """Answer a proposal; return how many instructions left and the refusal."""
        self.time_ns += 1
        request_id = f"r-{self.time_ns}"
        outcome = self.give(
            TransferAnswerRequested(self.time_ns, request_id, "ann", transfer_id, approved, "")
        )
        [answered] = [record for record in outcome.records if isinstance(record, ControlAnswered)]
        return sum(isinstance(command, TransferFunds) for command in outcome.commands), answered.refusal

    def settle(self) -> Outcome:
        """Tell that the proposed 40 have left."""
        self.time_ns += 1
        return self.give(TransferSettled(self.time_ns, TRANSFER, "USDT", Decimal(-40), ""))

    def restart(self) -> None:
        """Continue from a checkpoint."""
        checkpoint = self.agent.checkpoint()
        self.agent = compose_agent(self.config, (), checkpoint=checkpoint)


def proposing() -> Bench:
    """Return a bench whose first day left 80 (a gain of 100, costs of 20) and proposes half of it."""
    bench = Bench()
    bench.trade(101)
    bench.cost("c-1", "20")
    bench.trade(101, days=1)
    return bench


def codes(outcome: Outcome) -> list[str]:
    """Return the codes of the alerts."""
    return [command.code for command in outcome.commands if isinstance(command, RaiseAlert)]


def test_a_day_is_closed_with_its_surplus_and_reserve() -> None:
    """The state, the ledger and the proposal say the same."""
    bench = proposing()
    treasury = bench.agent.state().treasury
    balances = {(account, asset): amount for account, asset, amount in bench.agent.checkpoint()["ledger"]}

    assert (Decimal(80), Decimal(16)) == (treasury.rolling_surplus_30d, treasury.reserve_accrual_today)
    assert (Decimal(20), Decimal(16)) == (balances["costs:data", "USDT"], balances["reserve", "USDT"])
    assert ZERO == sum(balances[key] for key in balances if key[1] == "USDT")


def test_an_approved_transfer_is_instructed_once() -> None:
    """Asking again, after a restart too, is refused; told twice it is settled once."""
    bench = proposing()
    first = bench.answer()
    bench.restart()
    second = bench.answer()
    bench.settle()
    bench.restart()
    bench.settle()
    third = bench.answer()

    assert (1, "") == first
    assert (0, f"transfer {TRANSFER} is approved: it cannot become approved") == second
    assert (0, f"transfer {TRANSFER} is settled: it cannot become approved") == third
    assert Decimal(960) == bench.agent.state().balances["USDT"].total


def test_a_rejected_transfer_never_leaves() -> None:
    """A rejection is final."""
    bench = proposing()

    assert (0, "") == bench.answer(approved=False)
    assert 0 == bench.answer()[0]
    assert (0, "no transfer nobody is known") == bench.answer(transfer_id="nobody")


def test_an_approval_is_judged_by_the_facts_of_its_moment() -> None:
    """What has fallen to the principal since the proposal is not sent."""
    bench = proposing()
    bench.trade(98)
    count, refusal = bench.answer()

    assert 0 == count
    assert "nothing is above principal and reserve" in refusal


def test_a_negative_month_raises_alert_seven_once() -> None:
    """Costs without gains: told at the first close, and not again at the second."""
    bench = Bench()
    bench.cost("c-1", "1")
    first, second = bench.trade(100, days=1), bench.trade(100, days=1)

    assert [["surplus_negative"], []] == [codes(first), codes(second)]


def test_a_surplus_older_than_thirty_days_counts_no_more() -> None:
    """Thirty closes after the good day its 100 is out of the sum."""
    bench = Bench(max_transfer_share=ZERO)
    bench.trade(101)
    sums = []
    for _ in range(31):
        bench.trade(101, days=1)
        sums.append(bench.agent.state().treasury.rolling_surplus_30d)

    assert [Decimal(100)] * 30 + [ZERO] == sums


def test_principal_at_risk_lowers_the_budget_and_only_an_operator_raises_it() -> None:
    """Equity of 10,800 of 11,000: that share of the configured exposure, also after the recovery."""
    bench = Bench(principal_baseline=Decimal(11_000))
    full = bench.config.risk.max_portfolio_exposure
    told = [*codes(bench.trade(98, days=1)), *codes(bench.trade(98, days=1))]
    state = bench.agent.state()
    lowered = state.risk_limits.max_portfolio_exposure
    bench.trade(101, days=1)
    bench.trade(101, days=1)
    after = bench.agent.state()
    recovered, protected = after.risk_limits.max_portfolio_exposure, after.treasury.principal_protected
    bench.give(RiskBudgetRequested(bench.time_ns + 1, "r", "ann", full))

    assert "principal_at_risk" in told
    assert lowered == protected_budget(
        full, configured=full, equity=Decimal(10_800), baseline=Decimal(11_000)
    )
    assert lowered < full
    assert (lowered, True) == (recovered, protected)
    assert full == bench.agent.state().risk_limits.max_portfolio_exposure


def test_a_cost_that_cannot_be_booked_changes_nothing() -> None:
    """An unknown currency, and an id that is booked already."""
    bench = Bench()
    bench.cost("c-1", "20")
    before = bench.agent.checkpoint()["ledger"]
    told = [codes(bench.cost("c-2", "5", asset="XYZ")), codes(bench.cost("c-1", "20"))]

    assert [["cost_refused"], ["cost_refused"]] == told
    assert before == bench.agent.checkpoint()["ledger"]
    assert Decimal(20) == bench.agent.state().treasury.operating_costs_today


def test_a_cost_in_another_asset_counts_at_its_mark() -> None:
    """A tenth of a coin at 100 costs 10."""
    bench = Bench()
    bench.cost("c-1", "0.1", asset="BTC")

    assert Decimal(10) == bench.agent.state().treasury.operating_costs_today
