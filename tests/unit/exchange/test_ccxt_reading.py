"""What ccxt says is taken only where the exchange itself wrote it, as a text, to the last digit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from meva_adapters.exchange.ccxt.connecting import ccxt_client
from meva_adapters.exchange.ccxt.reading import ReadingError, read_balances, read_order, read_trade
from meva_core.errors import ConfigError
from meva_core.model.fill import Liquidity

TRADE: dict[str, Any] = {
    "id": "28457",
    "order": "100234",
    "timestamp": 1_700_000_000_123,
    "side": "buy",
    "price": "4.00000100",
    "amount": "12.00000000",
    "takerOrMaker": "maker",
    "fee": {"cost": "10.10000000", "currency": "BNB"},
    "info": {"price": "4.00000100", "qty": "12.00000000", "commission": "10.10000000"},
}
ORDER: dict[str, Any] = {
    "id": "1",
    "clientOrderId": "ours",
    "symbol": "BTC/USDT",
    "side": "sell",
    "amount": "0.010",
    "filled": "0.004",
    "status": "open",
    "info": {"origQty": "0.010", "executedQty": "0.004"},
}


def test_a_trade_keeps_every_digit() -> None:
    """Price, quantity, fee and its asset are the exchange's own."""
    fill = read_trade(TRADE, "BTC/USDT").fill

    assert ("4.00000100", "12.00000000", "10.10000000", "BNB") == (
        str(fill.price),
        str(fill.quantity),
        str(fill.fee),
        fill.fee_asset,
    )
    assert Liquidity.MAKER is fill.liquidity


@pytest.mark.parametrize(
    "change",
    [
        {"price": 4.000001},
        {"price": "4.00000101"},
        {"amount": None},
        {"amount": "-12.00000000"},
        {"fee": None},
        {"fee": {"cost": "10.2", "currency": "BNB"}},
        {"fee": {"cost": "10.10000000", "currency": None}},
        {"fee": []},
        {"info": {}},
        {"info": None},
        {"id": None},
        {"side": None},
        {"timestamp": 1.7e12},
        {"price": "NaN"},
    ],
    ids=repr,
)
def test_what_the_exchange_did_not_write_is_no_fact(change: dict[str, Any]) -> None:
    """A float, an amount that ccxt calculated, and a missing fee are refused: unknown is not zero."""
    with pytest.raises(ReadingError):
        read_trade(TRADE | change, "BTC/USDT")


def test_a_rebate_is_negative_and_a_free_trade_costs_nothing() -> None:
    """The sign of a fee may be turned; the amount itself must still be the exchange's."""
    rebate = TRADE | {"fee": {"cost": "-10.10000000", "currency": "BNB"}}
    free = TRADE | {"fee": {"cost": "0", "currency": None}}

    assert Decimal("-10.1") == read_trade(rebate, "BTC/USDT").fill.fee
    assert (Decimal(0), "USDT") == (
        read_trade(free, "BTC/USDT").fill.fee,
        read_trade(free, "BTC/USDT").fill.fee_asset,
    )


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, "partially_filled"),
        ({"filled": None}, "accepted"),
        ({"status": "canceled"}, "canceled"),
        ({"status": "closed"}, "closed in part"),
        ({"status": "closed", "filled": "0.010"}, "filled"),
        ({"status": "BEWITCHED"}, "BEWITCHED"),
    ],
)
def test_a_status_is_known_or_passed_on(change: dict[str, Any], status: str) -> None:
    """Only what is certain becomes a status of ours."""
    assert status == read_order(ORDER | change).status


def test_balances_are_exact_and_without_zeros() -> None:
    """Free and locked amounts come as texts; a float is refused."""
    free, used = {"USDT": "1.10", "BTC": "0", "ETH": None}, {"USDT": "0.90", "BTC": "0", "ETH": "2"}

    assert (("ETH", Decimal(0), Decimal(2)), ("USDT", Decimal("1.10"), Decimal("0.90"))) == read_balances(
        {"free": free, "used": used}
    )
    with pytest.raises(ReadingError, match="no amount"):
        read_balances({"free": {"USDT": 1.1}, "used": {}})


def test_without_the_extra_the_error_names_it() -> None:
    """Who has not installed ccxt is told how."""
    with pytest.raises(ConfigError, match=r"pip install '\.\[ccxt\]'"):
        ccxt_client("binance")
