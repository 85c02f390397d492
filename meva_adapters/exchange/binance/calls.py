"""Call Binance's REST interface, each call once, and sort every outcome: answered, refused, not sent, or unknown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from meva_adapters.exchange.binance.codec import read_error
from meva_adapters.exchange.binance.signer import Signer, encoded_query, signed_query
from meva_adapters.transport.http import LAST_LOOK, Answer, HttpTransport, NoAnswerError, NotSentError
from meva_adapters.transport.rate_budget import RateBudget
from meva_adapters.transport.ready_request import LastLook
from meva_adapters.wire.fields import CodecError, ms_as_ns, read_json, row_of
from meva_core.errors import VenueRefusedError, VenueUnknownError
from meva_core.events import ClockMeasured
from meva_core.model.market import NS_PER_MS, NS_PER_SECOND
from meva_core.ports.clock import Clock

VENUE: Final = "binance"
WEIGHT_HEADER: Final = "x-mbx-used-weight-1m"
# Errors that say nothing about whether the call took effect (errors.md of the venue's documentation).
_UNKNOWN_CODES: Final = frozenset({-1000, -1001, -1006, -1007, -1008})
# What may mean that a market is closed, or that its rules have changed.
_FILTER_FAILURE: Final = -1013
_CLOSED: Final = "Market is closed."
_LIMITED: Final = frozenset({418, 429})
_LIMIT_CODES: Final = frozenset(map(str, _LIMITED))
_BEFORE_THE_ENGINE: Final = frozenset({403, 418, 429})
_WEIGHT_PER_MINUTE: Final = 6_000
# A third of a per cent of the budget cancels two hundred orders, each of weight 1.
_CANCEL_RESERVE: Final = 200
# As much lists the orders of thirty-three markets, each for weight 6, so that what rests can be named in need.
_LIST_RESERVE: Final = 200
_RETRY_AFTER_S: Final = 60  # Where a limit names no time: the window in which it counts.


def default_budget() -> RateBudget:
    """Return the budget of one address at Binance, with room to cancel what any agent of ours can hold open."""
    return RateBudget(
        limit=_WEIGHT_PER_MINUTE,
        reserve=_LIST_RESERVE + _CANCEL_RESERVE,
        cancels=_CANCEL_RESERVE,
        window_ns=60 * NS_PER_SECOND,
    )


class BinanceCalls:
    """Sign, count and send. *offset_ns* is the venue's time minus ours, once measured.

    *anomalies* counts by kind what the venue sent and we do not understand; *on_anomaly* hears of each.
    *on_market_doubt* hears of a refusal that may mean a closed market or new rules.
    """

    def __init__(
        self,
        transport: HttpTransport,
        clock: Clock,
        *,
        rest_url: str,
        api_key: str = "",
        signer: Signer | None = None,
        recv_window_ms: int = 5_000,
        budget: RateBudget | None = None,
        on_anomaly: Callable[[str, str], None] | None = None,
    ) -> None:
        self.clock = clock
        self.api_key = api_key
        self.signer = signer
        self.recv_window_ms = recv_window_ms
        self.budget = budget or default_budget()
        self.offset_ns: int | None = None
        self._ahead_ns: int | None = None
        self.anomalies: Counter[str] = Counter()
        self.on_market_doubt: Callable[[], None] = _nobody
        self._transport = transport
        self._url = rest_url.rstrip("/")
        self._on_anomaly = on_anomaly

    def venue_ns(self) -> int:
        """Return the venue's time, as far as it was measured."""
        return self.clock.now_ns() + (self.offset_ns or 0)

    def reached_ns(self) -> int:
        """Return a time that the venue has surely reached, however our clock was set since it was measured.

        What a venue's silence proves hangs on it, so an hour that only our clock has passed is none.
        """
        venue_ns = self.venue_ns()
        if self._ahead_ns is None:
            return venue_ns
        return min(venue_ns, self.clock.monotonic_ns() + self._ahead_ns)

    @property
    def limits(self) -> frozenset[str]:
        """Return the codes of the refusals that only mean "later"."""
        return _LIMIT_CODES

    def wait_ns(self, weight: int) -> int:
        """Return how long to wait until a call of *weight* may leave; 0 for at once."""
        return self.budget.wait_ns(weight, self.venue_ns())

    def note_anomaly(self, kind: str, detail: str) -> None:
        """Count what was not understood; *kind* is one of a few, *detail* for a person."""
        self.anomalies[kind] += 1
        if self._on_anomaly is not None:
            self._on_anomaly(kind, detail)

    async def public(self, path: str, parameters: list[tuple[str, str]], *, weight: int) -> Any:
        """Ask a public question; see `signed` for the errors."""
        query = encoded_query(parameters)
        return await self._call("GET", f"{path}?{query}" if query else path, {}, weight=weight, urgent=False)

    async def signed(
        self,
        method: str,
        path: str,
        parameters: list[tuple[str, str]],
        *,
        weight: int,
        urgent: bool = False,
        stamp_ns: int | None = None,
    ) -> Any:
        """Send a signed call, stamped with *stamp_ns* of the venue's time or else with now; return its JSON.

        Raises `NotSentError` (no byte left), `VenueRefusedError` (definite) or `VenueUnknownError`.
        """
        if self.signer is None:
            raise NotSentError("there is no key to sign with")
        if stamp_ns is None:
            if self.offset_ns is None:
                await self.measure_clock()
            stamp_ns = self.venue_ns()
        stamped = [
            *parameters,
            ("recvWindow", str(self.recv_window_ms)),
            ("timestamp", str(stamp_ns // NS_PER_MS)),
        ]
        target = f"{path}?{signed_query(stamped, self.signer)}"
        return await self._call(method, target, {"X-MBX-APIKEY": self.api_key}, weight=weight, urgent=urgent)

    async def measure_clock(self) -> ClockMeasured:
        """Compare the clocks; half of the round trip is the error. Raises like `signed`."""
        asked_ns, before_ns = self.clock.now_ns(), self.clock.monotonic_ns()
        token = LAST_LOOK.set(None)  # An order that asks for the time may leave no more; the question may.
        try:
            data = await self.public("/api/v3/time", [], weight=1)
        finally:
            LAST_LOOK.reset(token)
        heard_ns, after_ns = self.clock.now_ns(), self.clock.monotonic_ns()
        try:
            server_ns = ms_as_ns(row_of(data), "serverTime")
        except CodecError as exc:
            raise VenueUnknownError(VENUE, "time", str(exc)) from exc
        self.offset_ns = server_ns - (asked_ns + heard_ns) // 2
        self._ahead_ns = server_ns - (before_ns + after_ns) // 2
        return ClockMeasured(heard_ns, self.offset_ns)

    async def _call(
        self, method: str, target: str, headers: dict[str, str], *, weight: int, urgent: bool
    ) -> Any:
        operation = f"{method} {target.partition('?')[0]}"
        cancels = urgent and method == "DELETE"
        held_back = self.budget.take(weight, self.venue_ns(), urgent=urgent, cancels=cancels)
        if held_back:
            raise NotSentError(f"held back, {held_back}")
        look = LAST_LOOK.get()
        token = LAST_LOOK.set(None if look is None else partial(self._look, look))
        try:
            answer = await self._transport.send(method, f"{self._url}{target}", headers=headers)
        except NoAnswerError as exc:
            raise VenueUnknownError(VENUE, operation, exc.problem) from exc
        finally:
            LAST_LOOK.reset(token)
        self._count(answer)
        return self._sorted(operation, answer)

    async def _look(self, look: LastLook) -> str:
        """Say why a call may not leave: what *look* says, or a limit that another call was told of meanwhile."""
        why = await look()
        if not why and (blocked := self.budget.blocked(self.venue_ns())):
            why = f"held back, {blocked}"
        return why

    def _count(self, answer: Answer) -> None:
        now_ns = self.venue_ns()
        used = answer.headers.get(WEIGHT_HEADER, "")
        if used.isdecimal() and used.isascii():
            self.budget.learn(int(used[:9]), now_ns)
        if answer.status in _LIMITED:
            wait = answer.headers.get("retry-after", "")
            seconds = int(wait[:9]) if wait.isdecimal() and wait.isascii() else _RETRY_AFTER_S
            self.budget.block(now_ns + max(1, seconds) * NS_PER_SECOND)  # 0 would be asked again at once.

    def _sorted(self, operation: str, answer: Answer) -> Any:
        status = answer.status
        if status == 200:  # noqa: PLR2004 - HTTP OK.
            try:
                return read_json(answer.body)
            except CodecError as exc:
                self.note_anomaly("malformed_answer", f"{operation}: {exc.problem}")
                raise VenueUnknownError(VENUE, operation, str(exc)) from exc
        error = read_error(answer.body)
        if status in _BEFORE_THE_ENGINE:
            raise VenueRefusedError(VENUE, str(status), error.message if error else f"HTTP {status}")
        if error is None or not 400 <= status < 500 or error.code in _UNKNOWN_CODES:  # noqa: PLR2004 - HTTP.
            told = f" {error.code} {error.message}" if error else ""
            raise VenueUnknownError(VENUE, operation, f"HTTP {status}{told}")
        if error.code == _FILTER_FAILURE or error.message == _CLOSED:
            self.on_market_doubt()
        raise VenueRefusedError(VENUE, str(error.code), error.message)


def _nobody() -> None:
    """Stand in until somebody watches the markets."""
