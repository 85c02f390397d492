"""Run an agent on a session without end, each event following from its state alone; meant to be killed."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from threading import Thread
from typing import Any

from meva_adapters.contracts.storage_samples import HEADER
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.agent.orchestrator import AgentOrchestrator
from meva_core.events import Event, OrderAcknowledged, OrderFilled, TradeReceived
from meva_core.model.fill import Fill, Liquidity
from meva_core.model.market import NS_PER_SECOND, Side
from meva_core.model.order import OrderStatus
from meva_core.signals.strategies.sma_cross import SmaCross
from meva_runners.commit_then_act import COMMIT, CommittingAgent, recover
from meva_runners.composition import ConfiguredStrategy, compose_agent, instruments_of
from tests.replay.case import config

START_NS = 1_700_000_000_000_000_000
# A second lies between two events, forty of them between two checkpoints.
KEPT_NS = 20 * NS_PER_SECOND


def compose(checkpoint: Mapping[str, Any] | None) -> AgentOrchestrator:
    """Return an agent of these settings."""
    strategy = ConfiguredStrategy("sma_cross", SmaCross(fast=2, slow=4, quantity=Decimal("0.01")))
    return compose_agent(config(), [strategy], checkpoint=checkpoint)


def next_event(agent: AgentOrchestrator) -> Event:
    """Return what happens next: an open order is acknowledged, then filled; else a trade prints."""
    number = agent.sequence + 1
    time_ns = START_NS + number * NS_PER_SECOND
    for record in agent.state().open_orders.values():
        request = record.request
        if record.status is OrderStatus.SUBMITTED:
            return OrderAcknowledged(time_ns, request.client_order_id, f"v{number}")
        fill = Fill(
            request.symbol,
            str(number),
            request.client_order_id,
            record.venue_order_id,
            request.side,
            Decimal(30_000),
            request.quantity,
            Decimal("0.3"),
            "USDT",
            Liquidity.TAKER,
            time_ns,
        )
        return OrderFilled(time_ns, fill)
    return TradeReceived(time_ns, "BTC/USDT", 3_000_000 + number * 7_919 % 601, 1, Side.BUY, number)


def commit_meanwhile(session: SqliteSession) -> None:
    """Commit at any moment, as the thread of a live agent does, also between an event and the next.

    After each commit a step drops old market events.
    """
    while True:
        session.commit()
        session.retire(START_NS + session.last_sequence() * NS_PER_SECOND - KEPT_NS, rows_max=5)
        time.sleep(0.0003)  # An empty commit costs nothing, and would leave the other thread no turn.


def main() -> None:
    """Create the session, or recover it, and trade for ever."""
    path = Path(sys.argv[1])
    print("begin", flush=True)
    exists = path.exists()
    session = (
        SqliteSession.open(path, market_kept_ns=KEPT_NS)
        if exists
        else SqliteSession.create(path, HEADER, market_kept_ns=KEPT_NS)
    )
    agent = recover(session, compose) if exists else compose(None)
    process = CommittingAgent(
        agent, session, instruments=instruments_of(config()), now_ns=lambda: 0, checkpoint_events=40
    )
    Thread(target=commit_meanwhile, args=(session,), daemon=True).start()
    while True:
        event = next_event(agent)
        for step in process.handle(event):
            if step is COMMIT:
                # What is secured is as durable as what is committed, and is told of as that.
                write = process.securing() if agent.sequence % 3 else process.committing()
                write()
                print(agent.sequence, flush=True)
        if agent.sequence % 5 == 0:
            process.commit()
            print(agent.sequence, flush=True)


if __name__ == "__main__":
    main()
