"""Look into the matching engine behind an adapter in process: the harness's part that knows what is true there."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from meva_adapters.contracts.exchange_harness import ExchangeHarness, TrueOrder
from meva_adapters.exchange.simulated.venue_truth import VenueTruth
from meva_adapters.venue.settings import DEFAULT_FEES
from meva_core.execution.matching import MatchingEngine
from meva_core.model.fill import Fill
from meva_core.model.instrument import Instrument
from meva_runners.harnesses.still_market import ASK_TICKS, INSTRUMENTS, quote_of

# When the market opens; a bid at this share of the best one rests.
START_NS: Final = 1_750_000_000_000_000_000
RESTING: Final = Decimal("0.9")
_MANY_LOTS: Final = 10**9
_OPEN: Final = ("accepted", "partially_filled")


class EngineHarness(ExchangeHarness):
    """Read orders, trades and balances from *engine* and from *truth*, which follows it; time stands between calls."""

    symbol = INSTRUMENTS[0].symbol
    fees = DEFAULT_FEES
    engine: MatchingEngine
    truth: VenueTruth

    @abstractmethod
    def _trade(self, price_ticks: int, lots: int) -> None:
        """Let others trade so many lots at a price."""

    async def stop(self) -> None:
        """Stop nothing: time stands when nobody moves it."""

    def instrument(self) -> Instrument:
        """Return the rules of the first market."""
        return INSTRUMENTS[0]

    def quote(self) -> tuple[Decimal, Decimal]:
        """Return the best bid and ask."""
        return quote_of(self.instrument())

    def other_market(self) -> tuple[Instrument, Decimal]:
        """Return the second market."""
        return INSTRUMENTS[1], quote_of(INSTRUMENTS[1])[0] * RESTING

    def orders(self) -> Sequence[TrueOrder]:
        """Return what the engine took."""
        return [
            TrueOrder(
                client_order_id=placed.request.client_order_id,
                symbol=placed.request.symbol,
                side=placed.request.side,
                quantity=placed.request.quantity,
                filled_quantity=placed.seen.filled_quantity,
                limit_price=placed.request.limit_price,
                is_open=placed.seen.status in _OPEN,
            )
            for placed in self.truth.placed
        ]

    def trades(self) -> Sequence[Fill]:
        """Return own trades."""
        return [fill for _, fill in self.truth.trades if fill.symbol == self.symbol]

    def balances(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Return what the account holds."""
        return {asset: held for asset, held in self.engine.balances().items() if any(held)}

    async def execute(self, client_order_id: str, quantity: Decimal) -> None:
        """Let others trade at the order's own price."""
        [order] = [each for each in self.orders() if each.client_order_id == client_order_id]
        instrument = self.instrument()
        assert order.limit_price is not None, "a resting order has a limit"
        self._trade(instrument.ticks(order.limit_price), instrument.lots(quantity))

    async def settle(self) -> None:
        """Let one large trade pass: whatever takes, takes from it."""
        self._trade(ASK_TICKS, _MANY_LOTS)
