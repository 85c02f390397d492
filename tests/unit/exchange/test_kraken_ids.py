"""Behind the ids of the simulated Kraken are numbers, which a later venue counts on from."""

from __future__ import annotations

from decimal import Decimal

import pytest

from meva_adapters.venue.kraken.rows import order_number, order_txid, trade_number, trade_txid
from meva_adapters.venue.rows import OwnTrade


@pytest.mark.parametrize("number", [1, 35, 36, 10**9])
def test_numbers_come_back_from_ids(number: int) -> None:
    """Of an order, and of a trade of whatever pair."""
    trades = [
        OwnTrade(
            number, symbol, 1, Decimal(1), Decimal(1), Decimal(0), "USD", 1, is_buyer=True, is_maker=True
        )
        for symbol in ("BTC/USD", "ETH/USD")
    ]

    assert number == order_number(order_txid(number))
    assert [number, number] == [trade_number(trade_txid(trade)) for trade in trades]
