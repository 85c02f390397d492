"""Carry messages between an agent and a venue in virtual time, as far and as fast as a plan of faults lets them.

It knows nothing of orders: a request is what to do at the venue, and what to say when no answer comes. It reads no
clock: `pop` lets the next thing happen, at the time that `next_ns` tells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from typing import Final, Protocol

from attrs import evolve

from meva_adapters.exchange.simulated.faults import Fault, FaultPlan, Kind, Operation
from meva_core.events import Event
from meva_core.model.market import NS_PER_MS

# What happens at a time; it returns what the agent hears of it.
Action = Callable[[int], Sequence[Event]]
Faults = dict[Kind, Fault]
# Does at the venue what was asked, at that time and under those faults; returns what the venue then says.
Act = Callable[[int, Faults], Action]

_OF_THE_PROCESS: Final = frozenset({Kind.CRASH_BEFORE, Kind.CRASH_AFTER})


class Fail(Protocol):
    """Say what the agent hears when a request came to nothing; *refused*: by the venue, before it did anything."""

    def __call__(self, heard_ns: int, problem: str, *, refused: bool) -> Sequence[Event]:
        """Return what the agent hears."""
        ...


class VirtualNetwork:
    """Keep what is on its way. *up*: whether anything gets through; *retry_ns*: until when the venue is left alone.

    *answered* counts the requests whose sender has heard an answer, or has given up.
    """

    def __init__(self, plan: FaultPlan, *, timeout_ns: int, latency_ns: int) -> None:
        self.up = True
        self.answered = 0
        self.retry_ns = 0
        self.latency_ns = latency_ns
        self._plan = plan
        self._timeout_ns = timeout_ns
        self._heap: list[tuple[int, int, Action]] = []
        self._scheduled = 0
        self._connection = 0

    def next_ns(self) -> int | None:
        """Return when the next thing happens."""
        return self._heap[0][0] if self._heap else None

    def pop(self) -> Sequence[Event]:
        """Let the next thing happen; return what the agent hears of it."""
        time_ns, _, action = heappop(self._heap)
        return action(time_ns)

    def at(self, time_ns: int, action: Action) -> None:
        """Let *action* happen at the venue or on the way, whatever becomes of the agent."""
        self._scheduled += 1
        heappush(self._heap, (time_ns, self._scheduled, action))

    def later(self, time_ns: int, action: Action) -> None:
        """Let the agent hear something, if the process that it is meant for still lives."""
        connection = self._connection
        self.at(time_ns, lambda heard_ns: action(heard_ns) if connection == self._connection else ())

    def hang_up(self) -> None:
        """Serve nobody: what was meant for the process that listened reaches no other."""
        self._connection += 1

    def tell(self, event: Event, time_ns: int) -> None:
        """Send *event* on the stream of the agent's orders: it may be lost, repeated or late."""
        delay_ns, copies = self._hop_ns(), 1
        for fault in self._plan.next(Operation.STREAM):
            self._plan.fire(fault)
            match fault.kind:
                case Kind.DROPPED:
                    copies = 0
                case Kind.DUPLICATED:
                    copies += max(1, fault.amount)
                case _:
                    delay_ns += fault.amount * NS_PER_MS
        for _ in range(copies):
            self.later(time_ns + delay_ns, lambda heard_ns: [evolve(event, time_ns=heard_ns)])

    def carry(self, operation: Operation, now_ns: int, act: Act, fail: Fail) -> None:
        """Carry a request to the venue and its answer back."""
        listed = [fault for fault in self._plan.next(operation) if fault.kind not in _OF_THE_PROCESS]
        for fault in listed:
            self._plan.fire(fault)
        faults = {fault.kind: fault for fault in listed}
        answered = [False]

        def hear(heard_ns: int, say: Action) -> Sequence[Event]:
            if answered[0]:
                return ()
            answered[0] = True
            self.answered += 1
            return say(heard_ns)

        def arrive(time_ns: int) -> Sequence[Event]:
            say = self._answer(time_ns, faults, act, fail)
            back_ns = time_ns + self._hop_ns() + _ns(faults, Kind.SLOW_RESPONSE)
            if Kind.RESPONSE_LOST not in faults and self.up:
                self.later(back_ns, lambda heard_ns: hear(heard_ns, say))
            return ()

        if self.up and Kind.REQUEST_LOST not in faults:
            self.at(now_ns + self._hop_ns() + _ns(faults, Kind.SLOW_REQUEST), arrive)
        self.later(
            now_ns + self._timeout_ns,
            lambda time_ns: hear(time_ns, lambda heard_ns: fail(heard_ns, "no answer", refused=False)),
        )

    def _answer(self, time_ns: int, faults: Faults, act: Act, fail: Fail) -> Action:
        """Do at the venue what was asked, and return what it says."""
        if Kind.RATE_LIMITED in faults:
            self.retry_ns = time_ns + _ns(faults, Kind.RATE_LIMITED)
            return lambda heard_ns: fail(heard_ns, "HTTP 429", refused=True)
        if Kind.ERROR_BEFORE in faults:
            return lambda heard_ns: fail(heard_ns, "HTTP 503", refused=False)
        say = act(time_ns, faults)
        if Kind.ERROR_AFTER in faults:
            return lambda heard_ns: fail(heard_ns, "HTTP 504", refused=False)
        return say

    def _hop_ns(self) -> int:
        """Return the time of one way: it varies, so that messages overtake each other."""
        return self.latency_ns + self._scheduled * 37 % 23 * NS_PER_MS


def _ns(faults: Faults, kind: Kind) -> int:
    return faults[kind].amount * NS_PER_MS if kind in faults else 0
