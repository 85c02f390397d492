"""Name every fault that a simulated venue and its network can have; a plan of them is data.

The numbers (A1, B2 ...) are those of the fault catalogue in docs/reliability.md. A fault hits the n-th operation of
its kind, counted from 0, so that a plan can be shrunk fault by fault and still means the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from attrs import frozen


class Operation(StrEnum):
    """Name what is counted: requests by kind, messages of the two streams, commits, handled events, seconds."""

    PLACE = "place"
    CANCEL = "cancel"
    CANCEL_ALL = "cancel_all"
    QUERY = "query"
    OBSERVE = "observe"
    STREAM = "stream"
    COMMIT = "commit"
    EVENT = "event"
    SECOND = "second"


class Kind(StrEnum):
    """Name what goes wrong. *amount* of a fault is in milliseconds where the comment says so."""

    # Requests.
    REQUEST_LOST = "request_lost"  # A3: it never arrives.
    RESPONSE_LOST = "response_lost"  # A1, A2: the venue acted, and nobody hears of it.
    SLOW_REQUEST = "slow_request"  # A3: it arrives so much later (ms).
    SLOW_RESPONSE = "slow_response"  # B3: the answer arrives so much later (ms), after the deadline: unknown.
    ERROR_BEFORE = "error_before"  # A4: HTTP 5xx, and nothing was done.
    ERROR_AFTER = "error_after"  # A4: HTTP 5xx, although it was done.
    REFUSED = "refused"  # A8: the venue refuses the order.
    RATE_LIMITED = "rate_limited"  # D1: HTTP 429, retry after so long (ms).
    STALE = "stale"  # A5, B3: the answer is what was true so long ago (ms).
    TORN = "torn"  # B3: balances are that much older (ms) than orders and trades.
    # The stream of our own orders.
    DROPPED = "dropped"  # C3: a message is lost, and nobody notices.
    DUPLICATED = "duplicated"  # B2: a message comes so many times more.
    DELAYED = "delayed"  # B4: a message comes so much later (ms), after its followers.
    # Connections; they last so long (ms).
    USER_STREAM_DOWN = "user_stream_down"  # C3: closed, and we know it.
    USER_STREAM_SILENT = "user_stream_silent"  # C3: open, and nothing comes.
    FEED_DOWN = "feed_down"  # C1, C2: market streams closed.
    FEED_SILENT = "feed_silent"  # C1: market streams open, and nothing comes.
    NETWORK_DOWN = "network_down"  # B9: nothing reaches the venue, nothing comes back.
    CLOCK_SKEW = (
        "clock_skew"  # C4: the venue's clock is so far ahead of ours (ms, may be negative) for a while.
    )
    BOOK_GAP = "book_gap"  # C2: a change of an order book is lost on its way to us.
    BOOK_CROSSED = "book_crossed"  # C2: a change comes with a bid above the ask.
    HALTED = "halted"  # C5: the first symbol takes no orders so long (ms); we learn it later.
    RULES_CHANGED = "rules_changed"  # C5: it takes other sizes or steps so long (ms); we learn it later.
    # The account.
    MANUAL_CANCEL = "manual_cancel"  # B7: a person cancels our oldest open order.
    FOREIGN_TRADE = "foreign_trade"  # B7, F5: a person's own order trades in the same account.
    # The process and its store.
    CRASH_BEFORE = "crash_before"  # E1: killed just before the operation.
    CRASH_AFTER = "crash_after"  # E1: killed just after it.
    SLOW_COMMIT = "slow_commit"  # E3: it takes so long (ms), and other events are handled meanwhile.
    IO_ERROR = "io_error"  # E3, E4: the commit fails (disk full, I/O error, locked for too long).
    # The operator; at a commit: while it is under way (F2).
    PAUSE = "pause"
    RESUME = "resume"
    KILL = "kill"  # F1, F2: so many requests at once.
    RELEASE = "release"
    CANCEL_ONE = "cancel_one"  # B1, B4: the oldest open order.


_REQUESTS: Final = (
    Operation.PLACE,
    Operation.CANCEL,
    Operation.CANCEL_ALL,
    Operation.QUERY,
    Operation.OBSERVE,
)
_ANY_REQUEST: Final = (
    Kind.REQUEST_LOST,
    Kind.RESPONSE_LOST,
    Kind.SLOW_REQUEST,
    Kind.SLOW_RESPONSE,
    Kind.ERROR_BEFORE,
    Kind.ERROR_AFTER,
    Kind.RATE_LIMITED,
    Kind.CRASH_BEFORE,
    Kind.CRASH_AFTER,
)

# Which faults an operation can have.
POSSIBLE: Final[dict[Operation, tuple[Kind, ...]]] = {
    Operation.PLACE: (*_ANY_REQUEST, Kind.REFUSED),
    Operation.CANCEL: _ANY_REQUEST,
    Operation.CANCEL_ALL: _ANY_REQUEST,
    Operation.QUERY: (*_ANY_REQUEST, Kind.STALE),
    Operation.OBSERVE: (*_ANY_REQUEST, Kind.STALE, Kind.TORN),
    Operation.STREAM: (Kind.DROPPED, Kind.DUPLICATED, Kind.DELAYED),
    Operation.COMMIT: (
        Kind.CRASH_BEFORE,
        Kind.CRASH_AFTER,
        Kind.SLOW_COMMIT,
        Kind.IO_ERROR,
        Kind.PAUSE,
        Kind.KILL,
    ),
    Operation.EVENT: (Kind.CRASH_BEFORE, Kind.CRASH_AFTER),
    Operation.SECOND: (
        Kind.USER_STREAM_DOWN,
        Kind.USER_STREAM_SILENT,
        Kind.FEED_DOWN,
        Kind.FEED_SILENT,
        Kind.NETWORK_DOWN,
        Kind.CLOCK_SKEW,
        Kind.HALTED,
        Kind.RULES_CHANGED,
        Kind.BOOK_GAP,
        Kind.BOOK_CROSSED,
        Kind.MANUAL_CANCEL,
        Kind.FOREIGN_TRADE,
        Kind.PAUSE,
        Kind.RESUME,
        Kind.KILL,
        Kind.RELEASE,
        Kind.CANCEL_ONE,
    ),
}
assert set(POSSIBLE) == set(Operation), "every operation says what can go wrong with it"


@frozen(order=True)
class Fault:
    """Let *kind* happen to the *number*-th *operation*. See `Kind` for the meaning of *amount*."""

    operation: Operation
    number: int
    kind: Kind
    amount: int = 0


class FaultPlan:
    """Hand out each fault when its operation comes, and keep what has happened: *fired* by kind, *struck* in order."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(faults))
        self.fired: dict[str, int] = {}
        self.struck: list[Fault] = []
        self._waiting: dict[Operation, dict[int, list[Fault]]] = {operation: {} for operation in Operation}
        self._counts = dict.fromkeys(Operation, 0)
        for fault in self.faults:
            if fault.kind not in POSSIBLE[fault.operation]:
                message = (
                    f"{fault.kind} cannot happen to {fault.operation}; possible: {POSSIBLE[fault.operation]}"
                )
                raise ValueError(message)
            self._waiting[fault.operation].setdefault(fault.number, []).append(fault)

    def strike_next(self, operation: Operation, kind: Kind, amount: int = 0) -> None:
        """Let *kind* happen to the next *operation*."""
        number = self._counts[operation]
        self._waiting[operation].setdefault(number, []).append(Fault(operation, number, kind, amount))

    def next(self, operation: Operation) -> list[Fault]:
        """Return the faults of the next *operation*."""
        number = self._counts[operation]
        self._counts[operation] = number + 1
        return self._waiting[operation].pop(number, [])

    def take_crash(self, operation: Operation, kind: Kind) -> bool:
        """Return whether the process dies by *kind* at the next *operation*; that fault is spent then."""
        waiting = self._waiting[operation].get(self._counts[operation], [])
        for fault in waiting:
            if fault.kind is kind:
                waiting.remove(fault)
                self.fire(fault)
                return True
        return False

    def fire(self, fault: Fault) -> None:
        """Count *fault* as having happened."""
        name = f"{fault.operation} {fault.kind}"
        self.fired[name] = self.fired.get(name, 0) + 1
        self.struck.append(fault)

    def stop(self) -> None:
        """Let nothing more go wrong."""
        for waiting in self._waiting.values():
            waiting.clear()
