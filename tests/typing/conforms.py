"""Pair each adapter with the port that it implements; only the type checker reads this (see `test_types.py`)."""

from __future__ import annotations

from examples.strategies.donchian_breakout import DonchianBreakout
from examples.strategies.rsi_dip import RsiDip
from meva_adapters.alerts.apprise_sink import AppriseAlertSink
from meva_adapters.alerts.webhook import WebhookAlertSink
from meva_adapters.clock.manual import ManualClock
from meva_adapters.clock.system import SystemClock
from meva_adapters.controls.kill_latch import LatchedExchange
from meva_adapters.exchange.binance.exchange import BinanceExchange
from meva_adapters.exchange.binance.market_stream import BinanceMarketStream
from meva_adapters.exchange.binance.reference import BinanceReference
from meva_adapters.exchange.binance.user_stream import BinanceUserStream
from meva_adapters.exchange.ccxt.exchange import CcxtExchange
from meva_adapters.exchange.ccxt.reference import CcxtReference
from meva_adapters.exchange.kraken.exchange import KrakenExchange
from meva_adapters.exchange.kraken.market_stream import KrakenMarketStream
from meva_adapters.exchange.kraken.market_watch import KrakenMarketWatch
from meva_adapters.exchange.kraken.reference import KrakenReference
from meva_adapters.exchange.kraken.user_stream import KrakenUserStream
from meva_adapters.exchange.simulated.awaited_exchange import AwaitedExchange, AwaitedStream
from meva_adapters.exchange.simulated.matching_exchange import MatchedStream, MatchingExchange
from meva_adapters.feed.file_tape import FileTape
from meva_adapters.feed.session_tape import SessionTape
from meva_adapters.metrics.memory import MemoryMetricsSink
from meva_adapters.metrics.none import NoMetricsSink
from meva_adapters.metrics.prometheus_sink import PrometheusMetricsSink
from meva_adapters.metrics.statsd_sink import StatsdMetricsSink
from meva_adapters.metrics.tee import TeeMetricsSink
from meva_adapters.secrets.references import ReferencedSecrets
from meva_adapters.storage.memory import MemorySession, MemoryStateStore
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_adapters.storage.sqlite_state import SqliteStateStore
from meva_adapters.transfers.instruction_folder import FolderTransferExecutor
from meva_adapters.transfers.memory import MemoryTransferExecutor
from meva_core.ports.alerts import AlertSink
from meva_core.ports.clock import Clock
from meva_core.ports.controls import OperatorDesk
from meva_core.ports.exchange import AccountReader, DeadManSwitch, ExchangeAdapter, VenueReference
from meva_core.ports.market_feed import EventStream, Tape
from meva_core.ports.metrics import MetricsSink
from meva_core.ports.secrets import SecretSource
from meva_core.ports.storage import Journal, PortfolioStateStore, Session, SnapshotStore
from meva_core.ports.transfers import TransferExecutor
from meva_core.signals.strategies.mean_reversion import MeanReversion
from meva_core.signals.strategies.momentum import Momentum
from meva_core.signals.strategies.sma_cross import SmaCross
from meva_core.signals.strategy import Strategy
from meva_runners.replaying.driver import NoRecorder, Recorder
from meva_runners.sessions.recorder import SessionRecorder
from meva_runners.trading.agent_desk import AgentDesk

CLOCKS: tuple[type[Clock], ...] = (ManualClock, SystemClock)
METRICS_SINKS: tuple[type[MetricsSink], ...] = (
    MemoryMetricsSink,
    NoMetricsSink,
    PrometheusMetricsSink,
    StatsdMetricsSink,
    TeeMetricsSink,
)
ALERT_SINKS: tuple[type[AlertSink], ...] = (AppriseAlertSink, WebhookAlertSink)
OPERATOR_DESKS: tuple[type[OperatorDesk], ...] = (AgentDesk,)
EXCHANGES: tuple[type[ExchangeAdapter], ...] = (
    MatchingExchange,
    LatchedExchange,
    BinanceExchange,
    KrakenExchange,
    CcxtExchange,
    AwaitedExchange,
)
TAPES: tuple[type[Tape], ...] = (FileTape, SessionTape)
SESSIONS: tuple[type[Session], ...] = (MemorySession, SqliteSession)
JOURNALS: tuple[type[Journal], ...] = (MemorySession, SqliteSession)
SNAPSHOT_STORES: tuple[type[SnapshotStore], ...] = (MemorySession, SqliteSession)
STATE_STORES: tuple[type[PortfolioStateStore], ...] = (MemoryStateStore, SqliteStateStore)
SECRET_SOURCES: tuple[type[SecretSource], ...] = (ReferencedSecrets,)
STRATEGIES: tuple[type[Strategy], ...] = (MeanReversion, Momentum, SmaCross, DonchianBreakout, RsiDip)
RECORDERS: tuple[type[Recorder], ...] = (NoRecorder, SessionRecorder)
TRANSFER_EXECUTORS: tuple[type[TransferExecutor], ...] = (FolderTransferExecutor, MemoryTransferExecutor)
VENUE_REFERENCES: tuple[type[VenueReference], ...] = (BinanceReference, KrakenReference, CcxtReference)
EVENT_STREAMS: tuple[type[EventStream], ...] = (
    MatchedStream,
    AwaitedStream,
    BinanceMarketStream,
    BinanceUserStream,
    KrakenMarketStream,
    KrakenMarketWatch,
    KrakenUserStream,
)
ACCOUNT_READERS: tuple[type[AccountReader], ...] = (BinanceReference, KrakenReference)
DEAD_MAN_SWITCHES: tuple[type[DeadManSwitch], ...] = (BinanceExchange, KrakenExchange)
