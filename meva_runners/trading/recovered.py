"""Read from a session where its agent stood, for a venue that lives beside the agent and goes on with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from attrs import evolve, frozen

from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.agent.orchestrator import AgentOrchestrator
from meva_core.config.schema import AppConfig
from meva_core.execution.taken_over import Standing
from meva_core.model.order import OrderRecord
from meva_runners.commit_then_act import recover
from meva_runners.composition import ConfiguredStrategy, compose_agent


@frozen
class LastMarket:
    """Say where a market was when the agent heard of it last: *price*, and the newest *number* of a trade or update."""

    price: Decimal
    number: int


@frozen(kw_only=True)
class Recovered:
    """Hold what a venue needs to go on: the account's standing, the markets by symbol, and how far the session is."""

    standing: Standing
    markets: Mapping[str, LastMarket]
    events: int


@frozen
class Numbers:
    """Say which numbers are behind a venue's ids: an engine goes on counting from them."""

    order: Callable[[str], int] = int
    trade: Callable[[str], int] = int


PLAIN: Final = Numbers()


def recovered(
    session: SqliteSession,
    config: AppConfig,
    strategies: Sequence[ConfiguredStrategy],
    numbers: Numbers = PLAIN,
) -> Recovered | None:
    """Return where the agent of *session* stood, its orders under plain *numbers*; `None` where the session is new.

    Raises `StorageError` where its journal leads elsewhere now.
    """
    if not session.last_sequence():
        return None
    agent = recover(session, lambda checkpoint: compose_agent(config, strategies, checkpoint=checkpoint))
    state = agent.state()
    last_order_id, last_trades = session.newest_ids()
    standing = Standing.of(
        [_numbered(record, numbers) for record in state.open_orders.values()],
        balances={asset: balance.total for asset, balance in state.balances.items()},
        last_order_id=numbers.order(last_order_id) if last_order_id else 0,
        last_trades={symbol: numbers.trade(trade_id) for symbol, trade_id in last_trades.items()},
    )
    return Recovered(standing=standing, markets=_markets(agent), events=agent.sequence)


def _numbered(record: OrderRecord, numbers: Numbers) -> OrderRecord:
    if not record.venue_order_id:
        return record
    return evolve(record, venue_order_id=str(numbers.order(record.venue_order_id)))


def _markets(agent: AgentOrchestrator) -> dict[str, LastMarket]:
    """Return the markets that the agent has heard of."""
    service = agent.services.market_data
    markets = [service.market(symbol) for symbol in service.symbols]
    return {
        market.symbol: LastMarket(
            market.mark,
            max(
                market.last_trade_id, market.last_update_id, market.book.last_update_id if market.book else -1
            ),
        )
        for market in markets
        if market.last_ticks
    }
