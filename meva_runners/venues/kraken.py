"""Make the parts of Kraken's adapter; ask the venue how it writes our pairs, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import ClassVar

from meva_adapters.exchange.kraken.calls import KrakenCalls
from meva_adapters.exchange.kraken.codec import KrakenPair
from meva_adapters.exchange.kraken.exchange import KrakenExchange
from meva_adapters.exchange.kraken.market_stream import KrakenMarketStream
from meva_adapters.exchange.kraken.market_watch import KrakenMarketWatch
from meva_adapters.exchange.kraken.nonces import MemoryNonces, NonceFile, Nonces
from meva_adapters.exchange.kraken.order_costs import OrderCosts
from meva_adapters.exchange.kraken.reference import KrakenReference
from meva_adapters.exchange.kraken.signer import AccountReadSigner, KrakenSigner, Signer
from meva_adapters.exchange.kraken.tiers import TIERS
from meva_adapters.exchange.kraken.user_stream import KrakenUserStream
from meva_adapters.transport.http import HttpTransport
from meva_adapters.wire.connection_notes import Record
from meva_core.config.codes import Code, Problem
from meva_core.config.schema import AppConfig
from meva_core.errors import ConfigError
from meva_core.execution.idempotency import ClientOrderIds
from meva_core.ports.clock import Clock
from meva_core.ports.controls import VenueView
from meva_core.ports.market_feed import EventStream
from meva_runners.venues.venue import (
    Account,
    MarketStream,
    Right,
    Trading,
    Venue,
    budget_view,
    jitter_of,
    traded_assets,
)


class KrakenConnection:
    """Be a `Connection`: every part sends by the same calls, one after another, as the venue numbers them."""

    def __init__(
        self, config: AppConfig, account: Account, calls: KrakenCalls, transport: HttpTransport
    ) -> None:
        self._instruments = tuple(item.instrument() for item in config.exchange.instruments)
        self._symbols = tuple(item.symbol for item in self._instruments)
        self.reference = self.account = KrakenReference(calls, probe=self._symbols[0])
        self._config = config
        self._place = account
        self._calls = calls
        self._transport = transport
        self._known: tuple[KrakenPair, ...] = ()
        tier = TIERS[config.exchange.tier]
        self._costs = OrderCosts(threshold=tier.engine_max, decay_milli=tier.engine_decay_milli)

    def use(self) -> VenueView:
        """Return the counter of the key, the engine's of each pair that was traded, and how the venue answers."""
        now_ns = self._calls.clock.monotonic_ns()
        budgets = [budget_view("request counter", self._calls.budget, now_ns)]
        budgets += [
            budget_view(f"engine counter {symbol}", counter, now_ns)
            for symbol, counter in self._costs.counters.items()
        ]
        return VenueView("kraken", tuple(budgets), self._transport.times.view())

    async def market(self, record: Record | None) -> tuple[MarketStream, EventStream]:
        """Return the public channels, and the watch of the venue's state and rules."""
        stream = KrakenMarketStream(
            self._calls,
            self._transport,
            stream_url=self._place.stream_url,
            pairs=await self._pairs(),
            jitter=jitter_of(self._config),
            record=record,
        )
        return stream, KrakenMarketWatch(self._calls, self._instruments)

    async def trading(self) -> Trading:
        """Return exchange and stream, which share what they know of our orders; the exchange is the switch too."""
        exchange = self._exchange(await self._pairs())
        stream = KrakenUserStream(
            self._calls,
            self._transport,
            stream_url=self._place.ws_api_url,
            jitter=jitter_of(self._config),
            trades=exchange.trades,
        )
        return Trading(exchange=exchange, user_stream=stream, switch=exchange)

    def canceller(self) -> KrakenExchange:
        """Return the exchange without the pairs: whose an order is, its name tells."""
        return self._exchange(())

    def _exchange(self, pairs: tuple[KrakenPair, ...]) -> KrakenExchange:
        config = self._config
        return KrakenExchange(
            self._calls,
            pairs=pairs,
            owns=ClientOrderIds(config.agent, config.account).owns,
            costs=self._costs,
            assets=traded_assets(config),
        )

    async def _pairs(self) -> tuple[KrakenPair, ...]:
        self._known = self._known or await self.reference.pairs(self._symbols)
        return self._known


class KrakenVenue(Venue):
    """Be Kraken spot, or what speaks like it."""

    streams: ClassVar = {"api.kraken.com": "wss://ws.kraken.com/v2"}
    stream_path = "/v2"

    @contextmanager
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
    ) -> Iterator[KrakenConnection]:
        """Give a connection, numbered on from a file in *keep*; *beside* jumps over what another process may number."""
        tier, timeout_s = TIERS[config.exchange.tier], config.exchange.dead_man_s
        if right is Right.TRADE and 0 < timeout_s < tier.dead_man_s_min:
            problem = Problem(
                Code.OUT_OF_RANGE,
                "exchange.dead_man_s",
                found=str(timeout_s),
                expected=f"0, or at least {tier.dead_man_s_min}",
                remedy="Refreshing it more often would use up what an account of this tier may ask.",
                related=("exchange.tier",),
            )
            raise ConfigError((str(problem),))
        with ExitStack() as resources:
            nonces: Nonces | None = None
            if right is not Right.NOTHING:
                nonces = MemoryNonces(clock)
                if keep is not None:
                    file = NonceFile(_file_of(account.api_key, keep), clock, beside=beside)
                    nonces = resources.enter_context(file)
            calls = KrakenCalls(
                transport,
                clock,
                rest_url=account.rest_url,
                api_key=account.api_key,
                signer=_signer(account, right),
                nonces=nonces,
                deadline_ms=config.exchange.recv_window_ms,
                budget=tier.budget(),
                on_anomaly=on_anomaly,
            )
            yield KrakenConnection(config, account, calls, transport)


def _file_of(api_key: str, folder: Path) -> Path:
    """Return the file of a key's nonces: the key says which, and the file's name does not say the key."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / f"kraken-{blake2b(api_key.encode(), digest_size=8).hexdigest()}.nonces"


def _signer(account: Account, right: Right) -> Signer | None:
    match right:
        case Right.NOTHING:
            return None
        case Right.READ:
            return AccountReadSigner(KrakenSigner(account.api_secret))
        case Right.TRADE:
            return KrakenSigner(account.api_secret)
