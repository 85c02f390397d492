"""Offer a composed agent, markets whose ticks and lots are the numbers, and strategies to order; check nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

from attrs import Factory, define, evolve, field, frozen

from meva_core.agent.market_path import MarketPath
from meva_core.agent.orchestrator import AgentOrchestrator
from meva_core.agent.outbox import Outcome
from meva_core.commands import CancelAllOrders, PlaceOrder
from meva_core.config.schema import (
    AppConfig,
    ExchangeConfig,
    FeesConfig,
    InstrumentConfig,
    RiskConfig,
    StrategyConfig,
)
from meva_core.data.feature_library import Sma
from meva_core.data.features import Feature
from meva_core.events import CandleClosed, Event, OrderAcknowledged, OrderFilled, TradeReceived
from meva_core.model.fill import Fill, Liquidity
from meva_core.model.market import NS_PER_SECOND, Candle, Side
from meva_core.model.order import OrderRequest
from meva_core.model.state import CanonicalState
from meva_core.signals.strategy import Signal, SignalContext
from meva_runners.composition import ConfiguredStrategy, compose_agent

COIN, GOLD, RARE = "COIN/USD", "GOLD/USD", "RARE/COIN"  # RARE is worth COIN, which is worth USD.
BUY, SELL = Side.BUY, Side.SELL
SECOND = NS_PER_SECOND
DAY = 86_400 * SECOND
START = 10 * DAY  # A midnight, so that days begin at whole multiples after it.

Answer = Callable[[SignalContext], Signal | None]
T = TypeVar("T")

# So wide that no test meets a limit which it did not set itself.
WIDE = RiskConfig(
    max_notional_per_trade=Decimal(10**9),
    max_position_notional_per_symbol=Decimal(10**9),
    max_portfolio_exposure=Decimal(10**9),
    daily_loss_limit=Decimal(10**9),
    max_drawdown_limit=Decimal(10**9),
    max_open_orders=1_000,
    max_orders_per_window=1_000,
    max_repeated_orders=1_000,
    price_collar_bps=Decimal(1_000),
)


@frozen
class Asked:
    """Answer what *answer* says, at every sample once *warm_up* samples have passed."""

    answer: Answer = lambda _: None
    timeframe: str | None = None
    warm_up: int = 1
    guard: Callable[[Any, int], bool] = lambda _features, _stance: True
    declared: Callable[[], Mapping[str, Feature]] | None = None

    def features(self) -> Mapping[str, Feature]:
        """Return one average, or what was *declared*."""
        return {"average": Sma(self.warm_up)} if self.declared is None else self.declared()

    def acts(self, features: Any, stance: int) -> bool:
        """Ask the guard."""
        return self.guard(features, stance)

    def generate_signal(self, ctx: SignalContext) -> Signal | None:
        """Answer."""
        return self.answer(ctx)


def buy(quantity: int | str | Decimal = 1, **fields: Any) -> Signal:
    """Return a wish to buy."""
    return Signal(BUY, Decimal(quantity), "wanted", **fields)


def sell(quantity: int | str | Decimal = 1, **fields: Any) -> Signal:
    """Return a wish to sell."""
    return Signal(SELL, Decimal(quantity), "wanted", **fields)


def once(signal: Signal) -> Answer:
    """Return an answer that wants *signal* while nothing is held or on order."""
    return lambda ctx: None if ctx.stance else signal


def config(
    *,
    balances: Mapping[str, int] | None = None,
    symbols: Iterable[str] = (COIN,),
    strategies: Iterable[str] = ("main",),
    fees: FeesConfig | None = None,
    resume_after_daily_loss: bool = False,
    **limits: Any,
) -> AppConfig:
    """Return the configuration of an agent in USD; *limits* are fields of `RiskConfig`."""
    one = Decimal(1)
    amounts = {"USD": 100_000} if balances is None else balances
    instruments = tuple(InstrumentConfig(symbol, one, one, asset_decimals=0) for symbol in symbols)
    risk = evolve(WIDE, resume_after_daily_loss=resume_after_daily_loss, **limits)
    return AppConfig(
        reporting_currency="USD",
        exchange=ExchangeConfig(
            instruments=instruments,
            balances={asset: Decimal(amount) for asset, amount in amounts.items()},
            fees=fees or FeesConfig(),
        ),
        strategies=tuple(StrategyConfig(name) for name in strategies),
        risk=risk,
    )


@define
class Run:
    """Lead one agent through events, a nanosecond apart unless said otherwise, and remember every outcome."""

    agent: AgentOrchestrator
    symbols: tuple[str, ...] = (COIN,)
    now_ns: int = START
    outcomes: list[Outcome] = Factory(list)
    _trade_ids: int = field(default=0, init=False)

    @property
    def state(self) -> CanonicalState:
        """Return the canonical state, brought up to date."""
        return self.agent.state()

    @property
    def paths(self) -> tuple[MarketPath, ...]:
        """Return the path of every symbol."""
        return tuple(self.agent.path(symbol) for symbol in self.symbols)

    def handle(self, event: Event) -> Outcome:
        """Let the agent handle *event*."""
        self.now_ns = max(self.now_ns, event.time_ns)
        outcome = self.agent.handle(event)
        self.outcomes.append(outcome)
        return outcome

    def trade(
        self, price: int, symbol: str = COIN, *, lots: int = 1, trade_id: int = -1, after_ns: int = 1
    ) -> Outcome:
        """Print a trade, *after_ns* after the last event."""
        time_ns = self.now_ns + after_ns
        return self.handle(TradeReceived(time_ns, symbol, price, lots, BUY, trade_id))

    def bar(
        self, *prices: int, symbol: str = COIN, volume: int = 1, seconds: int = 60, after_ns: int = 0
    ) -> Outcome:
        """Close the next bar with these open, high, low and close, *after_ns* later than it ends."""
        opening, high, low, close = prices
        length_ns = seconds * SECOND
        open_ns = self.now_ns // length_ns * length_ns
        candle = Candle(open_ns, open_ns + length_ns, opening, high, low, close, volume)
        timeframe = {60: "1m", 300: "5m"}[seconds]
        return self.handle(CandleClosed(candle.close_ns + after_ns, symbol, timeframe, candle))

    def acknowledge(self, request: OrderRequest) -> Outcome:
        """Let the venue take the order."""
        return self.handle(
            OrderAcknowledged(self.now_ns, request.client_order_id, f"v-{request.client_order_id}")
        )

    def fill(
        self,
        request: OrderRequest,
        price: int,
        quantity: int | None = None,
        *,
        fee: int = 0,
        fee_asset: str = "USD",
        trade_id: str = "",
    ) -> Outcome:
        """Fill the order at *price*, whole or in part, under a new trade id unless one is given."""
        self._trade_ids += 1
        fill = Fill(
            symbol=request.symbol,
            trade_id=trade_id or str(self._trade_ids),
            client_order_id=request.client_order_id,
            venue_order_id=f"v-{request.client_order_id}",
            side=request.side,
            price=Decimal(price),
            quantity=request.quantity if quantity is None else Decimal(quantity),
            fee=Decimal(fee),
            fee_asset=fee_asset,
            liquidity=Liquidity.TAKER,
            venue_time_ns=self.now_ns,
        )
        return self.handle(OrderFilled(self.now_ns, fill))

    def records(self, kind: type[T]) -> list[T]:
        """Return every record of this kind so far."""
        return [record for outcome in self.outcomes for record in outcome.records if isinstance(record, kind)]

    def placed(self) -> list[OrderRequest]:
        """Return every order sent so far."""
        return [
            command.request
            for outcome in self.outcomes
            for command in outcome.commands
            if isinstance(command, PlaceOrder)
        ]

    def cancels(self) -> list[str]:
        """Return why everything was cancelled, each time that it was."""
        return [
            command.reason
            for outcome in self.outcomes
            for command in outcome.commands
            if isinstance(command, CancelAllOrders)
        ]


def run(*strategies: Asked, symbols: Iterable[str] = (COIN,), **options: Any) -> Run:
    """Return a new agent with *strategies*, named `main`, `second`, `third`."""
    names = ("main", "second", "third")[: len(strategies)]
    settings = config(symbols=symbols, strategies=names, **options)
    configured = [
        ConfiguredStrategy(name, strategy) for name, strategy in zip(names, strategies, strict=True)
    ]
    return Run(compose_agent(settings, configured), tuple(symbols))
