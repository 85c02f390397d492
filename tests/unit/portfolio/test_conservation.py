"""Money is neither made nor lost by booking it: balances, ledger and profit agree with an independent model, exactly.

The model counts in fractions and shares no code with the product (invariants I8, I9 and I10).
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal, Inexact
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meva_core.agent.runtime_state import initial_state
from meva_core.config.schema import AppConfig
from meva_core.data.feature_store import FeatureStore
from meva_core.data.market_data_service import MarketDataService
from meva_core.errors import MissingMarkError
from meva_core.model.fill import Fill, Liquidity
from meva_core.model.instrument import Instrument
from meva_core.model.market import Side
from meva_core.model.money import exact
from meva_core.model.state import AssetBalance, Position
from meva_core.portfolio.ledger_service import (
    FEES,
    OPENING,
    TRANSFERS,
    VENUE,
    LedgerService,
    fill_entry,
    transfer_entry,
)
from meva_core.portfolio.pnl_service import PnLService
from meva_core.portfolio.valuation_service import ValuationService

INSTRUMENTS = {
    item.symbol: item
    for item in (
        Instrument("BTC/USD", "BTC", "USD", Decimal("0.01"), Decimal("0.001")),
        Instrument("ETH/BTC", "ETH", "BTC", Decimal("0.00001"), Decimal("0.01")),
        Instrument("FEE/USD", "FEE", "USD", Decimal("0.001"), Decimal("0.1")),
    )
}
OPENINGS = {"USD": "50000", "BTC": "3", "ETH": "20", "FEE": "500"}
MARKS = {"BTC/USD": 3_000_000, "ETH/BTC": 6_000, "FEE/USD": 2_500}


class Books:
    """Hold the product's bookkeeping."""

    def __init__(self) -> None:
        config = AppConfig(reporting_currency="USD")
        self.state = initial_state(config)
        self.data = MarketDataService(INSTRUMENTS.values(), FeatureStore())
        markets = [self.data.market(symbol) for symbol in INSTRUMENTS]
        self.valuation = ValuationService("USD", markets)
        self.pnl = PnLService(self.valuation, INSTRUMENTS)
        self.ledger = LedgerService()
        for symbol, ticks in MARKS.items():
            self.data.market(symbol).last_ticks = ticks
        with exact():
            for asset, amount in OPENINGS.items():
                self.pnl.open_balance(asset, Decimal(amount), self.state)
                self.ledger.post(
                    transfer_entry(0, "opening", asset=asset, amount=Decimal(amount), against=OPENING)
                )
            self.pnl.cost_openings()
        self.start = self.valuation.amount(self.valuation.equity())

    def fill(self, fill: Fill) -> Any:
        """Book a fill."""
        instrument = INSTRUMENTS[fill.symbol]
        with exact():
            self.ledger.post_fill(fill, instrument.base, instrument.quote)
            return self.pnl.update_from_fill(fill, self.state)

    def transfer(self, asset: str, amount: Decimal) -> None:
        """Book money that entered or left."""
        with exact():
            self.ledger.post(transfer_entry(0, "transfer", asset=asset, amount=amount))
            self.pnl.record_transfer(asset, amount, self.state)


class Model:
    """Keep the same account in fractions, in the plainest way."""

    def __init__(self) -> None:
        self.total = {asset: Fraction(amount) for asset, amount in OPENINGS.items()}
        self.moved: dict[str, Fraction] = defaultdict(Fraction)
        self.fees: dict[str, Fraction] = defaultdict(Fraction)

    def fill(self, fill: Fill) -> None:
        base, quote = fill.symbol.split("/")
        sign = 1 if fill.side is Side.BUY else -1
        self.total[base] += sign * Fraction(fill.quantity)
        self.total[quote] -= sign * Fraction(fill.quantity) * Fraction(fill.price)
        self.total[fill.fee_asset] -= Fraction(fill.fee)
        self.fees[fill.fee_asset] += Fraction(fill.fee)

    def transfer(self, asset: str, amount: Decimal) -> None:
        self.total[asset] += Fraction(amount)
        self.moved[asset] += Fraction(amount)

    def equity(self, ticks: dict[str, int]) -> Fraction:
        btc = Fraction(ticks["BTC/USD"], 100)
        eth = Fraction(ticks["ETH/BTC"], 100_000) * btc
        fee = Fraction(ticks["FEE/USD"], 1_000)
        total = self.total
        return total["USD"] + total["BTC"] * btc + total["ETH"] * eth + total["FEE"] * fee


@st.composite
def fills(draw: st.DrawFn) -> Fill:
    """Return any fill that a venue could report, its fee in base, quote or a third asset."""
    instrument = INSTRUMENTS[draw(st.sampled_from(["BTC/USD", "ETH/BTC"]))]
    lots = draw(st.integers(1, 2_000))
    ticks = draw(st.integers(1, 5_000_000 if instrument.quote == "USD" else 20_000))
    asset = draw(st.sampled_from([instrument.base, instrument.quote, "FEE"]))
    fee = draw(st.decimals(0, 2, places=8))
    return Fill(
        instrument.symbol,
        str(draw(st.integers(1, 10**9))),
        "order",
        "venue-order",
        draw(st.sampled_from(Side)),
        instrument.price(ticks),
        instrument.quantity(lots),
        fee,
        asset,
        Liquidity.TAKER,
        1,
    )


steps = st.one_of(
    fills(),
    st.tuples(st.sampled_from(sorted(OPENINGS)), st.decimals(-100, 100, places=8)),
    st.tuples(st.sampled_from(sorted(MARKS)), st.integers(1, 6_000_000)),
)


@settings(max_examples=120, deadline=None)
@given(script=st.lists(steps, min_size=1, max_size=25))
def test_nothing_is_made_or_lost(script: list[Any]) -> None:
    """Totals, ledger and the identity of profit and loss hold after every step, with no tolerance."""
    books, model, ticks = Books(), Model(), dict(MARKS)
    for step in script:
        if isinstance(step, Fill):
            books.fill(step)
            model.fill(step)
        elif step[0] in MARKS:
            ticks[step[0]] = step[1]
            books.data.market(step[0]).last_ticks = step[1]
        else:
            books.transfer(*step)
            model.transfer(*step)
        balances = {asset: Fraction(balance.total) for asset, balance in books.state.balances.items()}
        equity = books.valuation.amount(books.valuation.equity())

        assert model.total == balances
        assert model.equity(ticks) == Fraction(equity)
        books.ledger.check(books.state.balances)
        with exact():
            books.pnl.check(equity, books.start)


@settings(max_examples=60, deadline=None)
@given(script=st.lists(fills(), min_size=1, max_size=12))
def test_the_ledger_sums_to_zero_and_does_not_care_how_fills_are_grouped(script: list[Fill]) -> None:
    """Per asset all accounts sum to nothing; posting each fill by its entry gives the same balances."""
    summed, single = LedgerService(), LedgerService()
    for fill in script:
        instrument = INSTRUMENTS[fill.symbol]
        entry = fill_entry(1, fill, instrument.base, instrument.quote)
        per_asset: dict[str, Fraction] = defaultdict(Fraction)
        for posting in entry.postings:
            per_asset[posting.asset] += Fraction(posting.amount)
        assert not any(per_asset.values())
        single.post(entry)
        with exact():
            summed.post_fill(fill, instrument.base, instrument.quote)
    totals: dict[str, Fraction] = defaultdict(Fraction)
    for (_, asset), amount in summed.balances().items():
        totals[asset] += Fraction(amount)

    assert not any(totals.values())
    differing = {
        key
        for key in summed.balances().keys() | single.balances().keys()
        if summed.balance(*key) != single.balance(*key)
    }
    assert set() == differing


def test_fees_and_transfers_have_accounts_of_their_own() -> None:
    """A reader of the ledger finds what was paid and what came in."""
    books = Books()
    books.fill(
        Fill(
            "BTC/USD",
            "1",
            "o",
            "v",
            Side.BUY,
            Decimal(100),
            Decimal(1),
            Decimal("0.5"),
            "USD",
            Liquidity.TAKER,
            1,
        )
    )
    books.transfer("USD", Decimal(-7))

    assert Decimal("0.5") == books.ledger.balance(FEES, "USD")
    assert Decimal(7) == books.ledger.balance(TRANSFERS, "USD")
    assert Decimal(50_000) - 100 - Decimal("0.5") - 7 == books.ledger.balance(VENUE, "USD")


def test_average_cost_realises_against_the_mean() -> None:
    """Two buys at 100 and 200, half sold at 300: cost 150 each, so 150 of profit."""
    books = Books()
    zero = Decimal(0)
    trades = ((Side.BUY, Decimal(100)), (Side.BUY, Decimal(200)), (Side.SELL, Decimal(300)))
    updates = [
        books.fill(
            Fill("BTC/USD", str(n), "o", "v", side, price, Decimal(1), zero, "USD", Liquidity.TAKER, 1)
        )
        for n, (side, price) in enumerate(trades)
    ]
    position = books.state.positions["BTC/USD"]

    assert Decimal(150) == position.realized
    assert (Decimal(1), Decimal(150)) == (position.quantity, position.cost)
    assert [zero, zero, Decimal(1)] == [update.closed_quantity for update in updates]


def bought(fee: str, fee_asset: str) -> Fill:
    """Return a purchase of one BTC at 100 USD."""
    one, price = Decimal(1), Decimal(100)
    side, liquidity = Side.BUY, Liquidity.TAKER
    return Fill("BTC/USD", "1", "o", "v", side, price, one, Decimal(fee), fee_asset, liquidity, 1)


def test_after_a_restore_fills_are_booked_on_the_restored_account() -> None:
    """Nothing that was looked up for the old account is written to any more (invariants I9 and I10)."""
    old, new = Books(), Books()
    old.fill(bought("0.5", "USD"))
    left = {asset: balance.total for asset, balance in old.state.balances.items()}
    new.fill(bought("0.1", "FEE"))
    new.state.balances = {asset: AssetBalance(asset, total) for asset, total in left.items()}
    new.state.positions = {"BTC/USD": Position("BTC/USD", Decimal(1), Decimal(100))}
    new.pnl.restore(old.pnl.snapshot(), new.state)

    for books in (old, new):
        books.fill(bought("0.25", "BTC"))

    assert old.state.balances == new.state.balances
    assert old.state.positions == new.state.positions
    assert old.pnl.snapshot() == new.pnl.snapshot()
    assert old.valuation.equity() == new.valuation.equity()


def test_the_same_service_books_on_whatever_state_it_is_given() -> None:
    """Two states in turn get one fill each."""
    books, other = Books(), initial_state(AppConfig(reporting_currency="USD"))
    books.fill(bought("0", "USD"))
    with exact():
        books.pnl.update_from_fill(bought("0", "USD"), other)
    books.fill(bought("0", "USD"))

    assert Decimal(2) == books.state.positions["BTC/USD"].quantity
    assert Decimal(1) == other.positions["BTC/USD"].quantity


def test_a_fee_in_an_asset_without_a_mark_is_an_error_but_none_at_all_is_not() -> None:
    """A venue may name any asset for a fee of zero; what costs must have a price."""
    books = Books()
    books.fill(bought("0", "GIFT"))
    equity = books.valuation.equity()

    with pytest.raises(MissingMarkError, match="GIFT"):
        books.fill(bought("1", "GIFT"))

    assert equity == books.valuation.equity()
    assert Decimal(0) == books.state.balances["GIFT"].total


def test_what_is_finer_than_the_smallest_unit_of_an_asset_is_no_amount() -> None:
    """Equity counts whole units: it would be wrong by the rest, so nobody gets that far."""
    with pytest.raises(Inexact):
        Books().transfer("BTC", Decimal("1E-20"))
