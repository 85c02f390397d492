"""Wire an agent from its configuration; the only module that knows the container. It runs nothing.

The core's classes take what they need through their constructors; this module says which instance that is. One
root is resolved, once, on the calling thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import punq
from attrs import frozen

from meva_adapters.clock.day_zone import next_day_in
from meva_adapters.exchange.binance.capabilities import binance_capabilities
from meva_adapters.exchange.kraken.capabilities import kraken_capabilities
from meva_adapters.metrics.memory import MemoryMetricsSink
from meva_adapters.metrics.none import NoMetricsSink
from meva_adapters.metrics.statsd_sink import StatsdMetricsSink
from meva_adapters.metrics.tee import TeeMetricsSink
from meva_core.agent.account_watch import AccountWatch
from meva_core.agent.connection_desk import ConnectionDesk
from meva_core.agent.control_desk import ControlDesk
from meva_core.agent.decider import Decider
from meva_core.agent.gate_watch import GateWatch
from meva_core.agent.market_path import MarketPath
from meva_core.agent.market_watch import MarketWatch
from meva_core.agent.orchestrator import AgentOrchestrator, AgentServices
from meva_core.agent.order_desk import OrderDesk
from meva_core.agent.runtime_state import Runtime, initial_state
from meva_core.agent.strategy_slot import StrategySlot
from meva_core.agent.treasury_desk import TreasuryDesk
from meva_core.agent.venue_watch import VenueWatch, WatchSettings
from meva_core.config.schema import AppConfig
from meva_core.data.feature_store import FeatureStore
from meva_core.data.market_data_service import MarketDataService
from meva_core.errors import install
from meva_core.execution.fill_models import FillSettings
from meva_core.execution.idempotency import ClientOrderIds
from meva_core.execution.matching import MatchingEngine
from meva_core.execution.order_service import OrderService
from meva_core.execution.reconcile_service import ReconcileService
from meva_core.execution.unsettled_orders import FenceSettings, UnsettledOrders
from meva_core.execution.venue_fees import FeeSchedule
from meva_core.model.instrument import Instrument
from meva_core.model.market import NS_PER_MS, NS_PER_SECOND
from meva_core.model.state import CanonicalState, RuntimeFlags
from meva_core.ops.alerts import AlertService
from meva_core.portfolio.holdings import StrategyHoldings
from meva_core.portfolio.ledger_service import OPENING, LedgerService, transfer_entry
from meva_core.portfolio.pnl_service import PnLService
from meva_core.portfolio.surplus import TreasuryPolicy
from meva_core.portfolio.treasury_service import TreasuryService
from meva_core.portfolio.valuation_service import ValuationService
from meva_core.ports.exchange import VenueCapabilities
from meva_core.ports.metrics import MetricsSink
from meva_core.risk.circuit_breaker import CircuitBreaker
from meva_core.risk.gate import TradingGate
from meva_core.risk.kill_switch import KillSwitchService
from meva_core.risk.loss_guard import LossGuard
from meva_core.risk.policy_service import RiskPolicyService
from meva_core.signals.signal_engine import SignalEngine
from meva_core.signals.strategy import Strategy
from meva_core.signals.validation import SignalLimits

WEAKEST: Final = VenueCapabilities()
# What each venue guarantees, from the settings alone: a recorded session is verified without its venue.
_CAPABILITIES: Final[Mapping[str, Callable[[AppConfig], VenueCapabilities]]] = {
    "binance": lambda config: binance_capabilities(config.exchange.recv_window_ms),
    "kraken": lambda config: kraken_capabilities(config.exchange.recv_window_ms),
}


@frozen
class ConfiguredStrategy:
    """Pair a strategy, built from its parameters, with its name and its symbols (none: every instrument)."""

    name: str
    strategy: Strategy
    symbols: tuple[str, ...] = ()


def instruments_of(config: AppConfig) -> dict[str, Instrument]:
    """Return the configured instruments by symbol, in their order."""
    return {item.symbol: item.instrument() for item in config.exchange.instruments}


def capabilities_of(config: AppConfig) -> VenueCapabilities:
    """Return what the configured venue guarantees; a venue that is not known guarantees nothing."""
    stated = _CAPABILITIES.get(config.exchange.venue)
    return WEAKEST if stated is None else stated(config)


def compose_venue(config: AppConfig) -> MatchingEngine:
    """Return the simulated venue that *config* describes."""
    fees, execution = config.exchange.fees, config.execution
    return MatchingEngine(
        instruments_of(config).values(),
        balances=config.exchange.balances,
        fees=FeeSchedule(fees.maker_bps, fees.taker_bps, fees.paid_in),
        fill_model=execution.fill_model,
        settings=FillSettings(slippage_bps=execution.slippage_bps),
        latency_ns=execution.latency_ms * NS_PER_MS,
    )


def compose_metrics(config: AppConfig) -> tuple[MetricsSink, Callable[[], None]]:
    """Return the sink that *config* names, and what closes it."""
    observability = config.observability
    match observability.metrics:
        case "statsd":
            sink = StatsdMetricsSink(
                observability.statsd_host, observability.statsd_port, prefix=observability.statsd_prefix
            )
            return sink, sink.close
        case "memory":
            return MemoryMetricsSink(), _nothing_to_close
        case _:
            return NoMetricsSink(), _nothing_to_close


def exposed(sink: MetricsSink) -> tuple[MetricsSink, Callable[[], bytes]]:
    """Return *sink* with an exposition for Prometheus beside it, and what gives that."""
    try:
        from meva_adapters.metrics.prometheus_sink import PrometheusMetricsSink
    except ImportError:
        nothing = f"# Nothing is exposed without an extra: {install('prometheus')}\n".encode()
        return sink, lambda: nothing
    exposition = PrometheusMetricsSink()
    return TeeMetricsSink(sink, exposition), exposition.exposition


def _nothing_to_close() -> None:
    """Do nothing: a sink without a socket holds nothing open."""


def compose_agent(
    config: AppConfig,
    strategies: Iterable[ConfiguredStrategy],
    *,
    checkpoint: Mapping[str, Any] | None = None,
    capabilities: VenueCapabilities | None = None,
) -> AgentOrchestrator:
    """Return an agent that has seen nothing yet, or one that continues from *checkpoint*.

    *capabilities* are those of the venue that its orders go to; by default those of the configured one.
    """
    state: CanonicalState = initial_state(config) if checkpoint is None else checkpoint["state"]
    runtime = Runtime(state)
    container = _container(config, runtime)
    _add_agent(container, config)
    _add_venue_watch(container, config, capabilities or capabilities_of(config))
    paths: dict[str, MarketPath] = container.resolve(_Paths).by_symbol
    _add_paths(container, config, strategies, paths)
    agent: AgentOrchestrator = container.resolve(AgentOrchestrator)
    if checkpoint is None:
        _open_balances(config, state, container.resolve(PnLService), container.resolve(LedgerService))
    else:
        agent.restore(checkpoint)
    return agent


@frozen
class Books:
    """Hold the parts of an agent that know what an account is worth, wired as in the agent itself."""

    agent: AgentOrchestrator
    runtime: Runtime
    account: AccountWatch
    guard: LossGuard
    valuation: ValuationService
    pnl: PnLService
    treasury: TreasuryDesk


def compose_books(config: AppConfig) -> Books:
    """Return the books of an agent that trades nothing of its own: somebody tells it what was traded."""
    runtime = Runtime(initial_state(config))
    container = _container(config, runtime)
    _add_agent(container, config)
    _add_venue_watch(container, config, WEAKEST)
    _add_paths(container, config, (), container.resolve(_Paths).by_symbol)
    pnl: PnLService = container.resolve(PnLService)
    agent: AgentOrchestrator = container.resolve(AgentOrchestrator)
    _open_balances(config, runtime.state, pnl, container.resolve(LedgerService))
    return Books(
        agent,
        runtime,
        container.resolve(AccountWatch),
        container.resolve(LossGuard),
        container.resolve(ValuationService),
        pnl,
        container.resolve(TreasuryDesk),
    )


class _Paths:
    """Hold the market paths while they are being made, so that what needs all of them can be wired before."""

    def __init__(self) -> None:
        self.by_symbol: dict[str, MarketPath] = {}


def _container(config: AppConfig, runtime: Runtime) -> punq.Container:
    container = punq.Container()
    once = punq.Scope.singleton
    instruments, risk = instruments_of(config), config.risk
    instances: tuple[tuple[type, object], ...] = (
        (Runtime, runtime),
        (CanonicalState, runtime.state),
        (RuntimeFlags, runtime.state.runtime_flags),
        (ClientOrderIds, ClientOrderIds(config.agent, config.account)),
        (AlertService, AlertService()),
        (_Paths, _Paths()),
    )
    for service, instance in instances:
        container.register(service, instance=instance)
    for service in (FeatureStore, OrderService, StrategyHoldings, LedgerService, GateWatch):
        container.register(service, scope=once)
    container.register(MarketDataService, scope=once, instruments=tuple(instruments.values()))
    markets = [container.resolve(MarketDataService).market(symbol) for symbol in instruments]
    valuation = ValuationService(config.reporting_currency, markets)
    container.register(ValuationService, instance=valuation)
    policy = config.treasury
    container.register(
        TreasuryPolicy,
        instance=TreasuryPolicy(
            policy.principal_baseline,
            policy.reserve_share,
            policy.min_reserve,
            policy.max_transfer_share,
            policy.cool_down_days,
        ),
    )
    container.register(TreasuryService, scope=once)
    container.register(PnLService, scope=once, instruments=instruments)
    guard = LossGuard(
        daily_loss=valuation.quanta(risk.daily_loss_limit), drawdown=valuation.quanta(risk.max_drawdown_limit)
    )
    container.register(LossGuard, instance=guard)
    container.register(TradingGate, scope=once, on_change=container.resolve(GateWatch).on_change)
    container.register(KillSwitchService, scope=once)
    container.register(
        CircuitBreaker,
        scope=once,
        limit=risk.breaker_consecutive_rejects,
        cool_down_ns=risk.breaker_cool_down_s * NS_PER_SECOND,
    )
    container.register(RiskPolicyService, scope=once, config=risk, fees=config.exchange.fees)
    return container


def _add_agent(container: punq.Container, config: AppConfig) -> None:
    once = punq.Scope.singleton
    paths = container.resolve(_Paths).by_symbol
    container.register(TreasuryDesk, scope=once, budget_max=config.risk.max_portfolio_exposure)
    container.register(
        AccountWatch,
        scope=once,
        next_day=next_day_in(config.day_zone),
        sample_ns=config.observability.equity_sample_s * NS_PER_SECOND,
        resume_after_daily_loss=config.risk.resume_after_daily_loss,
    )
    container.register(Decider, scope=once, signal_age_ns=config.signals.max_age_ms * NS_PER_MS)
    container.register(OrderDesk, scope=once, paths=paths)
    container.register(ControlDesk, scope=once, budget_max=config.risk.max_portfolio_exposure)
    container.register(AgentServices, scope=once)
    container.register(
        MarketWatch,
        scope=once,
        paths=paths,
        stale_ns=config.risk.max_data_age_ms * NS_PER_MS,
        patience_ns=config.observability.stale_alert_s * NS_PER_SECOND,
    )
    container.register(
        ConnectionDesk,
        scope=once,
        paths=paths,
        clock_offset_max_ns=config.risk.max_clock_offset_ms * NS_PER_MS,
    )
    container.register(AgentOrchestrator, scope=once, paths=paths)


def _add_venue_watch(container: punq.Container, config: AppConfig, capabilities: VenueCapabilities) -> None:
    execution = config.execution
    window_ms = capabilities.request_window_ms
    lag_bound_ns = execution.fence_lag_bound_s * NS_PER_SECOND
    window_ns = None if window_ms is None else window_ms * NS_PER_MS
    fence = FenceSettings(
        tuple(int(delay * NS_PER_SECOND) for delay in execution.unknown_query_schedule_s),
        window_ns,
        lag_bound_ns,
    )
    settings = WatchSettings(
        interval_ns=execution.reconcile_interval_s * NS_PER_SECOND,
        retry_ns=execution.reconcile_retry_s * NS_PER_SECOND,
        drift_cycles=execution.reconcile_drift_cycles,
        drift_ns=lag_bound_ns,
        # The fence has passed, and two more questions should have settled it (figure R9).
        unknown_alert_ns=(window_ns or 0) + lag_bound_ns + 10 * NS_PER_SECOND,
        overdue_ns=execution.reconcile_overdue_intervals * execution.reconcile_interval_s * NS_PER_SECOND,
        unanswered_max=config.risk.breaker_consecutive_rejects,
    )
    container.register(ReconcileService, scope=punq.Scope.singleton, instruments=instruments_of(config))
    container.register(
        VenueWatch,
        scope=punq.Scope.singleton,
        unsettled=UnsettledOrders(fence),
        settings=settings,
        trades_after=config.opening.trades,
    )


def _add_paths(
    container: punq.Container,
    config: AppConfig,
    strategies: Iterable[ConfiguredStrategy],
    paths: dict[str, MarketPath],
) -> None:
    """Make one path per instrument, with a slot for every strategy that trades it, in the order configured."""
    limits = SignalLimits(config.signals.min_confidence, config.signals.min_edge_bps)
    market_data, features = container.resolve(MarketDataService), container.resolve(FeatureStore)
    engines = [(SignalEngine(item.name, item.strategy, limits), item.symbols) for item in strategies]
    for symbol in market_data.symbols:
        market = market_data.market(symbol)
        slots = [
            StrategySlot(engine, market, features.add(engine.name, symbol, engine.strategy.features()))
            for engine, symbols in engines
            if not symbols or symbol in symbols
        ]
        paths[symbol] = MarketPath(
            container.resolve(Runtime),
            market,
            slots,
            account=container.resolve(AccountWatch),
            decider=container.resolve(Decider),
        )


def _open_balances(config: AppConfig, state: CanonicalState, pnl: PnLService, ledger: LedgerService) -> None:
    for asset, amount in config.exchange.balances.items():
        pnl.open_balance(asset, amount, state)
        ledger.post(transfer_entry(0, f"opening:{asset}", asset=asset, amount=amount, against=OPENING))
