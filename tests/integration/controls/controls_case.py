"""Serve a real agent over a real session file to a real client, on loopback; check nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from meva_adapters.contracts.storage_samples import HEADER
from meva_adapters.controls.access import Scope, open_tokens, read_token
from meva_adapters.controls.server import ControlsServer, ServerSettings
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.agent.operator_view import OperatorView
from meva_core.agent.outbox import Outcome
from meva_core.commands import Command
from meva_core.events import Event, TradeReceived
from meva_core.model.market import NS_PER_SECOND, Side
from meva_core.ports.controls import NO_VENUE
from meva_runners.commit_then_act import Commit, CommittingAgent, recover
from meva_runners.composition import ConfiguredStrategy, compose_agent, compose_venue, instruments_of
from meva_runners.replaying.performer import SimulatedPerformer
from meva_runners.trading.agent_desk import AgentDesk
from meva_runners.trading.look_back import LookBack
from tests.integration.test_kill_switch_flow import START_NS, Always
from tests.replay.case import config


class Desk:
    """Run one agent on a simulated venue, over a new or known session file, at a clock that the test moves."""

    def __init__(self, path: Path, *overrides: str) -> None:
        self.settings = config(*overrides)
        strategy = ConfiguredStrategy("sma_cross", Always(Decimal(29900), Decimal("0.01")))
        resumed = path.exists()
        self.session = SqliteSession.open(path) if resumed else SqliteSession.create(path, HEADER)
        self.venue = compose_venue(self.settings)
        agent = recover(
            self.session, lambda memory: compose_agent(self.settings, [strategy], checkpoint=memory)
        )
        self.now_ns = max(START_NS, agent.state().sequence.last_event_ns)
        self.performer = SimulatedPerformer(self.venue, agent.permits)
        self.performed: list[Command] = []
        self.venue_use = NO_VENUE
        self.view = OperatorView(
            agent, name="meva-1", service="meva", account="main", symbols=tuple(instruments_of(self.settings))
        )
        self.process = CommittingAgent(
            agent,
            self.session,
            instruments=instruments_of(self.settings),
            now_ns=lambda: self.now_ns,
            checkpoint_events=100,
            observers=(self._observe,),
        )
        self.look_back = LookBack(self.session, self.view)
        self.desk = AgentDesk(
            agent,
            self.view,
            self.look_back,
            self.settings,
            now_ns=lambda: self.now_ns,
            handle=self._handle,
            venue=lambda: self.venue_use,
        )

    def _observe(self, event: Event, outcome: Outcome) -> None:
        self.desk.observe(event, outcome)

    def give(self, event: Event) -> None:
        """Handle *event* and everything that follows."""
        for step in self.process.handle(event):
            if isinstance(step, Commit):
                self.process.commit()
            else:
                self._do(step)

    def trade(self, price: int = 3_000_000) -> None:
        """Let a second pass and a trade print."""
        self.now_ns += NS_PER_SECOND
        for answer in self.venue.market("BTC/USDT").on_trade(self.now_ns, price, 1_000, Side.SELL):
            self.give(answer)
        self.give(TradeReceived(self.now_ns, "BTC/USDT", price, 1_000, Side.SELL))
        self.desk.beat()

    def _handle(self, event: Event) -> asyncio.Future[None]:
        """Handle *event*, and return the promise that it is durable, as it is already."""
        self.give(event)
        durable = asyncio.get_running_loop().create_future()
        durable.set_result(None)
        return durable

    def _do(self, command: Command) -> None:
        self.performed.append(command)
        for answer in self.performer.perform(command, self.now_ns):
            self.give(answer)


class Client:
    """Ask the server as an operator would."""

    def __init__(self, http: aiohttp.ClientSession, folder: Path, ports: tuple[int, int]) -> None:
        self.http = http
        self.folder = folder
        self.port, self.kill_port = ports
        self._numbers = count(1)

    def headers(self, scope: Scope = Scope.ARM) -> dict[str, str]:
        """Return the headers of a bearer of *scope*."""
        return {"Authorization": f"Bearer {read_token(self.folder, scope)}"}

    def url(self, path: str) -> str:
        """Return the address of *path*."""
        return f"http://127.0.0.1:{self.port}{path}"

    async def get(self, path: str, scope: Scope = Scope.READ) -> tuple[int, Any]:
        """Return the status and the JSON of *path*."""
        async with self.http.get(self.url(path), headers=self.headers(scope)) as response:
            return response.status, await response.json()

    async def post(self, path: str, scope: Scope = Scope.ARM, **fields: Any) -> tuple[int, Any]:
        """Return the status and the JSON of what was asked."""
        message = {"request_id": f"r-{next(self._numbers)}", "actor": "ann", "reason": "test"} | fields
        async with self.http.post(self.url(path), json=message, headers=self.headers(scope)) as response:
            return response.status, await response.json()


@asynccontextmanager
async def served(tmp_path: Path, **settings: Any) -> AsyncIterator[tuple[Desk, Client]]:
    """Serve a desk and yield it with its client."""
    wide = ("risk.daily_loss_limit=5000", "risk.max_drawdown_limit=8000")
    desk = Desk(tmp_path / "session.db", *wide)
    folder = tmp_path / "control"
    server = ControlsServer(
        desk.desk, open_tokens(folder), ServerSettings(**settings), metrics=lambda: b"up 1\n"
    )
    ports = await server.start()
    try:
        async with aiohttp.ClientSession() as http:
            yield desk, Client(http, folder, ports)
    finally:
        await server.stop()
        desk.look_back.close()
        desk.session.close()
