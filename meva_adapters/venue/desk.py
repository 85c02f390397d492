"""Take one call through everything that may stop it, in the venue's order; know no transport.

Rate limit, key, mandatory parameters, signature, time, faults, then the call itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from attrs import frozen

from meva_adapters.venue.account_calls import Caller
from meva_adapters.venue.accounts import Account
from meva_adapters.venue.calls import Call
from meva_adapters.venue.errors import HTTP_UNAUTHORISED, TIMEOUT, TIMEOUT_TEXT, ApiError, missing
from meva_adapters.venue.exchange import Exchange
from meva_adapters.venue.faults import Fault, FaultKind
from meva_adapters.venue.parameters import Params
from meva_adapters.venue.signatures import check_signature, check_time
from meva_adapters.venue.striking import Striker

_GATEWAY_TIMEOUT: Final = 504
_NO_RIGHT: Final = ApiError(-2015, "Invalid API-key, IP, or permissions for action.", HTTP_UNAUTHORISED)
_LIMITED: Final = frozenset({418, 429})
_STATUS_TEXT: Final = {
    403: (-1003, "Forbidden by the firewall."),
    418: (-1003, "Way too much request weight used; IP banned."),
    429: (-1003, "Too much request weight used; please use WebSocket Streams to avoid polling the API."),
}


@frozen
class Asked:
    """Hold one request: who sent it and what it signs. *payload* is asked for only where a signature counts."""

    params: Params
    address: str
    key: str
    payload: Callable[[], bytes]
    logged_on: Account | None = None


class Desk:
    """Answer requests of any transport."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._striker = Striker(
            timeout=lambda: ApiError(TIMEOUT, TIMEOUT_TEXT, _GATEWAY_TIMEOUT),
            rejected=lambda fault: ApiError(fault.code, fault.message),
            failed=_answer_of_status,
        )

    async def answer(self, call: Call, asked: Asked) -> Any:
        """Return the answer; raise `ApiError` for a refusal and `ConnectionCut` where none may be heard."""
        exchange = self._exchange
        now_ms = exchange.now_ms()
        counter = exchange.weights(asked.address)
        weight = call.weight(asked.params)
        counter.charge(weight, now_ms)
        account = self.authenticated(asked) if call.own is not None else None
        if account is not None and call.is_order and not account.settings.can_trade:
            raise _NO_RIGHT
        struck = {fault.kind: fault for fault in exchange.faults.for_call(call.name)}
        await self._striker.before(call.name, struck)
        if account is not None and FaultKind.DELAY_BEFORE in struck:
            check_time(asked.params, exchange.now_ms())  # Again before the engine, as the venue does.
        lag_ms = struck[FaultKind.STALE].milliseconds if FaultKind.STALE in struck else 0
        try:
            answer = self._act(call, asked.params, account, lag_ms)
        except ApiError:
            await self._striker.after(call.name, struck)
            raise
        if call.is_order:
            counter.give_back(weight, now_ms)
        await self._striker.after(call.name, struck)
        return answer

    def authenticated(self, asked: Asked) -> Account:
        """Return the account that signed, or raise `ApiError`."""
        if asked.logged_on is not None and "signature" not in asked.params:
            if "timestamp" in asked.params:
                check_time(asked.params, self._exchange.now_ms())
            return asked.logged_on
        if not asked.key:
            raise ApiError(-2014, "API-key format invalid.", HTTP_UNAUTHORISED)
        account = self._exchange.accounts.get(asked.key)
        if account is None:
            raise _NO_RIGHT
        for name in ("timestamp", "signature"):
            if not asked.params.get(name):
                raise missing(name)
        check_signature(account.settings, asked.payload(), asked.params["signature"])
        check_time(asked.params, self._exchange.now_ms())
        return account

    def _act(self, call: Call, params: Params, account: Account | None, lag_ms: int) -> Any:
        if call.own is not None and account is not None:
            return call.own(Caller(self._exchange, account, lag_ms), params)
        assert call.public is not None, "a call is public or an account's"
        return call.public(self._exchange, params)


def _answer_of_status(fault: Fault) -> ApiError:
    code, text = _STATUS_TEXT.get(fault.status, (-1000, "An unknown error occurred."))
    return ApiError(code, text, fault.status, fault.retry_after_s if fault.status in _LIMITED else 0)
