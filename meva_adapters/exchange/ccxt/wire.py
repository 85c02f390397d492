"""Carry ccxt's requests, each once, and sort every outcome: answered, refused with proof, not sent, or unknown.

ccxt's own errors say what kind of thing went wrong and not whether an order was placed; only a class of its errors
together with an HTTP status that means a refusal is taken for proof.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any, Final, TypeVar

from attrs import define

from meva_adapters.transport.http import Answer, HttpTransport, NoAnswerError, NotSentError
from meva_core.errors import VenueRefusedError, VenueUnknownError
from meva_core.model.market import NS_PER_SECOND
from meva_core.ports.clock import Clock

T = TypeVar("T")

# Errors by which an exchange says no to this very request (ccxt manual, "Error handling").
_REFUSALS: Final = frozenset(
    {"AuthenticationError", "BadRequest", "InsufficientFunds", "InvalidOrder", "OperationRejected"}
)
_LIMITS: Final = frozenset({"RateLimitExceeded", "DDoSProtection"})
_LIMITED: Final = frozenset({418, 429})
_NO_VERDICT: Final = frozenset({408, 418, 425, 429})
_RETRY_AFTER_S: Final = 60
_OK, _REDIRECTS, _BAD_REQUEST, _SERVER_ERRORS = 200, 300, 400, 500
_UNAUTHORISED: Final = 401
_TEXT_MAX: Final = 300


@define
class _Call:
    """Follow the requests of one call: how many left, and the last answer."""

    sent: int = 0
    answer: Answer | None = None


_CALL: ContextVar[_Call] = ContextVar("_CALL")


class CcxtWire:
    """Put *transport* in the place of *client*'s own connections. *anomalies* counts what was not understood."""

    def __init__(
        self,
        client: Any,
        transport: HttpTransport,
        clock: Clock,
        *,
        on_anomaly: Callable[[str, str], None] | None = None,
    ) -> None:
        self.client = client
        self.clock = clock
        self.venue = str(client.id)
        self.anomalies: Counter[str] = Counter()
        self._transport = transport
        self._on_anomaly = on_anomaly
        self._blocked_until_ns = 0
        client.fetch = self._fetch

    def note_anomaly(self, kind: str, detail: str) -> None:
        """Count what was not understood; *kind* is one of a few, *detail* for a person."""
        self.anomalies[kind] += 1
        if self._on_anomaly is not None:
            self._on_anomaly(kind, detail)

    async def call(self, operation: str, ask: Callable[[], Awaitable[T]]) -> T:
        """Return what *ask* returns; raise `NotSentError`, `VenueRefusedError` or `VenueUnknownError`.

        A refusal's code is the name of ccxt's error, its message the exchange's own words.
        """
        call = _Call()
        token = _CALL.set(call)
        try:
            return await ask()
        except (NotSentError, NoAnswerError) as exc:
            if isinstance(exc, NotSentError) and not call.sent:
                raise
            raise VenueUnknownError(self.venue, operation, exc.problem) from exc
        except Exception as exc:
            raise self._sorted(operation, exc, call) from exc
        finally:
            _CALL.reset(token)

    def _sorted(self, operation: str, exc: Exception, call: _Call) -> Exception:
        """Return the error that says what is known after ccxt raised *exc*."""
        kinds = [cls.__name__ for cls in type(exc).__mro__]
        by_ccxt = "BaseError" in kinds
        answer = call.answer
        if by_ccxt and not call.sent:
            return NotSentError(f"{kinds[0]}: {str(exc)[:_TEXT_MAX]}")
        if not by_ccxt or answer is None:
            self.note_anomaly("malformed_answer", f"{operation}: {kinds[0]}")
            return VenueUnknownError(self.venue, operation, f"ccxt cannot read the answer ({kinds[0]})")
        told = answer.body[:_TEXT_MAX].decode(errors="replace")
        if _is_refusal(kinds, answer.status):
            return VenueRefusedError(self.venue, kinds[0], told)
        if _LIMITS.intersection(kinds):
            self._block(answer)
        return VenueUnknownError(self.venue, operation, f"HTTP {answer.status} {kinds[0]} {told}")

    async def _fetch(
        self, url: str, method: str = "GET", headers: Mapping[str, str] | None = None, body: Any = None
    ) -> Any:
        """Stand in for ccxt's own `fetch`: no redirect, no repetition, no proxy."""
        call = _CALL.get(None) or _Call()
        if (left_ns := self._blocked_until_ns - self.clock.now_ns()) > 0:
            raise NotSentError(f"held back, rate limited for another {left_ns // 10**6} ms")
        prepared = self.client.prepare_request_headers(headers)
        encoded = body.encode() if isinstance(body, str) and body else None
        # Counted before it leaves: from here on ccxt's own word is no proof that nothing did.
        call.sent += 1
        try:
            answer = await self._transport.send(method, url, headers=prepared, body=encoded)
        except NotSentError:
            call.sent -= 1
            raise
        call.answer = answer
        if answer.status in _LIMITED:
            self._block(answer)
        return self._read(answer, url, method, prepared, body)

    def _read(self, answer: Answer, url: str, method: str, headers: Any, body: Any) -> Any:
        if _REDIRECTS <= answer.status < _BAD_REQUEST:
            raise NoAnswerError(f"HTTP {answer.status}, a redirect")
        text = answer.body.decode(errors="replace").strip()
        parsed = self.client.parse_json(text)
        status, client = answer.status, self.client
        client.handle_errors(status, "", url, method, dict(answer.headers), text, parsed, headers, body)
        client.handle_http_status_code(status, "", "", method, text)
        if parsed is None or status != _OK:
            self.note_anomaly("malformed_answer", f"{method}: HTTP {status}, {len(text)} characters")
            raise NoAnswerError(f"HTTP {status} without the JSON that was promised")
        return parsed

    def _block(self, answer: Answer) -> None:
        wait = answer.headers.get("retry-after", "")
        seconds = int(wait[:9]) if wait.isdecimal() and wait.isascii() else _RETRY_AFTER_S
        until_ns = self.clock.now_ns() + seconds * NS_PER_SECOND
        self._blocked_until_ns = max(self._blocked_until_ns, until_ns)


def _is_refusal(kinds: list[str], status: int) -> bool:
    if status == _UNAUTHORISED:
        return True  # Whatever ccxt calls it: who is not let in has placed nothing.
    refused = status == _OK or (_BAD_REQUEST <= status < _SERVER_ERRORS and status not in _NO_VERDICT)
    return refused and not _REFUSALS.isdisjoint(kinds)
