"""Take one REST call through everything that may stop it, in the venue's order; know no transport.

Key, signature, nonce, counter, rights, faults, then the call itself.
"""

from __future__ import annotations

import base64
import hmac
from typing import Any, Final

from attrs import frozen

from meva_adapters.transport.decaying_budget import DecayingBudget
from meva_adapters.venue.accounts import Account
from meva_adapters.venue.exchange import Exchange
from meva_adapters.venue.faults import FaultKind
from meva_adapters.venue.kraken.dead_man import DeadMan
from meva_adapters.venue.kraken.errors import DENIED, TIMEOUT, KrakenError, invalid
from meva_adapters.venue.kraken.pairs import Pairs
from meva_adapters.venue.kraken.private_calls import EVER_MS, PRIVATE, Caller
from meva_adapters.venue.kraken.public_calls import PUBLIC
from meva_adapters.venue.kraken.rows import Rows
from meva_adapters.venue.kraken.tokens import Tokens
from meva_adapters.venue.striking import Striker
from meva_adapters.wire.kraken_signature import api_sign
from meva_core.model.market import NS_PER_MS

_DECAY_MILLI: Final = 1_000  # The counter of the highest tier falls by one a second.
_UNKNOWN_METHOD: Final = KrakenError("EGeneral:Unknown method")


@frozen(kw_only=True)
class Asked:
    """Hold one private request as it came."""

    path: str
    name: str
    key: str
    signature: str
    body: bytes
    params: dict[str, str]


class KrakenDesk:
    """Answer requests."""

    def __init__(self, exchange: Exchange, *, pairs: Pairs, rows: Rows, tokens: Tokens) -> None:
        self._exchange = exchange
        self._pairs = pairs
        self._rows = rows
        self._tokens = tokens
        self._dead_man = DeadMan(exchange)
        self._nonces: dict[str, int] = {}
        self._counters: dict[str, DecayingBudget] = {}
        self._striker = Striker(
            timeout=lambda: KrakenError(TIMEOUT),
            rejected=lambda fault: KrakenError(fault.message),
            failed=lambda fault: KrakenError("", fault.status),
        )

    async def public(self, name: str, params: dict[str, str]) -> Any:
        """Return the answer to a public call; raise `KrakenError`, or `ConnectionCut` where none may be heard."""
        answer = PUBLIC.get(name)
        if answer is None:
            raise _UNKNOWN_METHOD
        struck = {fault.kind: fault for fault in self._exchange.faults.for_call(name)}
        await self._striker.before(name, struck)
        result = answer(self._exchange, self._pairs, params)
        await self._striker.after(name, struck)
        return result

    async def private(self, asked: Asked) -> Any:
        """Return the answer to a private call; see `public`."""
        call = PRIVATE.get(asked.name)
        if call is None:
            raise _UNKNOWN_METHOD
        account = self._authenticated(asked)
        if self._counter(asked.key).take(call.weight, self._exchange.now_ms() * NS_PER_MS):
            raise KrakenError("EAPI:Rate limit exceeded")
        rights = account.settings
        if (call.trades and not rights.can_trade) or (call.withdraws and not rights.can_withdraw):
            raise KrakenError(DENIED)
        struck = {fault.kind: fault for fault in self._exchange.faults.for_call(asked.name)}
        await self._striker.before(asked.name, struck)
        stale = struck.get(FaultKind.STALE)
        caller = Caller(
            exchange=self._exchange,
            pairs=self._pairs,
            rows=self._rows,
            tokens=self._tokens,
            dead_man=self._dead_man,
            account=account,
            as_of_ms=self._exchange.now_ms() - stale.milliseconds if stale else EVER_MS,
        )
        try:
            return call.answer(caller, asked.params)
        finally:
            await self._striker.after(asked.name, struck)

    def _authenticated(self, asked: Asked) -> Account:
        account = self._exchange.accounts.get(asked.key)
        if account is None:
            raise KrakenError("EAPI:Invalid key")
        nonce = asked.params.get("nonce", "")
        if not nonce.isdecimal() or int(nonce) >= 1 << 64:
            raise invalid("nonce")
        secret = base64.b64decode(account.settings.secret)
        if not hmac.compare_digest(api_sign(secret, asked.path, nonce, asked.body), asked.signature):
            raise KrakenError("EAPI:Invalid signature")
        if int(nonce) <= self._nonces.get(asked.key, -1):
            raise KrakenError("EAPI:Invalid nonce")
        self._nonces[asked.key] = int(nonce)
        return account

    def _counter(self, key: str) -> DecayingBudget:
        if key not in self._counters:
            limit = self._exchange.settings.weight_limit
            self._counters[key] = DecayingBudget(limit=limit, reserve=0, decay_milli=_DECAY_MILLI)
        return self._counters[key]
