"""Run one scenario in virtual time: market, venue, network, disk, operator and the agent's process, which may die.

Everything is a pure function of the scenario and the strategies: the same ones give the same trace, event for event.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from heapq import heappop, heappush
from typing import Any, Final

from attrs import evolve

from meva_adapters.exchange.simulated.faults import Fault, FaultPlan, Kind, Operation
from meva_adapters.exchange.simulated.simulated_exchange import SimulatedExchange
from meva_adapters.storage.memory import MemorySession
from meva_core.agent.orchestrator import AgentOrchestrator
from meva_core.agent.outbox import Outcome
from meva_core.commands import (
    CancelAllOrders,
    CancelOrder,
    Command,
    ObserveVenue,
    PlaceOrder,
    QueryOrder,
    RaiseAlert,
    RenewBook,
    SetTimer,
    TransferFunds,
)
from meva_core.errors import StorageError
from meva_core.events import AgentStarted, BookChanged, Event, MarketEvent, TimerFired
from meva_core.model.market import NS_PER_MS, NS_PER_SECOND
from meva_core.ports.storage import SessionHeader
from meva_runners.commit_then_act import COMMIT, CommittingAgent, Step, recover
from meva_runners.composition import ConfiguredStrategy, compose_agent, compose_venue, instruments_of
from meva_runners.simulation.checker import Checker
from meva_runners.simulation.market import market_events
from meva_runners.simulation.operator_desk import SimulatedOperator
from meva_runners.simulation.scenario import FIRST_TICKS, START_NS, Scenario

# After the last fault the world goes on for so long: window, lag bound and two more questions must fit (figure R9).
QUIET_SECONDS: Final = 150
_CHECKPOINT_EVENTS: Final = 2_000
# A run of days has many millions of events, and no recovery looks further back than to the newest checkpoint.
_EVENTS_MAX: Final = 200_000
_EVENTS_KEPT: Final = 20_000
_OF_THE_OPERATOR: Final = frozenset({Kind.PAUSE, Kind.RESUME, Kind.KILL, Kind.RELEASE, Kind.CANCEL_ONE})
_OPERATIONS: Final[dict[type, Operation]] = {
    PlaceOrder: Operation.PLACE,
    CancelOrder: Operation.CANCEL,
    CancelAllOrders: Operation.CANCEL_ALL,
    QueryOrder: Operation.QUERY,
    ObserveVenue: Operation.OBSERVE,
}


class CrashError(Exception):
    """Kill the simulated process here: nothing that is only in its memory survives."""


class World:
    """Run *scenario*. Afterwards *checker* holds every broken promise, *trace* names everything that happened.

    One that *stops* ends with the first broken promise.
    """

    def __init__(
        self, scenario: Scenario, strategies: Sequence[ConfiguredStrategy], *, stops: bool = False
    ) -> None:
        config = scenario.config
        self.scenario = scenario
        self.now_ns = START_NS
        self.plan = FaultPlan(scenario.faults)
        self.exchange = SimulatedExchange(compose_venue(config), self.plan, symbols=scenario.symbols)
        self.checker = Checker(config, self.exchange)
        self.operator = SimulatedOperator(self.exchange)
        self.crashes = 0
        self._strategies = tuple(strategies)
        self._instruments = instruments_of(config)
        self._seconds = scenario.minutes * 60
        self._session = MemorySession(_header(scenario))
        self._timers: list[tuple[int, int, str]] = []
        self._armed = 0
        self._agent: CommittingAgent | None = None
        self._restart_ns: int | None = START_NS
        self._waits = False
        self._stops = stops
        self._book_fault: Kind | None = None
        self._trace = blake2b(digest_size=16)
        market = market_events(
            scenario.seed,
            scenario.symbols,
            start_ns=START_NS + NS_PER_SECOND,
            busy_seconds=self._seconds,
            calm_seconds=QUIET_SECONDS,
            first_ticks=FIRST_TICKS,
            dense=scenario.dense,
        )
        self._market: Iterator[MarketEvent] = market
        self._next_market: MarketEvent | None = next(market)
        self._second = 0

    @property
    def trace(self) -> str:
        """Return the digest of everything that happened so far."""
        return self._trace.hexdigest()

    @property
    def agent(self) -> AgentOrchestrator | None:
        """Return the running agent; `None` while its process is down."""
        return None if self._agent is None else self._agent.agent

    def run(self) -> None:
        """Run to the end: the faults of the plan, then quiet, then the last checks."""
        end_ns = START_NS + (self._seconds + QUIET_SECONDS) * NS_PER_SECOND
        self._run_until(end_ns)
        if self._is_over():
            return
        if self._agent is None:  # It died in the last moments.
            self._start()
        assert self._agent is not None, "nothing kills a process in quiet times"
        self._commit()
        self.checker.on_quiet(self._agent.agent, self._session)
        self._trace.update(self._agent.agent.state_hash().encode())

    # Time.

    def _run_until(self, end_ns: int) -> None:
        """Let everything happen that is due up to *end_ns*, in order; ties go venue, timer, market, second."""
        while True:
            due_ns, happen = self._next()
            if due_ns > end_ns or self._is_over():
                self.now_ns = max(self.now_ns, end_ns)
                return
            self.now_ns = max(self.now_ns, due_ns)
            happen()

    def _is_over(self) -> bool:
        return self._stops and bool(self.checker.violations)

    def _next(self) -> tuple[int, Callable[[], None]]:
        second_ns = START_NS + self._second * NS_PER_SECOND
        due_ns, happen = second_ns, self._tick
        market = self._next_market
        if market is not None and market.time_ns <= due_ns:
            due_ns, happen = market.time_ns, self._move_market
        if self._timers and self._timers[0][0] <= due_ns:
            due_ns, happen = self._timers[0][0], self._fire_timer
        venue_ns = self.exchange.next_ns()
        if venue_ns is not None and venue_ns <= due_ns:
            due_ns, happen = venue_ns, self._let_venue_act
        if self._restart_ns is not None and self._restart_ns <= due_ns:
            due_ns, happen = self._restart_ns, self._start
        return due_ns, happen

    def _let_venue_act(self) -> None:
        for event in self.exchange.pop():
            self._hear(event)

    def _fire_timer(self) -> None:
        due_ns, _, name = heappop(self._timers)
        self._hear(TimerFired(max(due_ns, self.now_ns), name))

    def _move_market(self) -> None:
        event = self._next_market
        assert event is not None, "the caller has looked"
        self._next_market = next(self._market, None)
        if event.time_ns < self.now_ns:  # A slow disk held the process up meanwhile; the venue did not wait.
            event = _later(event, self.now_ns)
        self.exchange.on_market(event)
        heard = self._on_its_way(event)
        if self.exchange.feed_up and heard is not None:
            self._hear(heard)

    def _on_its_way(self, event: MarketEvent) -> MarketEvent | None:
        """Return *event* as it reaches us; `None` when it does not."""
        if self._book_fault is None or not isinstance(event, BookChanged):
            return event
        fault, self._book_fault = self._book_fault, None
        if fault is Kind.BOOK_GAP:
            return None
        [(ask, lots), *_] = event.asks
        return evolve(event, bids=((ask + 1, lots), *event.bids))

    def _tick(self) -> None:
        """Let a second pass: the plan's faults in time, the operator, and the commit of what is not urgent."""
        second, self._second = self._second, self._second + 1
        if second == self._seconds:
            self.plan.stop()
            self.operator.end(self.now_ns)
        for fault in self.plan.next(Operation.SECOND):
            self._strike(fault)
        for request in self.operator.requests(self.now_ns, self.agent):
            self._hear(request)
        if self._agent is not None:
            self._guarded(self._commit_with_faults)

    def _strike(self, fault: Fault) -> None:
        if fault.kind in _OF_THE_OPERATOR:
            self.plan.fire(fault)
            self.operator.plan(fault, self.now_ns, self.agent)
            return
        if fault.kind in (Kind.BOOK_GAP, Kind.BOOK_CROSSED):
            self.plan.fire(fault)
            self._book_fault = fault.kind
            return
        for event in self.exchange.strike(fault, self.now_ns):
            self._hear(event)

    # The process.

    def _hear(self, event: Event) -> None:
        """Let the agent's process handle *event* and everything that follows at once, if it lives."""
        if self._agent is not None:
            self._guarded(lambda: self._handle(event))

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do *work* of the process; a crash or a failed commit ends the process."""
        try:
            work()
        except CrashError:
            self._die()
        except StorageError:
            # Safe stop: what is not durable was not sent, and what may rest at the venue is cancelled.
            self._perform(CancelAllOrders(None, "the store failed"))
            self._die()

    def _handle(self, event: Event) -> None:
        waiting = deque([event])
        while waiting:
            event = waiting.popleft()
            if self.plan.take_crash(Operation.EVENT, Kind.CRASH_BEFORE):
                raise CrashError
            dies = self.plan.take_crash(Operation.EVENT, Kind.CRASH_AFTER)
            self.plan.next(Operation.EVENT)
            process = self._agent
            if process is None:
                return
            if event.time_ns < self.now_ns:  # A slow disk held the process up: it hears of it only now.
                event = evolve(event, time_ns=self.now_ns)
            for step in process.handle(event):
                waiting.extend(self._do(step))
                if self._agent is not process:
                    return  # It died while its disk was slow.
            if dies:
                raise CrashError
            self.operator.on_answer(event)

    def _do(self, step: Step) -> Sequence[Event]:
        if step is COMMIT:
            self._commit_with_faults()
            return ()
        assert not isinstance(step, type(COMMIT)), "there is one such step"
        return self._perform_with_faults(step)

    def _commit_with_faults(self) -> None:
        if self.plan.take_crash(Operation.COMMIT, Kind.CRASH_BEFORE):
            raise CrashError
        dies = self.plan.take_crash(Operation.COMMIT, Kind.CRASH_AFTER)
        process = self._agent
        for fault in self.plan.next(Operation.COMMIT):
            self.plan.fire(fault)
            if fault.kind is Kind.IO_ERROR:
                raise StorageError("memory", "no space left on device.", "Free some.")
            if fault.kind in _OF_THE_OPERATOR:
                self.operator.plan(fault, self.now_ns, self.agent)
                for request in self.operator.requests(self.now_ns, self.agent):
                    self._hear(request)
            elif not self._waits:
                self._waits = True
                self._run_until(self.now_ns + fault.amount * NS_PER_MS)
                self._waits = False
        if self._agent is not process:
            return
        self._commit()
        if dies:
            raise CrashError

    def _commit(self) -> None:
        assert self._agent is not None, "only a living process commits"
        self._agent.commit()
        self.checker.on_commit()
        if self._session.kept > _EVENTS_MAX:
            self._session.keep_newest(_EVENTS_KEPT)

    def _perform_with_faults(self, command: Command) -> Sequence[Event]:
        operation = _OPERATIONS.get(type(command))
        if operation is None:
            return self._perform(command)
        if self.plan.take_crash(operation, Kind.CRASH_BEFORE):
            raise CrashError
        dies = self.plan.take_crash(operation, Kind.CRASH_AFTER)
        events = self._perform(command)
        if dies:
            raise CrashError
        return events

    def _perform(self, command: Command) -> Sequence[Event]:
        exchange, now_ns = self.exchange, self.now_ns
        events: Sequence[Event] = ()
        match command:
            case PlaceOrder():
                events = exchange.place(command, now_ns)
            case CancelOrder():
                events = exchange.cancel(command, now_ns)
            case CancelAllOrders():
                events = exchange.cancel_all(command, now_ns)
            case QueryOrder():
                events = exchange.query(command, now_ns)
            case ObserveVenue():
                events = exchange.observe(command, now_ns)
            case SetTimer(name, due_ns):
                self._armed += 1
                heappush(self._timers, (due_ns, self._armed, name))
                self.checker.on_timers(len(self._timers))
            case RaiseAlert() | TransferFunds():
                pass  # The checker reads them in the records.
            case RenewBook():
                pass  # The market tells a snapshot every now and then.
        for request in exchange.wire:
            self._trace.update(repr(request).encode())
            self.checker.on_wire(request)
        exchange.wire.clear()
        return events

    def _die(self) -> None:
        self.crashes += 1
        self._agent = None
        self._timers.clear()
        self._session = self._session.reopened()
        self.checker.on_crash()
        self.exchange.hang_up()
        self._restart_ns = self.now_ns + (1 + self.crashes * 7 % 9) * NS_PER_SECOND

    def _start(self) -> None:
        """Start the process: recover what is durable, perform nothing of it, and connect."""
        self._restart_ns = None
        agent = recover(self._session, self._compose)
        self.checker.on_recovered(agent, self._session, self._compose)
        self._agent = CommittingAgent(
            agent,
            self._session,
            instruments=self._instruments,
            now_ns=lambda: self.now_ns,
            checkpoint_events=_CHECKPOINT_EVENTS,
            observers=(self._observe,),
        )
        self.exchange.connect(self.now_ns)
        self._hear(AgentStarted(self.now_ns))

    def _compose(self, checkpoint: Mapping[str, Any] | None) -> AgentOrchestrator:
        return compose_agent(
            self.scenario.config,
            self._strategies,
            checkpoint=checkpoint,
            capabilities=self.exchange.capabilities,
        )

    def _observe(self, event: Event, outcome: Outcome) -> None:
        if not isinstance(event, MarketEvent):
            self._trace.update(repr(event).encode())
        if outcome.decisions:
            self._trace.update(outcome.link)
        self.checker.on_event(event, outcome)


def _later(event: MarketEvent, time_ns: int) -> MarketEvent:
    """Return *event* as a process hears it that could not listen before *time_ns*."""
    return evolve(event, time_ns=time_ns)


def _header(scenario: Scenario) -> SessionHeader:
    return SessionHeader(
        session_id=f"seed {scenario.seed}",
        mode=scenario.config.mode.value,
        account=scenario.config.account,
        config_json="",
        config_hash="",
        tape_hash="",
        seed=scenario.seed,
        program_version="",
        started_ns=START_NS,
    )
