"""Millions of random fills, fees, costs and transfers are booked without making or losing the smallest unit.

The model adds up fractions over one fixed denominator and shares no code with the product. Tolerance: none.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest

from meva_core.model.fill import Fill, Liquidity
from meva_core.model.market import Side
from meva_core.model.money import exact
from meva_core.portfolio.ledger_service import cost_entry, reserve_entry, transfer_entry
from tests.unit.portfolio.test_conservation import INSTRUMENTS, OPENINGS, Books

UNITS = 10**8  # Prices and quantities have at most eight decimals together.
CHECK_EVERY = 10_000
SIDES = (Side.BUY, Side.SELL)
ASSETS = ("USD", "BTC", "ETH", "FEE")


class Tally:
    """Count what the account holds, what was paid for fees and costs, and what was put aside, in units."""

    def __init__(self) -> None:
        self.held = {asset: int(amount) * UNITS for asset, amount in OPENINGS.items()}
        self.fees = dict.fromkeys(ASSETS, 0)
        self.costs = dict.fromkeys(ASSETS, 0)
        self.sent = dict.fromkeys(ASSETS, 0)
        self.reserve = 0

    def fraction(self, units: int) -> Fraction:
        return Fraction(units, UNITS)


def decimal(units: int) -> Decimal:
    """Return *units* as an amount, without any arithmetic of the product."""
    return Decimal(units).scaleb(-8)


def step(chance: Random, books: Books, tally: Tally, number: int) -> None:
    """Let one random thing happen to both."""
    kind, asset = chance.randrange(20), ASSETS[chance.randrange(4)]
    if kind < 17:
        _fill(chance, books, tally, number)
        return
    units = chance.randrange(-(10**10), 10**10)
    amount = decimal(units)
    if kind == 17:
        tally.held[asset] += units
        tally.sent[asset] -= units
        books.transfer(asset, amount)
    elif kind == 18:
        tally.costs[asset] += units
        books.ledger.post(cost_entry(number, str(number), category="data", asset=asset, amount=amount))
    else:
        tally.reserve += abs(units)
        books.ledger.post(reserve_entry(number, asset="USD", amount=abs(amount)))


def _fill(chance: Random, books: Books, tally: Tally, number: int) -> None:
    symbol = "BTC/USD" if chance.randrange(2) else "ETH/BTC"
    instrument = INSTRUMENTS[symbol]
    ticks, lots, fee = chance.randrange(1, 20_000), chance.randrange(1, 2_000), chance.randrange(10**8)
    side = SIDES[chance.randrange(2)]
    payer = (instrument.base, instrument.quote, "FEE")[chance.randrange(3)]
    # BTC/USD: cents times thousandths; ETH/BTC: 1E-5 times hundredths.
    tick, lot = (10**6, 10**5) if symbol == "BTC/USD" else (10**3, 10**6)
    sign = 1 if side is Side.BUY else -1
    tally.held[instrument.base] += sign * lots * lot
    tally.held[instrument.quote] -= sign * ticks * tick * lots * lot // UNITS
    tally.held[payer] -= fee
    tally.fees[payer] += fee
    price, quantity = instrument.price(ticks), instrument.quantity(lots)
    books.fill(
        Fill(symbol, str(number), "o", "v", side, price, quantity, decimal(fee), payer, Liquidity.TAKER, 1)
    )


def differences(books: Books, tally: Tally) -> Iterator[str]:
    """Yield every place where product and model differ, by however little."""
    sums: dict[str, Fraction] = {}
    for (_, asset), amount in books.ledger.balances().items():
        sums[asset] = sums.get(asset, Fraction(0)) + Fraction(amount)
    yield from (f"{asset} sums to {rest}" for asset, rest in sums.items() if rest)
    for asset in ASSETS:
        for name, found, due in (
            ("balance", books.state.balances[asset].total, tally.held[asset]),
            ("venue", books.ledger.balance("venue", asset), tally.held[asset]),
            ("fees", books.ledger.balance("fees", asset), tally.fees[asset]),
            ("costs", books.ledger.balance("costs:data", asset), tally.costs[asset]),
            ("transfers", books.ledger.balance("transfers", asset), tally.sent[asset]),
        ):
            if Fraction(found) != tally.fraction(due):
                yield f"{name} {asset}: {found}, not {tally.fraction(due)}"
    if Fraction(books.ledger.balance("reserve", "USD")) != tally.fraction(tally.reserve):
        yield "reserve"
    with exact():
        books.pnl.check(books.valuation.amount(books.valuation.equity()), books.start)


def conserve(count: int, seed: int) -> int:
    """Book *count* random things, comparing as it goes; return how many were booked."""
    chance, books, tally = Random(seed), Books(), Tally()
    for number in range(1, count + 1):
        step(chance, books, tally, number)
        if number % CHECK_EVERY == 0 or number == count:
            found = list(differences(books, tally))
            assert [] == found
    return count


def test_a_sample_is_conserved() -> None:
    """Thirty thousand in the ordinary run."""
    assert 30_000 == conserve(30_000, seed=1)


@pytest.mark.prove
def test_ten_million_are_conserved() -> None:
    """The whole figure."""
    assert 10_000_000 == conserve(10_000_000, seed=2)


def test_one_lost_unit_is_noticed() -> None:
    """The comparison would see the smallest unit that went astray."""
    chance, books, tally = Random(3), Books(), Tally()
    for number in range(100):
        step(chance, books, tally, number)
    books.ledger.post(transfer_entry(0, "astray", asset="BTC", amount=Decimal("0.00000001")))

    assert {"venue BTC", "transfers BTC"} == {each.partition(":")[0] for each in differences(books, tally)}
