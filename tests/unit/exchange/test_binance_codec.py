"""Binance's parameters, signatures and answers, against the venue's own examples and against damage."""

from __future__ import annotations

import base64
import contextlib
import random
from decimal import Decimal
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from meva_adapters.exchange.binance.codec import (
    order_parameters,
    read_balances,
    read_error,
    read_order,
    read_placed,
    read_trade,
)
from meva_adapters.exchange.binance.signer import HmacSigner, signed_query, signer_of
from meva_adapters.wire.fields import CodecError, read_json
from meva_core.model.market import Side
from meva_core.model.order import OrderRequest, OrderType, TimeInForce

REQUEST = OrderRequest(
    "ours1", "k", "s", "BTC/USDT", Side.BUY, OrderType.LIMIT, TimeInForce.GTC,
    Decimal("1E-5"), Decimal("4E+4"), post_only=False, reduce_only=False,
)  # fmt: skip
FULL: dict[str, Any] = {
    "symbol": "BTCUSDT", "orderId": 28, "orderListId": -1, "clientOrderId": "ours1",
    "transactTime": 1507725176595, "status": "FILLED",
    "fills": [
        {"price": "4000.00", "qty": "0.00001", "commission": "0.4", "commissionAsset": "USDT", "tradeId": 56}
    ],
}  # fmt: skip
QUERIED: dict[str, Any] = {
    "symbol": "BTCUSDT", "orderId": 28, "clientOrderId": "ours1", "origQty": "1.0", "executedQty": "0.0",
    "status": "NEW", "side": "BUY",
}  # fmt: skip
TRADE: dict[str, Any] = {
    "symbol": "BTCUSDT", "id": 28457, "orderId": 28, "price": "4.0", "qty": "12.0", "commission": "0.1",
    "commissionAsset": "BNB", "time": 1499865549590, "isBuyer": True, "isMaker": False,
}  # fmt: skip
ACCOUNT = {"balances": [{"asset": "BTC", "free": "1.0", "locked": "0.5"}]}


def test_amounts_are_written_without_exponent() -> None:
    """Binance refuses `1E-5` (error -1100)."""
    parameters = dict(order_parameters(REQUEST, "BTCUSDT"))

    assert ("0.00001", "40000") == (parameters["quantity"], parameters["price"])


def test_hmac_signs_as_in_the_venues_example() -> None:
    """The documentation's key and payload give the documentation's signature."""
    secret = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
    pairs = [
        ("symbol", "LTCBTC"), ("side", "BUY"), ("type", "LIMIT"), ("timeInForce", "GTC"),
        ("quantity", "1"), ("price", "0.1"), ("recvWindow", "5000"), ("timestamp", "1499827319559"),
    ]  # fmt: skip

    query = signed_query(pairs, HmacSigner(secret))

    assert query.endswith("&signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71")
    assert secret not in repr(HmacSigner(secret))


def test_a_pem_key_signs_with_ed25519() -> None:
    """The public key confirms the signature, and a PEM text chooses this signer by itself."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    signature = signer_of(pem).sign(b"payload")

    assert key.public_key().verify(base64.b64decode(signature), b"payload") is None


def test_what_is_damaged_raises_and_nothing_else() -> None:
    """Twenty thousand mutations are read or raise `CodecError`; a whole million under `prove`."""
    assert 20_000 == fuzzed(20_000)


@pytest.mark.prove
def test_a_million_damaged_answers_raise_and_nothing_else() -> None:
    """One million mutations of five kinds of answers: no other exception."""
    assert 1_000_000 == fuzzed(1_000_000)


def fuzzed(count: int) -> int:
    """Read *count* damaged answers; any error but `CodecError` ends the test."""
    chance = random.Random(4)
    samples = [orjson.dumps(sample) for sample in (FULL, QUERIED, TRADE, ACCOUNT, {"code": -1, "msg": "m"})]
    done = 0
    for _ in range(count):
        body = bytearray(chance.choice(samples))
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(body))
            body[place : place + chance.randint(0, 3)] = chance.choice(
                [
                    b"",
                    b"null",
                    b"-1",
                    b'"',
                    b"[]",
                    b"{}",
                    b"1e9",
                    b"\xff",
                    b"NaN",
                    bytes([chance.randrange(256)]),
                ]
            )
        read_error(bytes(body))
        for read in (
            lambda data: read_placed(data, REQUEST),
            lambda data: read_order(data, {}),
            lambda data: read_trade(data, "BTC/USDT"),
            read_balances,
        ):
            with contextlib.suppress(CodecError):
                read(read_json(bytes(body)))
        done += 1
    return done


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price", "-1"),
        ("price", "1e5"),
        ("price", 4.0),
        ("qty", "0"),
        ("qty", "NaN"),
        ("id", "1"),
        ("id", True),
    ],
)
def test_a_trade_with_one_wrong_field_is_no_trade(field: str, value: object) -> None:
    """Signs, exponents, floats, zeros and wrong types are refused; money is never guessed."""
    with pytest.raises(CodecError):
        read_trade({**TRADE, field: value}, "BTC/USDT")
