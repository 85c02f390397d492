"""Call Kraken's REST interface, each call once, and sort every outcome: answered, refused, not sent, or unknown.

Private calls leave one after another: a nonce that arrives after a higher one is refused. Urgent ones wait for none.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

from meva_adapters.exchange.kraken.errors import (
    DOUBTFUL,
    INVALID_NONCE,
    LOCKED_OUT,
    RATE_LIMITED,
    REMEDIES,
    is_proof,
    throttled_until_s,
)
from meva_adapters.exchange.kraken.nonces import Nonces
from meva_adapters.exchange.kraken.signer import Signer
from meva_adapters.exchange.kraken.tiers import TIERS
from meva_adapters.exchange.kraken.turns import Line, OvertakenError, Turn
from meva_adapters.transport.decaying_budget import DecayingBudget
from meva_adapters.transport.http import (
    LAST_LOOK,
    Answer,
    HttpTransport,
    NoAnswerError,
    NotSentError,
)
from meva_adapters.transport.ready_request import LastLook
from meva_adapters.wire.fields import CodecError, number, read_exact_json, row_of
from meva_core.errors import VenueRefusedError, VenueUnknownError
from meva_core.events import ClockMeasured
from meva_core.model.market import NS_PER_MS, NS_PER_SECOND
from meva_core.ports.clock import Clock

VENUE: Final = "kraken"
_HEADERS: Final = {"User-Agent": "meva"}  # The venue refuses a call without one.
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_OK: Final = 200
_BEFORE_THE_ENGINE: Final = frozenset({403, 418, 429})
_LIMITED_S: Final = 5  # Where a limit names no time; the counter of the lowest tier falls by two meanwhile.
_LOCKOUT_S: Final = 300
# What changes nothing at the venue, so that it may be given up and asked again.
_QUESTIONS: Final = frozenset({
    "BalanceEx", "ClosedOrders", "GetWebSocketsToken", "OpenOrders", "QueryOrders", "TradesHistory", "WithdrawMethods",
})  # fmt: skip
_ASKED_MAX: Final = 2  # Who cancels often still gets answers, and a venue that hangs is not asked for ever.


class KrakenCalls:
    """Sign, count and send. *offset_ns* is the venue's time minus ours, once measured.

    *deadline_ms* is how long after its stamp an order may still reach the engine: 500 to 60,000 ("AddOrder").
    *anomalies* counts by kind what the venue sent and we do not understand; *on_anomaly* hears of each.
    *on_market_doubt* hears of what may mean a closed market or new rules.
    """

    def __init__(
        self,
        transport: HttpTransport,
        clock: Clock,
        *,
        rest_url: str,
        api_key: str = "",
        signer: Signer | None = None,
        nonces: Nonces | None = None,
        deadline_ms: int = 5_000,
        budget: DecayingBudget | None = None,
        on_anomaly: Callable[[str, str], None] | None = None,
    ) -> None:
        self.clock = clock
        self.api_key = api_key
        self.deadline_ms = deadline_ms
        self.budget = budget or TIERS["starter"].budget()
        self.offset_ns: int | None = None
        self._ahead_ns: int | None = None
        self.anomalies: Counter[str] = Counter()
        self.on_market_doubt: Callable[[], None] = _nobody
        self._transport = transport
        self._url = rest_url.rstrip("/")
        self._signer = signer
        self._nonces = nonces
        self._on_anomaly = on_anomaly
        self._line = Line()

    def reached_ns(self) -> int:
        """Return a time that the venue has surely reached, however our clock was set since it was measured.

        What a venue's silence proves hangs on it, so an hour that only our clock has passed is none.
        """
        venue_ns = self.clock.now_ns() + (self.offset_ns or 0)
        if self._ahead_ns is None:
            return venue_ns
        return min(venue_ns, self.clock.monotonic_ns() + self._ahead_ns)

    def note_anomaly(self, kind: str, detail: str) -> None:
        """Count what was not understood; *kind* is one of a few, *detail* for a person."""
        self.anomalies[kind] += 1
        if self._on_anomaly is not None:
            self._on_anomaly(kind, detail)

    async def public(self, name: str, parameters: list[tuple[str, str]]) -> Any:
        """Ask a public question; see `private` for the errors."""
        query = f"?{urlencode(parameters)}" if parameters else ""
        return await self._send("GET", f"/0/public/{name}{query}", name, _HEADERS, None)

    async def private(
        self,
        name: str,
        parameters: list[tuple[str, str]],
        *,
        weight: int = 1,
        urgent: bool = False,
        reserve: bool = False,
    ) -> Any:
        """Make a signed call that counts *weight* and return its result, numbers as they were written.

        An *urgent* one makes things safer: it leaves before all others and, as one of the *reserve* does, out of what
        the budget keeps back. A question that is given up for it is asked once more, then it has no answer.
        Raises `NotSentError` (no byte left), `VenueRefusedError` (definite) or `VenueUnknownError`.
        """
        is_question = name in _QUESTIONS and not urgent
        asked = 0
        while True:
            turn = await self._line.take(urgent=urgent, is_question=is_question)
            try:
                return await self._in_turn(turn, name, parameters, weight, reserve=urgent or reserve)
            except OvertakenError:
                asked += is_question
                if asked == _ASKED_MAX:
                    raise VenueUnknownError(VENUE, name, "given up for urgent calls") from None
            finally:
                self._line.end(turn)

    async def _in_turn(
        self, turn: Turn, name: str, parameters: list[tuple[str, str]], weight: int, *, reserve: bool
    ) -> Any:
        """Sign and send; raise `OvertakenError` when an urgent call went first and nothing has come of this one."""
        if turn.overtaken:
            raise OvertakenError
        if self._signer is None or self._nonces is None:
            raise NotSentError("there is no key to sign with")
        # A counter falls with the time that passes, however our clock is set meanwhile.
        held_back = self.budget.take(weight, self.clock.monotonic_ns(), urgent=reserve)
        if held_back:
            raise NotSentError(f"held back, {held_back}")
        path, nonce = f"/0/private/{name}", str(self._nonces.next())
        body = urlencode([("nonce", nonce), *parameters]).encode()
        signature = self._signer.sign(path, nonce, body)
        headers = _HEADERS | _FORM | {"API-Key": self.api_key, "API-Sign": signature}
        token = LAST_LOOK.set(partial(self._look, turn, LAST_LOOK.get()))
        try:
            return await turn.run(self._send("POST", path, name, headers, body))
        except NotSentError:
            if turn.overtaken and not turn.left:
                raise OvertakenError from None
            raise
        except VenueRefusedError as exc:
            if (
                turn.overtaken and exc.code == INVALID_NONCE
            ):  # Nowhere is it said that it was looked at first.
                raise VenueUnknownError(VENUE, name, f"an urgent call went first: {exc}") from exc
            raise
        finally:
            LAST_LOOK.reset(token)

    async def _look(self, turn: Turn, look: LastLook | None) -> str:
        """Say why a call may not leave: what *look* says, that its nonce is too low by now, or a limit told since."""
        why = "" if look is None else await look()
        if not why and turn.overtaken:
            why = "an urgent call went first"
        if not why and (blocked := self.budget.blocked(self.clock.monotonic_ns())):
            why = f"held back, {blocked}"
        turn.left = not why
        return why

    async def room(self, weight: int, *, longest_s: float) -> None:
        """Wait until *weight* fits into the budget; raise `NotSentError` where that takes longer than *longest_s*."""
        while wait_ns := self.budget.wait_ns(weight, self.clock.monotonic_ns()):
            wait_s = wait_ns / NS_PER_SECOND
            if wait_s > longest_s:
                raise NotSentError(f"held back, the budget has no room for {wait_s:.1f} s")
            await asyncio.sleep(wait_s)
            longest_s -= wait_s  # Others may have used what was waited for.

    async def measure_clock(self) -> ClockMeasured:
        """Compare the clocks; the venue tells whole seconds, so half a second is added. Raises like `private`."""
        asked_ns = self.clock.now_ns()
        data = await self.public("Time", [])
        heard_ns, after_ns = self.clock.now_ns(), self.clock.monotonic_ns()
        try:
            told_ns = int(number(row_of(data), "unixtime")) * NS_PER_SECOND
        except CodecError as exc:
            raise VenueUnknownError(VENUE, "Time", str(exc)) from exc
        self._ahead_ns = told_ns - after_ns  # The second had begun there when the answer was here.
        offset_ns = told_ns + 500 * NS_PER_MS - (asked_ns + heard_ns) // 2
        # Within the half second that the answer leaves open, the clocks are equal as far as anybody can tell.
        self.offset_ns = 0 if abs(offset_ns) <= 500 * NS_PER_MS + (heard_ns - asked_ns) // 2 else offset_ns
        return ClockMeasured(heard_ns, self.offset_ns)

    async def _send(
        self, method: str, target: str, name: str, headers: dict[str, str], body: bytes | None
    ) -> Any:
        try:
            answer = await self._transport.send(method, f"{self._url}{target}", headers=headers, body=body)
        except NoAnswerError as exc:
            raise VenueUnknownError(VENUE, name, exc.problem) from exc
        return self._sorted(name, answer)

    def _sorted(self, name: str, answer: Answer) -> Any:
        if answer.status in _BEFORE_THE_ENGINE:
            wait = answer.headers.get("retry-after", "")
            wait_s = int(wait[:9]) if wait.isdecimal() and wait.isascii() else _LIMITED_S
            self._hold(wait_s * NS_PER_SECOND)
            raise VenueRefusedError(VENUE, str(answer.status), f"HTTP {answer.status}")
        if answer.status != _OK:
            raise VenueUnknownError(VENUE, name, f"HTTP {answer.status}")
        try:
            told, result = _envelope(answer.body)
        except CodecError as exc:
            self.note_anomaly("malformed_answer", f"{name}: {exc.problem}")
            raise VenueUnknownError(VENUE, name, str(exc)) from exc
        errors = [each for each in told if not each.startswith("W")]
        for warning in told:
            if warning.startswith("W"):
                self.note_anomaly("warning", f"{name}: {warning}")
        if errors:
            raise self._failure(name, errors)
        return result

    def _failure(self, name: str, errors: list[str]) -> VenueRefusedError | VenueUnknownError:
        for error in errors:
            self._learn(error)
        if not all(map(is_proof, errors)):
            return VenueUnknownError(VENUE, name, ", ".join(errors))
        if errors[0].startswith(DOUBTFUL):
            self.on_market_doubt()
        _, _, problem = errors[0].partition(":")
        told = (f"{', '.join([problem.strip(), *errors[1:]])}.", REMEDIES.get(errors[0], ""))
        return VenueRefusedError(VENUE, errors[0], " ".join(filter(None, told)))

    def _learn(self, error: str) -> None:
        until_s = throttled_until_s(error)
        if until_s is not None:
            left_ns = until_s * NS_PER_SECOND - (self.offset_ns or 0) - self.clock.now_ns()
            self._hold(min(left_ns, _LOCKOUT_S * NS_PER_SECOND))
        elif error == RATE_LIMITED:
            self.budget.fill(self.clock.monotonic_ns())
        elif error == LOCKED_OUT:
            self._hold(_LOCKOUT_S * NS_PER_SECOND)

    def _hold(self, wait_ns: int) -> None:
        self.budget.block(self.clock.monotonic_ns() + wait_ns)


def _nobody() -> None:
    """Stand in until somebody watches the markets."""


def _envelope(body: bytes) -> tuple[list[str], Any]:
    """Return what an answer complains of, and its result."""
    data = row_of(read_exact_json(body))
    told = data.get("error")
    if not isinstance(told, list) or not all(isinstance(each, str) for each in told):
        raise CodecError("error is no list of texts")
    if all(each.startswith("W") for each in told) and "result" not in data:
        raise CodecError("it has no result")
    return [each[:200] for each in told], data.get("result")
