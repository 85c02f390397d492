"""The venue's account moves exact amounts and never goes below zero."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meva_core.errors import InvariantError
from meva_core.execution.venue_account import VenueAccount

AMOUNTS = st.decimals(min_value=0, max_value=10**12, places=8)


def test_locking_moves_between_free_and_locked() -> None:
    """The total stays."""
    account = VenueAccount({"USD": Decimal(10)})

    account.lock("USD", Decimal("3.5"))
    account.unlock("USD", Decimal(1))

    assert {"USD": (Decimal("7.5"), Decimal("2.5"))} == account.balances()


@pytest.mark.parametrize("locked", [True, False])
def test_a_trade_pays_one_asset_and_receives_another(locked: bool) -> None:
    """What is paid leaves the locked or the free amount; what comes is free."""
    account = VenueAccount({"USD": Decimal(10)})
    account.lock("USD", Decimal(4))

    account.trade("USD", Decimal(3), "BTC", Decimal("0.1"), locked=locked)

    left = (Decimal(6), Decimal(1)) if locked else (Decimal(3), Decimal(4))
    assert {"USD": left, "BTC": (Decimal("0.1"), Decimal(0))} == account.balances()


@pytest.mark.parametrize("locked", [True, False])
def test_a_trade_that_is_not_covered_moves_nothing(locked: bool) -> None:
    """Neither side of it."""
    account = VenueAccount({"USD": Decimal(10)})
    account.lock("USD", Decimal(5))

    with pytest.raises(InvariantError):
        account.trade("USD", Decimal(6), "BTC", Decimal("0.1"), locked=locked)

    assert {"USD": (5, 5)} == account.balances()


@pytest.mark.parametrize("operation", ["pay", "lock", "unlock"])
def test_what_is_not_there_cannot_be_moved(operation: str) -> None:
    """A caller asks first, so this is a bug and stops everything; nothing has changed."""
    account = VenueAccount({"USD": Decimal(10)})
    account.lock("USD", Decimal(5))

    with pytest.raises(InvariantError):
        getattr(account, operation)("USD", Decimal("5.00000001"))

    assert {"USD": (5, 5)} == account.balances()


@given(amounts=st.lists(AMOUNTS, max_size=30))
def test_sums_are_exact(amounts: list[Decimal]) -> None:
    """Receiving and paying the same amounts ends at exactly nothing."""
    account = VenueAccount({})

    for amount in amounts:
        account.receive("BTC", amount)
    for amount in amounts:
        account.pay("BTC", amount)

    assert 0 == account.free("BTC")


def test_a_snapshot_restores_the_account() -> None:
    """Every digit of it."""
    account = VenueAccount({"USD": Decimal("10.50"), "BTC": Decimal("0.00000001")})
    account.lock("USD", Decimal("0.25"))

    restored = VenueAccount({"ETH": Decimal(1)})
    restored.restore(account.snapshot())

    assert account.balances() == restored.balances()
