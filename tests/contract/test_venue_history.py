"""A simulated venue that has traded for long keeps the newest of its orders and trades, and misses none of the rest."""

from __future__ import annotations

from decimal import Decimal

import pytest
from attrs import evolve

from meva_adapters.venue import accounts, market
from meva_adapters.venue.accounts import Account
from meva_adapters.venue.exchange import Exchange
from meva_adapters.venue.rows import FILLED, OrderRow, OwnTrade, order_row
from meva_adapters.venue.settings import DEFAULT_KEY, VenueSettings
from meva_core.events import BookChanged, TradeReceived
from meva_core.model.market import Side
from meva_core.model.order import OrderRecord, OrderRequest, OrderStatus, OrderType, TimeInForce

SYMBOL, NAME = "BTC/USDT", "BTCUSDT"
KEPT = 20


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> Exchange:
    """Return a venue that forgets soon, with offers for every order to come."""
    for module, name in ((accounts, "ORDERS_KEPT"), (accounts, "TRADES_KEPT"), (market, "TRADES_KEPT")):
        monkeypatch.setattr(module, name, KEPT)
    made = Exchange(VenueSettings())
    made.take(BookChanged(1, SYMBOL, True, 1, 1, ((6_000_000, 10**9),), ((6_000_100, 10**9),)))
    return made


def bought(account: Account, number: int, limit: Decimal | None = None) -> tuple[OrderRow, list[OwnTrade]]:
    """Buy a little, at the market or by *limit*; return what the venue answers."""
    kind = OrderType.MARKET if limit is None else OrderType.LIMIT
    force = TimeInForce.IOC if limit is None else TimeInForce.GTC
    request = OrderRequest(
        f"order-{number}",
        f"key-{number}",
        "hand",
        SYMBOL,
        Side.BUY,
        kind,
        force,
        Decimal("0.001"),
        limit,
        False,
        False,
    )
    record = OrderRecord(request, OrderStatus.ACCEPTED, 0, 0, Decimal(60_000), "USDT", Decimal(60_000))
    row = evolve(order_row(record, NAME, order_id=0), created_ms=number, updated_ms=number)
    return account.place(request, row, number * 1_000_000)


def test_an_order_is_answered_with_its_trades_whatever_was_forgotten(exchange: Exchange) -> None:
    """The last is told of its fill as the first is."""
    account = exchange.accounts[DEFAULT_KEY]
    answers = [bought(account, number) for number in range(1, 3 * KEPT)]

    assert {FILLED} == {row.status for row, _ in answers}
    assert [[row.order_id] for row, _ in answers] == [
        [trade.order_id for trade in trades] for _, trades in answers
    ]


def test_a_longer_run_holds_no_more(exchange: Exchange) -> None:
    """Orders, their names and trades of ours and of the market; what is open stays, however old it is."""
    account = exchange.accounts[DEFAULT_KEY]
    bought(account, 1, Decimal(30_000))
    held = []
    for end in (3 * KEPT, 6 * KEPT):
        for number in range(end - 3 * KEPT + 2, end + 2):
            bought(account, number)
            exchange.take(TradeReceived(number, SYMBOL, 6_000_000, 1, Side.SELL, number))
        kept = (account._versions, account._by_name, account.trades, exchange.markets[NAME].trades)
        held.append([len(each) for each in kept])

    assert [[KEPT] * 4] * 2 == held
    assert ["order-1"] == [row.client_order_id for row in account.open_orders(None, as_of_ms=10**6)]
