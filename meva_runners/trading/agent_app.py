"""Run one agent on one account from its start to its end; the same for every mode, and knowing none.

The order of a start: recover what is durable, connect, compare the clocks, compare the books with the venue, trade.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from importlib.metadata import version
from time import monotonic
from typing import Final

import click
from loguru import logger

from meva_adapters.clock.system import SystemClock
from meva_adapters.controls.access import open_tokens
from meva_adapters.controls.client import LATCH_NAME
from meva_adapters.controls.kill_latch import KillLatch, LatchedExchange
from meva_adapters.controls.server import ControlsServer, ServerSettings
from meva_adapters.settings import LoadedSettings
from meva_adapters.storage.codec import prepare_decoding
from meva_adapters.transfers.instruction_folder import FolderTransferExecutor
from meva_core.agent.operator_view import OperatorView
from meva_core.agent.orchestrator import AgentOrchestrator
from meva_core.agent.outbox import Outcome
from meva_core.commands import RaiseAlert
from meva_core.config.schema import AppConfig
from meva_core.errors import VenueRefusedError, VenueUnknownError
from meva_core.events import Event, KillReleaseRequested, KillRequested
from meva_core.model.market import NS_PER_DAY
from meva_core.model.state import Gate
from meva_core.ops.alerts import AlertService
from meva_core.ops.log_records import ControlAnswered
from meva_core.ops.metrics import emit, metrics_of_state
from meva_core.ops.reporting import ReplayResult, RunStatistics
from meva_core.ports.controls import FigureView
from meva_core.ports.metrics import MetricsSink
from meva_core.ports.storage import Session
from meva_runners.commit_then_act import CommittingAgent, Observer, recover
from meva_runners.composition import ConfiguredStrategy, compose_agent, instruments_of
from meva_runners.exit_status import PreflightError
from meva_runners.observers import Observe
from meva_runners.run_result import RunFacts, RunSpan, run_result
from meva_runners.trading.agent_desk import AgentDesk
from meva_runners.trading.dead_man import DeadManGuard
from meva_runners.trading.heartbeat import Heartbeat
from meva_runners.trading.live_driver import LiveDriver
from meva_runners.trading.look_back import LookBack
from meva_runners.trading.measurements import LiveMeasurements
from meva_runners.trading.places import control_folder
from meva_runners.trading.retention import drop_old_market
from meva_runners.trading.service_notice import notify
from meva_runners.trading.settled_memory import settled_memory
from meva_runners.trading.venue_link import VenueLink

_GONE_ON: Final = (
    "this run went on with a session: period, orders, fills, win rate and turnover are those of this run; equity,"
    " result, fees and drawdown those of the whole session"
)


class AgentApp:
    """Compose the agent of *settings* around *session* and *link*; `run` trades until it is stopped.

    *watchers* see every event with its outcome, *observers* get the outcomes that hold records, *sink* gets the
    measurements of every heartbeat, *on_alert* what people must be told, and
    *on_beat* the alerts that stand with the time. *exposition* gives the metrics for whoever fetches them.
    """

    def __init__(
        self,
        settings: LoadedSettings,
        strategies: Sequence[ConfiguredStrategy],
        session: Session,
        link: VenueLink,
        *,
        watchers: Sequence[Observer] = (),
        observers: Sequence[Observe],
        sink: MetricsSink,
        on_alert: Callable[[RaiseAlert], None],
        on_beat: Callable[[AlertService, int], None],
        exposition: Callable[[], bytes],
    ) -> None:
        config = settings.config
        instruments = instruments_of(config)
        self.folder = control_folder(config)
        self.config = config
        self._settings = settings
        self._strategies = tuple(strategies)
        self._link = link
        self._session = session
        self._sink = sink
        self._on_beat = on_beat
        self._exposition = exposition
        self._observers = tuple(observers)
        self._clock = SystemClock()
        self._statistics = RunStatistics(config.reporting_currency)
        self._latch = KillLatch(self.folder / LATCH_NAME)
        self._guard = _guard_of(link, config.exchange.dead_man_s, on_alert)
        self.agent: AgentOrchestrator = recover(
            session, lambda checkpoint: compose_agent(config, self._strategies, checkpoint=checkpoint)
        )
        self._measurements = LiveMeasurements(sink, self.agent, self._clock.now_ns)
        process = CommittingAgent(
            self.agent,
            session,
            instruments=instruments,
            now_ns=self._clock.now_ns,
            checkpoint_events=config.observability.checkpoint_events,
            observers=(self._observe, self._measurements.observe, *watchers),
        )
        latched = LatchedExchange(link.exchange, self._latch, now_ns=self._clock.now_ns)
        self.driver = LiveDriver(
            process,
            latched,
            self._clock,
            config.runtime,
            books=link.books,
            transfers=FolderTransferExecutor(self.folder / "transfers"),
            on_alert=on_alert,
            on_tick=self._measurements.tick,
        )
        view = _view_of(self.agent, config)
        self._look_back = LookBack(session, view)
        self._desk = AgentDesk(
            self.agent,
            view,
            self._look_back,
            config,
            now_ns=self._clock.now_ns,
            handle=self.driver.ask,
            figures=self._figures,
            venue=link.use,
        )

    async def run(
        self,
        *,
        duration_s: float | None,
        dashboard: bool,
        beside: Sequence[Coroutine[object, object, None]] = (),
    ) -> ReplayResult:
        """Trade until `driver.stop` or *duration_s*, with *beside* running as long; return what happened.

        Raises `PreflightError` where the venue does not answer, and whatever made the driver fail.
        """
        began, began_ns, goes_on = monotonic(), self._clock.now_ns(), self.agent.sequence > 0
        # Without its folder the kill latch counts as set: nobody could set it.
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._latch.is_set():
            place = self.folder / LATCH_NAME
            click.echo(
                f"{self._latch.told()}: {place}. No order leaves until `meva controls release` takes it off.",
                err=True,
            )
        await self._compare_clocks()
        ready = monotonic()
        loop = asyncio.get_running_loop()
        if duration_s is not None:
            loop.call_later(duration_s, self.driver.stop, f"its {duration_s:g} seconds are over")
        async with self._served(dashboard=dashboard):
            # Last of all: who does not come to drive leaves nothing armed that takes the orders of others.
            if self._guard is not None:
                await self._guard.begin()
                beside = (*beside, self._guard.keep())
            async with self._beating(beside):
                await self._driven()
        if (
            self._guard is not None and not self.driver.unsettled
        ):  # What is not settled the venue shall cancel.
            await self._guard.end()
        self._pass_on(self.agent.finish())
        return run_result(
            self.agent,
            self._statistics,
            self._settings.config,
            self._strategies,
            facts=RunFacts(
                config_hash=self._settings.config_hash,
                tape_hash="",
                source=self._link.name,
                symbols=tuple(instruments_of(self._settings.config)),
                mode=self._settings.config.mode.value,
                warnings=(_GONE_ON,) if goes_on else (),
            ),
            span=RunSpan(
                events=self.driver.market_events,
                first_ns=began_ns,
                last_ns=self._clock.now_ns(),
                run_seconds=monotonic() - ready,
                load_seconds=ready - began,
            ),
        )

    async def _driven(self) -> None:
        try:
            with settled_memory():
                await self.driver.run(self._link.streams)
        except Exception:
            self._measurements.fail()
            raise

    async def _compare_clocks(self) -> None:
        """Compare the clocks for the first time: who cannot reach the venue does not start."""
        try:
            self.driver.deliver(await self._link.reference.measure_clock())
        except (VenueRefusedError, VenueUnknownError) as exc:
            raise PreflightError(
                f"{self._link.name} does not answer: {exc}", "Check its address and the network."
            ) from exc

    async def _watch_clocks(self) -> None:
        """Compare the clocks from time to time; a venue that does not answer is noticed elsewhere."""
        while True:
            await asyncio.sleep(self._settings.config.runtime.clock_check_s)
            try:
                self.driver.deliver(await self._link.reference.measure_clock())
            except (VenueRefusedError, VenueUnknownError) as exc:
                logger.bind(category="reconcile", problem=str(exc)).warning("clock.not_compared")

    @asynccontextmanager
    async def _served(self, *, dashboard: bool) -> AsyncIterator[None]:
        """Serve controls and dashboard meanwhile, where they are wanted."""
        if not dashboard:
            yield
            return
        config = self._settings.config
        settings = ServerSettings(
            port=config.controls.port, heartbeat_age_ms_max=2 * config.runtime.heartbeat_ms
        )
        prepare_decoding()
        tokens = open_tokens(self.folder)
        server = ControlsServer(
            self._desk, tokens, settings, version=version("meva"), metrics=self._exposition
        )
        try:
            port, _ = await server.start()
        except OSError as exc:
            problem = f"the controls cannot listen on port {settings.port}: {exc.strerror or exc}."
            raise PreflightError(problem, "Choose another with --controls-port; 0 takes a free one.") from exc
        click.echo(f"dashboard http://127.0.0.1:{port}  tokens in {self.folder}", err=True)
        try:
            yield
        finally:
            await server.stop()
            self._look_back.close()

    @asynccontextmanager
    async def _beating(self, beside: Sequence[Coroutine[object, object, None]]) -> AsyncIterator[None]:
        """Beat, watch the clocks and do what was asked *beside* meanwhile; what breaks there stops the agent."""
        runtime = self._settings.config.runtime
        beat = Heartbeat(runtime.heartbeat_ms, self._clock.monotonic_ns, (self._beat,))
        works = [beat.run(), self._watch_clocks(), *beside]
        if runtime.market_days_kept:
            kept_ns = runtime.market_days_kept * NS_PER_DAY
            retire, now_ns = self._session.retire, self._clock.now_ns
            works.append(drop_old_market(self.driver.spare, retire, now_ns=now_ns, kept_ns=kept_ns))
        tasks = [asyncio.create_task(work) for work in works]
        for task in tasks:
            task.add_done_callback(self._fail_with)
        notify("READY=1")
        try:
            yield
        finally:
            notify("STOPPING=1")
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _fail_with(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (failure := task.exception()) is not None:
            self.driver.fail(failure)

    def _beat(self, late_ns: int) -> None:
        self._desk.beat()
        notify("WATCHDOG=1")
        self._measurements.beat(late_ns)
        self._on_beat(self.agent.services.alerts, self._clock.now_ns())
        emit(self._sink, metrics_of_state(self.agent.state(), equity=self.agent.account.equity))
        if self._latch.is_set() and self.agent.state().runtime_flags.gate is not Gate.KILLED:
            now_ns = self._clock.now_ns()
            self.driver.ask(KillRequested(now_ns, f"latch-{now_ns}", "kill latch", self._latch.told()))

    def _figures(self) -> tuple[FigureView, ...]:
        commit_ms = Decimal(round(1_000 * self.driver.committing_s))
        return (
            FigureView("events waiting", Decimal(self.driver.waiting), "events"),
            FigureView("commit under way", commit_ms, "ms"),
            FigureView("last commit took", Decimal(round(10_000 * self.driver.committed_s)).scaleb(-1), "ms"),
        )

    def _observe(self, event: Event, outcome: Outcome) -> None:
        self._desk.observe(event, outcome)
        if not outcome.records:
            return
        self._pass_on(outcome)
        if isinstance(event, KillReleaseRequested) and not _refused(outcome):
            self._latch.clear()

    def _pass_on(self, outcome: Outcome) -> None:
        for record in outcome.records:
            self._statistics.add(record)
        for observe in self._observers:
            observe(outcome)


def _view_of(agent: AgentOrchestrator, config: AppConfig) -> OperatorView:
    return OperatorView(
        agent,
        name=config.agent,
        service=config.observability.service,
        account=config.account,
        symbols=tuple(instruments_of(config)),
    )


def _guard_of(link: VenueLink, timeout_s: int, on_alert: Callable[[RaiseAlert], None]) -> DeadManGuard | None:
    """Return what keeps the venue's dead-man switch armed, where there is one and it is wanted."""
    if link.switch is None or not timeout_s:
        return None
    return DeadManGuard(link.switch, timeout_s, on_alert=on_alert)


def _refused(outcome: Outcome) -> bool:
    return any(isinstance(record, ControlAnswered) and record.refusal for record in outcome.records)
