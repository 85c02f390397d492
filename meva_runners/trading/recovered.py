"""Read from a session where its agent stood, for a venue that lives beside the agent and goes on with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from attrs import frozen

from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.agent.orchestrator import AgentOrchestrator
from meva_core.config.schema import AppConfig
from meva_core.execution.taken_over import Standing
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


def recovered(
    session: SqliteSession, config: AppConfig, strategies: Sequence[ConfiguredStrategy]
) -> Recovered | None:
    """Return where the agent of *session* stood, `None` where the session is new.

    Raises `StorageError` where its journal leads elsewhere now.
    """
    if not session.last_sequence():
        return None
    agent = recover(session, lambda checkpoint: compose_agent(config, strategies, checkpoint=checkpoint))
    state = agent.state()
    last_order_id, last_trades = session.venue_numbers()
    standing = Standing.of(
        state.open_orders.values(),
        balances={asset: balance.total for asset, balance in state.balances.items()},
        last_order_id=last_order_id,
        last_trades=last_trades,
    )
    return Recovered(standing=standing, markets=_markets(agent), events=agent.sequence)


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
