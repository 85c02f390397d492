"""Say what a runner needs of a venue, whatever it is called: its markets, an account there, and the right to use it.

How a venue makes these parts stands in a module of its own; `registry` is the table of them. No mode is known here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import ClassVar, Protocol
from urllib.parse import urlsplit

from attrs import field, frozen

from meva_adapters.transport.decaying_budget import DecayingBudget
from meva_adapters.transport.http import HttpTransport
from meva_adapters.transport.rate_budget import RateBudget
from meva_adapters.wire.connection_notes import Record
from meva_core.config.schema import AppConfig
from meva_core.model.market import NS_PER_MS
from meva_core.ports.clock import Clock
from meva_core.ports.controls import BudgetView, VenueView
from meva_core.ports.exchange import AccountReader, DeadManSwitch, ExchangeAdapter, VenueReference
from meva_core.ports.market_feed import BookSource, EventStream


class Right(StrEnum):
    """Name what a key may be used for. What is not granted cannot be signed, whatever is asked of the parts."""

    NOTHING = "nothing"
    READ = "reading what the account holds"
    TRADE = "trading"


@frozen(kw_only=True)
class Account:
    """Say where an account is, and with which key it is reached; without a key, where everybody may look."""

    rest_url: str
    stream_url: str
    ws_api_url: str = ""
    api_key: str = ""
    api_secret: str = field(default="", repr=False)


@frozen(kw_only=True)
class Trading:
    """Hold what trades. *switch* is `None` at a venue that has no dead-man switch."""

    exchange: ExchangeAdapter
    user_stream: EventStream
    switch: DeadManSwitch | None


class MarketStream(EventStream, BookSource, Protocol):
    """Follow markets, and renew their books when asked."""


class Connection(Protocol):
    """Reach one account at one venue with one right. Its methods raise `VenueRefusedError` or `VenueUnknownError`."""

    @property
    def reference(self) -> VenueReference:
        """Return what tells rules, clock and key."""
        ...

    @property
    def account(self) -> AccountReader:
        """Return what tells what the account holds."""
        ...

    def use(self) -> VenueView:
        """Return how much of each of the venue's budgets is used now, and how it answers."""
        ...

    async def market(self, record: Record | None) -> tuple[MarketStream, EventStream]:
        """Return the stream of the market, recorded by *record*, and the one that tells whether it is open."""
        ...

    async def trading(self) -> Trading:
        """Return what trades, where the right is `TRADE`."""
        ...

    def canceller(self) -> ExchangeAdapter:
        """Return an exchange that knows enough to cancel every order of ours, without a question before."""
        ...


class Venue(ABC):
    """Open connections to one venue. *streams* are the addresses of its public streams by its REST host.

    Elsewhere they are at *stream_path* of the same host.
    """

    streams: ClassVar[Mapping[str, str]]
    stream_path: ClassVar[str] = ""

    @abstractmethod
    def connect(
        self,
        config: AppConfig,
        account: Account,
        right: Right,
        *,
        transport: HttpTransport,
        clock: Clock,
        on_anomaly: Callable[[str, str], None] | None = None,
        keep: Path | None = None,
        beside: bool = False,
    ) -> AbstractContextManager[Connection]:
        """Give the connection to *account*.

        *on_anomaly* hears, by kind and detail, of what nobody understands.
        *keep* is the folder of what must outlive this process; `None` where the venue does not outlive it either.
        *beside* says that another process may be using the key now. Raise `ConfigError` for a key that cannot be used.
        """

    def streams_at(self, rest_url: str) -> str:
        """Return where the public streams of the venue at *rest_url* are."""
        parts = urlsplit(rest_url)
        same_host = f"{'ws' if parts.scheme == 'http' else 'wss'}://{parts.netloc}{self.stream_path}"
        return self.streams.get(parts.hostname or "", same_host)


def traded_assets(config: AppConfig) -> frozenset[str]:
    """Return the assets that the books are kept in; what else an account holds is none of the agent's business."""
    instruments = [item.instrument() for item in config.exchange.instruments]
    assets = {asset for item in instruments for asset in (item.base, item.quote)}
    paid_in = config.exchange.fees.paid_in
    fees = {paid_in} - {"received", "quote", "base"}
    return frozenset(assets | fees | {config.reporting_currency})


def budget_view(name: str, budget: RateBudget | DecayingBudget, now_ns: int) -> BudgetView:
    """Return how much of *budget* is used; *now_ns* is the time by which it counts."""
    blocked_ms = max(0, budget.blocked_until_ns - now_ns) // NS_PER_MS
    return BudgetView(name, budget.level(now_ns), budget.limit, budget.reserve, blocked_ms)


def jitter_of(config: AppConfig) -> Callable[[], float]:
    """Return what spreads the reconnects of many agents; it decides nothing that is journaled."""
    return Random(f"{config.agent}/{config.account}").random  # noqa: S311 - repeatable, guards nothing.
