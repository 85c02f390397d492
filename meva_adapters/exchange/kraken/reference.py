"""Ask Kraken what must be known before trading: rules, clock, account; change nothing there."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from hashlib import blake2b

from meva_adapters.exchange.kraken.calls import VENUE, KrakenCalls
from meva_adapters.exchange.kraken.codec import KrakenPair, read_balances, read_pairs
from meva_adapters.exchange.kraken.errors import DENIED, REMEDIES, UNKNOWN_PAIR
from meva_adapters.exchange.kraken.trades import OwnTrades
from meva_adapters.transport.http import NotSentError
from meva_adapters.wire.fields import CodecError, row_of
from meva_adapters.wire.kraken_names import rest_pair
from meva_core.errors import OffGridError, VenueRefusedError, VenueUnknownError
from meva_core.events import ClockMeasured
from meva_core.model.instrument import Instrument
from meva_core.model.money import EXACT, plain
from meva_core.ports.exchange import AccountFacts, AccountOpening


class KrakenReference:
    """Ask through *calls*. Nothing runs yet, so failures are errors.

    *probe* is a symbol on which an order is checked, never placed, to see whether the key may trade.
    """

    def __init__(self, calls: KrakenCalls, *, probe: str = "BTC/USD") -> None:
        self._calls = calls
        self._probe = probe

    async def pairs(self, symbols: Sequence[str]) -> tuple[KrakenPair, ...]:
        """Return the pairs of the unified *symbols*, in their order."""
        try:
            names = ",".join(rest_pair(symbol) for symbol in symbols)
            found = read_pairs(await self._calls.public("AssetPairs", [("pair", names)]))
        except OffGridError as exc:
            raise VenueRefusedError(VENUE, UNKNOWN_PAIR, str(exc)) from exc
        except (CodecError, NotSentError) as exc:
            raise VenueUnknownError(VENUE, "AssetPairs", str(exc)) from exc
        missing = [symbol for symbol in symbols if symbol not in found]
        if missing:
            told = f"{', '.join(missing)}. {REMEDIES[UNKNOWN_PAIR]}"
            raise VenueRefusedError(VENUE, UNKNOWN_PAIR, told)
        return tuple(found[symbol] for symbol in symbols)

    async def instruments(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        """Return the venue's own rules of the unified *symbols*, in their order."""
        return tuple(pair.instrument for pair in await self.pairs(symbols))

    async def measure_clock(self) -> ClockMeasured:
        """Compare the venue's clock with ours."""
        try:
            return await self._calls.measure_clock()
        except NotSentError as exc:
            raise VenueUnknownError(VENUE, "Time", str(exc)) from exc

    async def status(self) -> str:
        """Return the venue's own word for its state: online, maintenance, cancel_only or post_only."""
        try:
            return str(row_of(await self._calls.public("SystemStatus", [])).get("status"))
        except (CodecError, NotSentError) as exc:
            raise VenueUnknownError(VENUE, "SystemStatus", str(exc)) from exc

    async def account_facts(self) -> AccountFacts:
        """Return what the key may do, as far as the venue lets it be seen: by what it refuses to the key.

        The venue tells no account id, so the account is named after its key. Withdrawal methods are shown only to
        a key that may withdraw ("WithdrawMethods"), and any other answer than a denial counts as that right.
        """
        try:
            await self._calls.private("BalanceEx", [])
            (pair,) = await self.pairs([self._probe])
            can_trade = await self._allowed("AddOrder", _checked_only(pair), weight=0)
            can_withdraw = await self._allowed("WithdrawMethods", [], weight=1)
        except NotSentError as exc:
            raise VenueUnknownError(VENUE, "BalanceEx", str(exc)) from exc
        digest = blake2b(self._calls.api_key.encode(), digest_size=4).hexdigest()
        return AccountFacts(account_id=f"kraken-{digest}", can_trade=can_trade, can_withdraw=can_withdraw)

    async def opening(self, symbols: Sequence[str]) -> AccountOpening:
        """Return where the account stands: trades are asked for first, so that none is in neither.

        The history is one list for all pairs, so it is read as far as the newest trade of each symbol.
        """
        try:
            newest = await OwnTrades(self._calls, await self.pairs(symbols)).newest(symbols)
        except (CodecError, NotSentError) as exc:
            raise VenueUnknownError(VENUE, "TradesHistory", str(exc)) from exc
        return AccountOpening(balances=await self.balances(), trades=newest)

    async def balances(self) -> dict[str, Decimal]:
        """Return what the account holds, free and locked together, by asset."""
        try:
            told = read_balances(await self._calls.private("BalanceEx", []))
        except (CodecError, NotSentError) as exc:
            raise VenueUnknownError(VENUE, "BalanceEx", str(exc)) from exc
        return {asset: EXACT.add(free, locked) for asset, free, locked in told}

    async def _allowed(self, name: str, parameters: list[tuple[str, str]], *, weight: int) -> bool:
        """Return whether the venue lets the key make this call, whatever else it says of it."""
        try:
            await self._calls.private(name, parameters, weight=weight)
        except VenueRefusedError as exc:
            return exc.code != DENIED
        return True


def _checked_only(pair: KrakenPair) -> list[tuple[str, str]]:
    """Return the parameters of the smallest order that the venue only checks ("AddOrder", `validate`)."""
    rules = pair.instrument
    return [
        ("pair", pair.altname),
        ("type", "buy"),
        ("ordertype", "limit"),
        ("volume", plain(max(rules.min_quantity, rules.lot_size))),
        ("price", plain(rules.tick_size)),
        ("validate", "true"),
    ]
