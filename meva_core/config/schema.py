"""Define what can be configured, with safe defaults; read nothing, and judge nothing but the types.

Units stand last in a name; money is in the reporting currency unless the name says otherwise.
`meva_core.config.check` holds the rules that the values must obey.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Any

from attrs import Factory, frozen

from meva_core.model.instrument import Instrument, split_symbol
from meva_core.model.money import ZERO


class Mode(StrEnum):
    """Name what the agent is composed for."""

    REPLAY = "replay"
    PAPER = "paper"
    SHADOW = "shadow"
    LIVE = "live"


class LogLevel(StrEnum):
    """Name how much is logged, in the words of the logging libraries."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"


class LogCategory(StrEnum):
    """Name what a log line is about."""

    MARKET_DATA = "market_data"
    SIGNAL_DECISION = "signal_decision"
    RISK_DECISION = "risk_decision"
    ORDER_SUBMIT = "order_submit"
    ORDER_UPDATE = "order_update"
    RECONCILE = "reconcile"
    TREASURY = "treasury"
    CONTROL_ACTION = "control_action"
    ALERT = "alert"


@frozen
class InstrumentConfig:
    """Describe one spot market as its venue lists it; see `Instrument` for the meaning of each field."""

    symbol: str
    tick_size: Decimal
    lot_size: Decimal
    min_quantity: Decimal = ZERO
    max_quantity: Decimal | None = None
    min_notional: Decimal = ZERO
    max_notional: Decimal | None = None
    # Binance spot keeps eight decimals of every asset (its exchangeInfo, baseAssetPrecision).
    asset_decimals: int = 8

    def instrument(self) -> Instrument:
        """Return the instrument; base and quote are the two halves of the symbol."""
        base, quote = split_symbol(self.symbol)
        return Instrument(
            symbol=self.symbol,
            base=base,
            quote=quote,
            tick_size=self.tick_size,
            lot_size=self.lot_size,
            min_quantity=self.min_quantity,
            max_quantity=self.max_quantity,
            min_notional=self.min_notional,
            max_notional=self.max_notional,
            asset_decimals=self.asset_decimals,
        )


@frozen
class FeesConfig:
    """State what the venue charges.

    *paid_in* is `received` (the asset that the fill brings in), `quote`, `base`, or an asset such as `BNB`.
    """

    # The lowest tier of Binance spot, without discounts: an estimate should err on the dear side.
    maker_bps: Decimal = Decimal(10)
    taker_bps: Decimal = Decimal(10)
    paid_in: str = "received"


@frozen
class ExchangeConfig:
    """Name the venue, how to reach it and what is traded there.

    *api_key* and *api_secret* are references (`env:NAME`, `file:PATH`, `cred:NAME`), never the secrets.
    *balances* is what a simulated account starts with, by asset.
    """

    venue: str = "simulated"
    rest_url: str = ""
    stream_url: str = ""
    ws_api_url: str = ""
    # Who the venue must say we are before real money is traded; the venue's own account number.
    account_id: str = ""
    api_key: str = ""
    api_secret: str = ""
    # Also the longest that is accepted: a long window delays the proof that an order was not placed.
    recv_window_ms: int = 5_000
    # How far the account is verified, at a venue that lets verified accounts ask more often (Kraken).
    tier: str = "starter"
    # How long after our last word a venue that can do so cancels every order of the account; 0: never. It takes other
    # people's orders too, so the account must be the agent's alone. The venue is told three times within that: Kraken
    # advises 60 s, and a call every 15 to 30 s.
    dead_man_s: int = 0
    instruments: tuple[InstrumentConfig, ...] = ()
    balances: dict[str, Decimal] = Factory(dict)
    fees: FeesConfig = FeesConfig()


@frozen
class StrategyConfig:
    """Choose a strategy by its registered name, or as `module:Class`; no *symbols* means every instrument.

    *parameters* are the strategy's own attrs fields; they are checked when it is built.
    """

    name: str
    symbols: tuple[str, ...] = ()
    enabled: bool = True
    parameters: dict[str, Any] = Factory(dict)


@frozen
class SignalConfig:
    """Set what a signal must reach to be acted on; the defaults refuse stale signals alone."""

    min_confidence: float = 0.0
    min_edge_bps: float = 0.0
    # An opinion on a price that is five seconds old is an opinion on another market.
    max_age_ms: int = 5_000


@frozen
class RiskConfig:
    """Limit what can go wrong. The defaults are the stake of a first experiment, not of a business."""

    max_notional_per_trade: Decimal = Decimal(100)
    max_position_notional_per_symbol: Decimal = Decimal(500)
    max_portfolio_exposure: Decimal = Decimal(1_000)
    # A twentieth and a tenth of the exposure: a bad day ends before it becomes a bad month.
    daily_loss_limit: Decimal = Decimal(50)
    max_drawdown_limit: Decimal = Decimal(100)
    max_open_orders: int = 10
    # One order every two seconds is more than a strategy on minute candles can explain.
    max_orders_per_window: int = 30
    order_window_s: int = 60
    # The same side of the same symbol ten times a minute is a loop, not an opinion.
    max_repeated_orders: int = 10
    # One per cent from the last price: further away is a typing error or a broken feed.
    price_collar_bps: Decimal = Decimal(100)
    # Liquid pairs trade several times a second; five seconds of silence is a lost stream.
    max_data_age_ms: int = 5_000
    breaker_consecutive_rejects: int = 5
    breaker_cool_down_s: int = 300
    # Whether a new day lifts the daily-loss halt; by default a person looks first.
    resume_after_daily_loss: bool = False
    # Half of the second by which Binance tolerates a clock that is ahead (error -1021).
    max_clock_offset_ms: int = 500


@frozen
class ExecutionConfig:
    """Set how simulated orders fill, and how an order of unknown outcome is settled.

    *fill_model* is `next_trade` (whole quantity at the next trade), `volume` (limited by what traded) or
    `book` (queue position against the book).
    """

    fill_model: str = "next_trade"
    latency_ms: int = 0
    slippage_bps: Decimal = ZERO
    # Venue queries were seen to lag by more than 20 s; at a bound of 30 s or 60 s no order was placed twice.
    fence_lag_bound_s: int = 60
    # Delays after the outcome became unknown; the last repeats. Early ones settle the common case quickly.
    unknown_query_schedule_s: tuple[Decimal, ...] = (
        Decimal("0.2"),
        Decimal("0.5"),
        Decimal(1),
        Decimal(2),
        Decimal(5),
    )
    # Books and venue are compared this often; a difference, or a cancel without an answer, is asked about sooner.
    reconcile_interval_s: int = 30
    reconcile_retry_s: int = 2
    # A difference that outlasts so many comparisons, and the lag bound, is no lag: a person has to look.
    reconcile_drift_cycles: int = 3
    # Without any answer for so many intervals the books are doubtful, and trading waits for the next comparison.
    reconcile_overdue_intervals: int = 3


@frozen
class TreasuryConfig:
    """Set what the agent may keep, spend and send; the defaults send nothing."""

    # The capital that surplus is counted above; zero protects no principal.
    principal_baseline: Decimal = ZERO
    # Shares are fractions of one, of the surplus.
    reserve_share: Decimal = Decimal("0.2")
    min_reserve: Decimal = ZERO
    max_transfer_share: Decimal = ZERO
    # A month of surplus before the next transfer, the span over which surplus is measured.
    cool_down_days: int = 30


@frozen
class LoggingConfig:
    """Set how log files turn over and how loud each category is; *levels* overrides the general level."""

    # A file that an editor still opens; JSON lines of a quiet agent for about a week.
    rotation_mb: int = 100
    # A quarter: long enough to explain any order to an auditor; the journal keeps decisions for ever.
    retention_days: int = 90
    levels: dict[LogCategory, LogLevel] = Factory(dict)

    def level_of(self, category: LogCategory, general: LogLevel) -> LogLevel:
        """Return the level of *category*, or the *general* one where none is set."""
        return self.levels.get(category, general)


@frozen
class DigestConfig:
    """Say which alerts wait, to be told together. Every time is UTC, written `HH:MM`.

    Alerts *below* a level (`info`: none, `medium` or `high`) wait for the next digest: at *at* of each day and every
    *every_s* from there. In *quiet_hours*, `HH:MM-HH:MM`, only critical ones are told; the rest waits for their end.
    """

    below: str = "info"
    at: str = "00:00"
    # Who wants no message at once wants no more than one an hour. It divides the day, so that *at* keeps its meaning.
    every_s: int = 3_600
    quiet_hours: str = ""


@frozen
class ObservabilityConfig:
    """Set what people and machines get to see.

    *metrics* is `none`, `statsd` or `memory`. *alert_channels* are `log`, or references (`env:NAME`,
    `file:PATH`, `cred:NAME`) to the address of a channel: who knows the address can post to it. *heartbeat_url* is
    such a reference as well.
    """

    service: str = "meva"
    log_level: LogLevel = LogLevel.INFO
    log_file: str = ""  # Empty: standard error.
    logging: LoggingConfig = Factory(LoggingConfig)
    metrics: str = "none"
    statsd_host: str = "127.0.0.1"
    statsd_port: int = 8_125
    statsd_prefix: str = "meva"
    # Hourly equity keeps a year in 8,760 points: enough for daily statistics, and constant in memory.
    equity_sample_s: int = 3_600
    # About 0.2 s of replay: the longest stretch that a restart has to repeat.
    checkpoint_events: int = 100_000
    alert_channels: tuple[str, ...] = ()
    # The lowest level that a channel gets, by channel; every channel that is not named here gets all.
    channel_levels: dict[str, str] = Factory(dict)
    # Asked at this interval while the agent lives, so that a service elsewhere calls when machine and network are gone.
    heartbeat_url: str = ""
    heartbeat_url_s: int = 60
    # Market data that is too old for orders becomes an alert after so long; most reconnects take less.
    stale_alert_s: int = 3
    # A loud alert that nobody acknowledged is told again, as critical.
    escalate_after_s: int = 300
    digest: DigestConfig = Factory(DigestConfig)


@frozen
class RuntimeConfig:
    """Set how a running agent takes events in, makes them durable and stops; a replay needs none of it."""

    # Some seconds of the busiest markets: whoever is further behind trades on prices that are gone.
    inbox_events_max: int = 10_000
    # Market data alone is committed after so many events, or so long after the last commit.
    commit_events_max: int = 256
    commit_interval_ms: int = 250
    # A commit takes some ms, seconds on a disk in distress: then trading waits. A disk that has not answered for longer
    # than the limit is lost: the agent cancels what rests and ends.
    commit_patience_ms: int = 2_000
    commit_limit_s: int = 30
    # Market events that are older go from the session file, and with them the proof of what was decided on them; what
    # was decided stays. 0 keeps them for ever.
    market_days_kept: int = 0
    heartbeat_ms: int = 1_000
    # A clock drifts by some milliseconds in a minute; the venue tolerates a second.
    clock_check_s: int = 60
    # What rests at the venue when the process stops in good order is cancelled, unless somebody wants it to stay.
    cancel_on_stop: bool = True
    stop_grace_s: int = 10
    # Live trading begins with a share of the exposure limit: what is wrong shows while little is at stake.
    warm_up_minutes: int = 10
    warm_up_share: Decimal = Decimal("0.1")


@frozen
class ControlsConfig:
    """Say where the operator's controls and the dashboard listen, on loopback. Port 0 takes a free one.

    *folder* holds the tokens and the kill latch; empty: a folder of the agent and the account under the user's
    state directory.
    """

    port: int = 8_700
    folder: str = ""


@frozen
class OpeningConfig:
    """State where an account stood when its session was opened. The runner asks the venue, and writes it here.

    *trades* holds the newest own trade by symbol: what was traded before is no business of the session. Decisions
    are numbered from *decisions* on, so that no order ever carries the name of an order of an earlier session.
    """

    decisions: int = 0
    trades: dict[str, str] = Factory(dict)


@frozen
class AppConfig:
    """Hold the whole configuration of one agent on one account.

    *day_zone* (an IANA name) says when the day of the daily loss begins. *seed* feeds every simulated chance.
    """

    mode: Mode = Mode.REPLAY
    env: str = ""
    agent: str = "meva"
    account: str = "main"
    reporting_currency: str = "USDT"
    seed: int = 0
    day_zone: str = "UTC"
    exchange: ExchangeConfig = Factory(ExchangeConfig)
    strategies: tuple[StrategyConfig, ...] = ()
    signals: SignalConfig = Factory(SignalConfig)
    risk: RiskConfig = Factory(RiskConfig)
    execution: ExecutionConfig = Factory(ExecutionConfig)
    treasury: TreasuryConfig = Factory(TreasuryConfig)
    observability: ObservabilityConfig = Factory(ObservabilityConfig)
    runtime: RuntimeConfig = Factory(RuntimeConfig)
    controls: ControlsConfig = Factory(ControlsConfig)
    opening: OpeningConfig = Factory(OpeningConfig)
