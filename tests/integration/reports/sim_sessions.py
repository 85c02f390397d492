"""Write the session of a simulated agent under faults to a file, and tell how its account ended; check nothing."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from attrs import evolve, frozen

from meva_adapters.settings import config_text
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_runners.simulation.scenario import draw
from meva_runners.simulation.seed_run import Job, strategies_of
from meva_runners.simulation.world import World


@frozen
class Ending:
    """Hold what the simulated agent's own books said at the end."""

    equity: Decimal
    max_drawdown: Decimal
    realized: Decimal
    fees: Decimal
    transfers: Decimal
    open_orders: dict[str, tuple[str, Decimal]]
    decision_hash: str


def simulated(path: Path, seed: int) -> Ending:
    """Run *seed* with its faults, crashes and operators; write its journal to *path*."""
    job = Job(seed)
    configured, strategies = strategies_of(job)
    scenario = draw(job.seed, job.minutes, configured, dense=True)
    world = World(scenario, strategies)
    world.run()
    agent, memory = world._agent.agent, world._session
    header = evolve(memory.header, config_json=config_text(scenario.config))
    session = SqliteSession.create(path, header)
    for entry in memory.entries():
        session.append(entry)
    session.close([("decision_hash", agent.decision_hash), ("state_hash", agent.state_hash())])
    totals = agent.services.pnl.totals
    orders = agent.state().open_orders
    return Ending(
        agent.account.equity,
        agent.account.max_drawdown,
        totals.realized,
        totals.fees,
        totals.transfers,
        {name: (record.status.value, record.filled_quantity) for name, record in sorted(orders.items())},
        agent.decision_hash,
    )
