"""Kraken's parameters, signatures and answers, against the venue's own examples and against damage."""

from __future__ import annotations

import contextlib
import json
import random
from decimal import Decimal
from typing import Any

import pytest

from meva_adapters.exchange.kraken.codec import (
    is_client_id,
    order_parameters,
    read_balances,
    read_canceled,
    read_orders,
    read_pairs,
    read_placed,
    read_trades,
)
from meva_adapters.exchange.kraken.signer import KrakenSigner
from meva_adapters.exchange.kraken.user_events import ExecutionReader
from meva_adapters.transport.decaying_budget import DecayingBudget
from meva_adapters.wire.fields import CodecError, read_exact_json
from meva_adapters.wire.grid import BadCellError
from meva_adapters.wire.kraken_books import KrakenBooks
from meva_adapters.wire.kraken_market import kraken_wire, read_bar, read_quote, read_trade
from meva_adapters.wire.kraken_names import rest_asset, rest_pair, unified_asset
from meva_core.errors import ConfigError
from meva_core.events import OrderCanceled
from meva_core.execution.idempotency import ClientOrderIds
from meva_core.model.instrument import Instrument
from meva_core.model.market import Side
from meva_core.model.order import OrderRequest, OrderType, TimeInForce

SECRET = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
BTC = Instrument("BTC/USD", "BTC", "USD", Decimal("0.1"), Decimal("1E-8"))
REQUEST = OrderRequest(
    "ours1", "k", "s", "BTC/USD", Side.BUY, OrderType.LIMIT, TimeInForce.IOC,
    Decimal("1E-5"), Decimal("4E+4"), post_only=False, reduce_only=False,
)  # fmt: skip
ORDER: dict[str, Any] = {
    "O1": {
        "status": "open", "opentm": 1688666559.8974, "vol": "1.25", "vol_exec": "0.5", "cl_ord_id": "ours1",
        "descr": {"pair": "XBTUSD", "type": "buy"},
    }
}  # fmt: skip
TRADES: dict[str, Any] = {
    "trades": {
        "T1": {
            "ordertxid": "O1", "pair": "XXBTZUSD", "time": 1688667796.8802, "type": "buy", "price": "30010.0",
            "cost": "600.2", "fee": "0.00000", "vol": "0.02", "maker": True, "trade_id": 40274859,
        }
    },
    "count": 2346,
}  # fmt: skip
BALANCES = {
    "ZUSD": {"balance": "25435.21", "hold_trade": "8249.76"},
    "XXBT": {"balance": "0.0", "hold_trade": "0"},
}
PAIRS: dict[str, Any] = {
    "XXBTZUSD": {
        "altname": "XBTUSD", "wsname": "XBT/USD", "pair_decimals": 1, "lot_decimals": 8, "ordermin": "0.0001",
        "costmin": "0.5", "tick_size": "0.1", "status": "online",
    }
}  # fmt: skip
EXECUTION: dict[str, Any] = {
    "channel": "executions", "type": "update", "sequence": 2,
    "data": [{
        "order_id": "O1", "cl_ord_id": "ours1", "exec_type": "trade", "symbol": "BTC/USD", "side": "buy",
        "exec_id": "T1", "last_qty": 0.02, "last_price": 30010.0, "liquidity_ind": "t",
        "fees": [{"asset": "USD", "qty": 1.5605}], "timestamp": "2023-07-06T18:23:16.880234Z",
    }],
}  # fmt: skip
BOOK: dict[str, Any] = {
    "channel": "book", "type": "update",
    "data": [{"symbol": "BTC/USD", "bids": [{"price": 45283.5, "qty": 0.1}], "asks": [], "checksum": 1,
              "timestamp": "2023-10-06T17:35:55.440295Z"}],
}  # fmt: skip
TICKER = {"symbol": "BTC/USD", "bid": 1.5, "bid_qty": 1, "ask": 1.6, "ask_qty": 0.00000001, "price": 1.5, "qty": 2,
          "side": "buy", "trade_id": 1, "timestamp": "2023-10-06T17:35:55.4Z", "open": 1, "high": 1, "low": 1,
          "close": 1, "volume": 3, "interval": 5, "interval_begin": "2023-10-06T17:35:00Z"}  # fmt: skip


def test_the_signature_is_the_one_of_the_venues_example() -> None:
    """The documentation's key, nonce and body give the documentation's signature, and no text shows the key."""
    signer = KrakenSigner(SECRET)
    body = b"nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25"

    signature = signer.sign("/0/private/AddOrder", "1616492376594", body)

    assert (
        "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ=="
        == signature
    )
    assert SECRET[:6] not in repr(signer)


@pytest.mark.parametrize("secret", ["", "not base64!", "abc"])
def test_a_secret_that_is_none_is_refused_without_being_shown(secret: str) -> None:
    """What the message says is where to look, not what was given."""
    with pytest.raises(ConfigError, match="api_secret") as caught:
        KrakenSigner(secret)

    assert not secret or secret not in str(caught.value)


def test_an_order_is_written_plainly_with_name_flags_and_deadline() -> None:
    """No exponents; fees in the quote asset; the deadline in milliseconds after the decision."""
    written = dict(order_parameters(REQUEST, deadline_ns=1_616_492_376_594_999_999))

    assert {
        "pair": "XBTUSD", "type": "buy", "ordertype": "limit", "volume": "0.00001", "price": "40000",
        "timeinforce": "IOC", "oflags": "fciq", "cl_ord_id": "ours1", "deadline": "2021-03-23T09:39:36.594Z",
    } == written  # fmt: skip


def test_the_agents_names_are_names_at_the_venue() -> None:
    """Eighteen lower-case letters and digits fit; one more does not, nor any other sign."""
    tag = ClientOrderIds("agent", "account").owner_tag("sma_cross", "BTC/USD")

    assert is_client_id(tag + "z" * (18 - len(tag)))
    assert is_client_id("d15708c1-dbb6-465d-b77d-47258319cc90")
    assert not any(map(is_client_id, ("", "a" * 19, "a_b", "ä")))


def test_names_of_pairs_and_assets_are_translated_both_ways() -> None:
    """Old coins and currencies carry a mark, new ones do not; what earns is another asset."""
    assert ["XBTUSD", "XDGXBT", "SOLEUR"] == list(map(rest_pair, ("BTC/USD", "DOGE/BTC", "SOL/EUR")))
    assert ["XXBT", "ZUSD", "XXDG", "SOL"] == list(map(rest_asset, ("BTC", "USD", "DOGE", "SOL")))
    assert ["BTC", "USD", "DOGE", "SOL", "ETH.F", "BTC.F"] == list(
        map(unified_asset, ("XXBT", "ZUSD", "XXDG", "SOL", "ETH.F", "XBT.F"))
    )


def test_answers_are_read_exactly() -> None:
    """Times and amounts keep every digit; partly filled and closed are told apart; nothing held is left out."""
    [(order, opened_ns)] = read_orders(read_exact_json(json.dumps(ORDER)), {"XBTUSD": "BTC/USD"})
    [trade], count = read_trades(read_exact_json(json.dumps(TRADES)), {"XXBTZUSD": BTC})

    assert ("BTC/USD", "partially_filled", 1_688_666_559_897_400_000) == (
        order.symbol,
        order.status,
        opened_ns,
    )
    assert (2346, "T1", "USD", Decimal(0), 1_688_667_796_880_200_000) == (
        count, trade.fill.trade_id, trade.fill.fee_asset, trade.fill.fee, trade.fill.venue_time_ns
    )  # fmt: skip
    assert (("USD", Decimal("17185.45"), Decimal("8249.76")),) == read_balances(BALANCES)
    assert (Decimal("0.1"), Decimal("1E-8")) == (
        read_pairs(PAIRS)["BTC/USD"].instrument.tick_size, read_pairs(PAIRS)["BTC/USD"].instrument.lot_size
    )  # fmt: skip


def test_a_status_that_nobody_knows_is_passed_on() -> None:
    """The core settles nothing on it."""
    strange = {"O1": ORDER["O1"] | {"status": "resting"}}

    [(order, _)] = read_orders(read_exact_json(json.dumps(strange)), {})

    assert "resting" == order.status


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price", "-1"),
        ("price", None),
        ("vol", "0"),
        ("vol", "NaN"),
        ("maker", 1),
        ("type", "hold"),
        ("time", "1e20"),
    ],
)
def test_a_trade_with_one_wrong_field_is_no_trade(field: str, value: object) -> None:
    """Signs, zeros and wrong types are refused; money is never guessed."""
    damaged = {"trades": {"T1": TRADES["trades"]["T1"] | {field: value}}, "count": 1}

    with pytest.raises(CodecError):
        read_trades(read_exact_json(json.dumps(damaged)), {"XXBTZUSD": BTC})


@pytest.mark.parametrize("body", ['{"a":"\\ud800"}', b'{"a":"\\ud800"}', b"\xff", "NaN", ""])
def test_what_no_journal_could_hold_is_no_json(body: str | bytes) -> None:
    """Half of a surrogate pair would be a text that cannot be written down; other escapes are read."""
    with pytest.raises(CodecError):
        read_exact_json(body)

    assert {"a": "\u00e9"} == read_exact_json('{"a":"\\u00e9"}')


def execution(order_id: str, kind: str, **fields: object) -> dict[str, Any]:
    """Return a message of the channel `executions` about one order, without what the venue tells only once."""
    row = {"order_id": order_id, "exec_type": kind, "timestamp": "2023-07-06T18:23:16.880234Z"}
    return {"channel": "executions", "type": "update", "data": [row | fields]}


def test_an_order_that_rests_keeps_its_name_whatever_comes_after_it() -> None:
    """Thousands of orders later, on another connection too, its end is told by the name that only its begin had."""
    reader = ExecutionReader()
    reader.read(execution("rests", "new", cl_ord_id="ours1", symbol="BTC/USD", side="buy"), 1)
    for number in range(3_000):
        reader.read(
            execution(f"O{number}", "new", cl_ord_id=f"ours{number}", symbol="BTC/USD", side="buy"), 1
        )
        reader.read(execution(f"O{number}", "canceled"), 1)
    reader.read({"type": "snapshot", "data": [{"order_id": "rests", "exec_type": "new"}]}, 1)
    [(_, event)] = reader.read(execution("rests", "canceled"), 1)

    assert OrderCanceled(1, "ours1", "canceled at the venue") == event


def test_orders_that_ended_are_forgotten_in_the_end() -> None:
    """Where their end was told, and where a snapshot no longer lists them; what just ended is still known."""
    reader = ExecutionReader()
    for number in range(2_500):
        reader.read(execution(f"told{number}", "new", cl_ord_id="ours"), 1)
        reader.read(execution(f"told{number}", "filled"), 1)
        reader.read(execution(f"missed{number}", "new", cl_ord_id="ours"), 1)
    [(_, event)] = reader.read(execution("told2499", "canceled"), 1)
    reader.read({"type": "snapshot", "data": []}, 1)

    assert OrderCanceled(1, "ours", "canceled at the venue") == event
    assert (0, 1_000) == (len(reader._open), len(reader._ended))


@pytest.mark.parametrize("late", ["status", "restated", "trade"])
def test_a_late_message_opens_no_order_again(late: str) -> None:
    """Neither does it take the place of one that rests; only a snapshot lists an order as open."""
    reader = ExecutionReader()
    reader._merged({"order_id": "rests", "exec_type": "new", "cl_ord_id": "ours"}, listed=False)
    for kind in ("new", "canceled", late):
        reader._merged({"order_id": "over", "exec_type": kind, "cl_ord_id": "ours2"}, listed=False)
    late_on = (list(reader._open), list(reader._ended))
    reader.read({"type": "snapshot", "data": [{"order_id": "over", "exec_type": "new"}]}, 1)

    assert (["rests"], ["over"]) == late_on
    assert (["over"], ["rests"]) == (list(reader._open), list(reader._ended))


def test_what_is_damaged_raises_and_nothing_else() -> None:
    """Twenty thousand mutations are read or raise `CodecError`; a whole million under `prove`."""
    assert 20_000 == fuzzed(20_000)


@pytest.mark.prove
def test_a_million_damaged_answers_raise_and_nothing_else() -> None:
    """One million mutations of answers and frames: no other exception."""
    assert 1_000_000 == fuzzed(1_000_000)


def fuzzed(count: int) -> int:
    """Read *count* damaged answers and frames; any error but a codec's ends the test."""
    chance = random.Random(4)
    wire = kraken_wire(BTC, price_decimals=1, quantity_decimals=8)
    books, reader = KrakenBooks("market", {"BTC/USD": wire}, depth=10), ExecutionReader()
    samples = [
        json.dumps(sample).encode()
        for sample in (ORDER, TRADES, BALANCES, PAIRS, EXECUTION, BOOK, TICKER, {"txid": ["O1"], "count": 1})
    ]
    pieces = [b"", b"null", b"-1", b'"', b"[]", b"{}", b"1e9", b"1e-99", b"\xff", b"NaN", b"0.1"]
    readers = [
        lambda data: read_orders(data, {}),
        lambda data: read_trades(data, {"XXBTZUSD": BTC}),
        read_balances, read_pairs, read_canceled,
        lambda data: read_placed(data, "ours1"),
        lambda data: reader.read(data, 1),
        lambda data: books.take(data, 1),
        lambda data: read_trade(1, wire, data), lambda data: read_quote(1, wire, data),
        lambda data: read_bar(1, wire, data),
    ]  # fmt: skip
    for number in range(count):
        body = bytearray(samples[number % len(samples)])
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(body))
            body[place : place + chance.randint(0, 3)] = chance.choice(
                [*pieces, bytes([chance.randrange(256)])]
            )
        with contextlib.suppress(CodecError):
            data = read_exact_json(bytes(body))
            if isinstance(data, dict):
                for read in readers:
                    with contextlib.suppress(CodecError, BadCellError):
                        read(data)
    return count


def test_a_counter_decays_and_keeps_a_reserve_for_the_urgent() -> None:
    """Ten at most, two for urgent requests, one gone each second; a clock that goes back gives nothing away."""
    budget = DecayingBudget(limit=10, reserve=2, decay_milli=1_000)
    second = 10**9

    assert "" == budget.take(8, second)
    assert "budget of 8" in budget.take(1, second)
    assert "" == budget.take(2, second, urgent=True)
    assert "budget of 10" in budget.take(1, second, urgent=True)
    assert 3 * second == budget.wait_ns(1, second)
    assert 10 == budget.level(0)
    assert "" == budget.take(1, 4 * second)
    assert 8 == budget.level(4 * second)
    budget.block(9 * second)
    assert "rate limited" in budget.take(1, 8 * second, urgent=True)
    assert second == budget.wait_ns(1, 8 * second)
