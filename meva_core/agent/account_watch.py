"""Value the account exactly where it matters, close the gate at a breached limit, and know when nothing can be.

Between two valuations a market may move inside its *band* without any anchor, record or limit changing, so most
events cost two integer comparisons (the band of each market is its share of the slack that `LossGuard` states).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Protocol

from meva_core.agent.runtime_state import Runtime
from meva_core.agent.treasury_desk import TreasuryDesk
from meva_core.data.market_data_service import Market
from meva_core.model.market import NEVER_NS, NS_PER_DAY
from meva_core.model.money import EXACT, exact
from meva_core.model.state import Gate, GateMarker
from meva_core.ops.log_records import EquityMarked
from meva_core.portfolio.attribution import EquityFacts
from meva_core.portfolio.pnl_service import PnLService
from meva_core.portfolio.valuation_service import Holding, ValuationService
from meva_core.risk.circuit_breaker import CircuitBreaker
from meva_core.risk.exposure_engine import ExposureEngine
from meva_core.risk.gate import DAILY_LOSS, DRAWDOWN, TradingGate
from meva_core.risk.loss_guard import LossAnchors, LossGuard

# Returns the first moment after the given one at which a new day begins, both in ns UTC.
NextDay = Callable[[int], int]


class Banded(Protocol):
    """Be told between which prices, both excluded, an event of this market changes nothing of the account."""

    market: Market
    low: int
    high: int


def next_utc_day(time_ns: int) -> int:
    """Return the next midnight UTC."""
    return (time_ns // NS_PER_DAY + 1) * NS_PER_DAY


class AccountWatch:
    """Keep equity, day, drawdown and samples. *started* turns true once every asset held has a mark."""

    def __init__(
        self,
        runtime: Runtime,
        *,
        valuation: ValuationService,
        pnl: PnLService,
        treasury: TreasuryDesk,
        guard: LossGuard,
        gate: TradingGate,
        breaker: CircuitBreaker,
        next_day: NextDay,
        sample_ns: int,
        resume_after_daily_loss: bool,
    ) -> None:
        self._runtime = runtime
        self._valuation = valuation
        self._pnl = pnl
        self._treasury = treasury
        self._guard = guard
        self._gate = gate
        self._breaker = breaker
        self._next_day = next_day
        self._sample_ns = sample_ns
        self._resumes = resume_after_daily_loss
        self._exposure = ExposureEngine()
        self._routes: list[tuple[Banded, Market, Holding]] = []
        self._shared: list[tuple[Banded, tuple[Holding, ...]]] = []
        self._owned: tuple[Holding, ...] = ()
        self._bases: dict[str, str] = {}
        self._held = 0
        self._day_end_ns = self._sample_due_ns = 0
        self._day_facts: EquityFacts | None = None  # None until a first day has been closed.
        self.started = False

    def attach(self, paths: Sequence[Banded]) -> None:
        """Learn which markets to tell their bands."""
        self._routes, self._shared = [], []
        for path in paths:
            own, indirect = self._valuation.holdings_on(path.market)
            self._routes.append((path, path.market, own))
            if indirect:
                self._shared.append((path, indirect))
        self._owned = tuple([own for _, _, own in self._routes])
        self._bases = {path.market.symbol: path.market.instrument.base for path in paths}
        self.on_holdings()

    @property
    def equity(self) -> Decimal:
        """Return the equity now, in the reporting currency."""
        self.mark()
        return self._valuation.amount(self._guard.anchors.equity)

    @property
    def start_equity(self) -> Decimal:
        """Return the equity at the start, moved by transfers since."""
        return self._valuation.amount(self._guard.anchors.start)

    @property
    def max_drawdown(self) -> Decimal:
        """Return the largest fall from a peak so far, exact at every event."""
        return self._valuation.amount(self._guard.anchors.max_drawdown)

    def mark(self) -> None:
        """Value the account now; a limit that it breaks closes the gate in this very event (invariant I15)."""
        if not self.started and not self._start():
            return
        for code in self._guard.mark(self._valuation.equity()):
            if not self._gate.holds(code):
                self._breach(code)
        self._set_bands()

    def fall_to(self, path: Banded, price: int) -> bool:
        """Remember that the market of *path* fell to *price* while it alone moved; return whether that is all.

        Of falls from one peak the deepest alone is remembered, so it stands for the whole way. That holds where
        this is the one market held, and no limit is reached; else nothing is remembered.
        """
        if self._held != 1:
            return False
        market = path.market
        last_ticks, market.last_ticks = market.last_ticks, price
        equity = self._valuation.equity()
        market.last_ticks = last_ticks
        if not self._guard.fall_to(equity):
            return False
        path.low = price - 1
        return True

    def on_fill(self) -> None:
        """Learn that a fill was booked, and value the account."""
        self.on_holdings()
        self.mark()

    def on_holdings(self) -> None:
        """Learn that what is held has changed; call `mark` after it."""
        held = 0
        for own in self._owned:
            if own.worth > 0:
                held += 1
        self._held = held

    def on_alarm(self, time_ns: int) -> None:
        """Do what is due at *time_ns* by the clock alone: breaker, equity sample, new day."""
        self._runtime.now_ns = time_ns
        if time_ns >= self._sample_due_ns:
            self._sample(time_ns)
        if time_ns >= self._day_end_ns:
            self._roll_day(time_ns)
        if self._breaker.on_time(time_ns):
            self._runtime.version += 1
        self.set_alarm()

    def set_alarm(self) -> None:
        """Compute when something is due next."""
        reset_ns = self._breaker.reset_ns or NEVER_NS
        self._runtime.alarm_ns = min(self._day_end_ns, self._sample_due_ns, reset_ns)

    def refresh(self, time_ns: int) -> None:
        """Bring profit and loss of the canonical state up to date."""
        if not self.started:
            return  # To be asked is no event: it must not decide where the account starts.
        self.mark()
        anchors, pnl, valuation = self._guard.anchors, self._runtime.state.pnl, self._valuation
        with exact():
            pnl.unrealized = self._pnl.unrealized()
            self._pnl.check(self.equity, self._start_without_transfers())
        pnl.realized = self._pnl.totals.realized
        pnl.fees = self._pnl.totals.fees
        pnl.pnl_today = valuation.amount(anchors.equity - anchors.day_open)
        pnl.drawdown = valuation.amount(anchors.drawdown)
        self._runtime.state.as_of_ns = time_ns

    def record_equity(self, time_ns: int) -> None:
        """Say what the account is worth at *time_ns*."""
        if not self.started:
            return
        with exact():
            exposure = self._exposure.portfolio(self._runtime.state, self._base_price)
        drawdown = self._valuation.amount(self._guard.anchors.drawdown)
        self._runtime.outbox.record(EquityMarked, time_ns, self.equity, exposure, drawdown)

    def shift(self, value: Decimal) -> None:
        """Move every anchor by money that entered or left (invariant I16)."""
        self._guard.shift(self._valuation.quanta(value))
        self.on_holdings()
        self.mark()

    def forgive_drawdown(self) -> None:
        """Measure drawdown from here: an operator has seen the fall and released the halt."""
        self.mark()
        self._guard.anchors.peak = self._guard.anchors.equity
        self.mark()

    def is_breached(self, code: str) -> bool:
        """Return whether the limit behind the marker *code* is broken now."""
        self.mark()
        return code in self._guard.breaches()

    def snapshot(self) -> dict[str, Any]:
        """Return the whole memory as plain values."""
        anchors = self._guard.anchors
        return {
            "started": self.started,
            "day_facts": None
            if self._day_facts is None
            else [
                self._day_facts.equity,
                self._day_facts.earned,
                self._day_facts.fees,
                self._day_facts.transfers,
            ],
            "due": [self._day_end_ns, self._sample_due_ns],
            "anchors": [
                anchors.start,
                anchors.day_open,
                anchors.peak,
                anchors.max_drawdown,
                anchors.drawdown,
                anchors.equity,
            ],
        }

    def restore(self, memory: dict[str, Any]) -> None:
        """Take over the memory that `snapshot` returned; holdings and marks must be restored before."""
        self.started = memory["started"]
        facts = memory["day_facts"]
        self._day_facts = None if facts is None else EquityFacts(*facts)
        self._day_end_ns, self._sample_due_ns = memory["due"]
        self._guard.anchors = LossAnchors(*memory["anchors"])
        self.on_holdings()
        self.set_alarm()
        self.mark()

    def _start(self) -> bool:
        if not self._runtime.now_ns or not self._valuation.is_ready():
            return False  # Nothing has happened yet, or something held has no price yet.
        with exact():
            self._pnl.cost_openings()
        self._guard.start(self._valuation.equity())
        self.started = True
        self.on_holdings()  # The opening balances came after `attach`.
        self.record_equity(self._runtime.now_ns)
        return True

    def _start_without_transfers(self) -> Decimal:
        return EXACT.subtract(self.start_equity, self._pnl.totals.transfers)

    def _breach(self, code: str) -> None:
        now_ns, valuation, anchors = self._runtime.now_ns, self._valuation, self._guard.anchors
        if code == DAILY_LOSS:
            loss = valuation.amount(anchors.day_open - anchors.equity)
            text = f"today's loss {loss:f} has reached {valuation.amount(self._guard.daily_loss):f}"
            self._gate.close(GateMarker(DAILY_LOSS, Gate.PAUSED, text, "loss_guard", now_ns))
        else:
            fall = valuation.amount(anchors.drawdown)
            text = f"drawdown {fall:f} has reached {valuation.amount(self._guard.drawdown):f}"
            self._gate.close(GateMarker(DRAWDOWN, Gate.KILLED, text, "loss_guard", now_ns))

    def _set_bands(self) -> None:
        """Give every market held an equal share of the slack; what is not held may move as far as it is trusted."""
        held = self._held
        fall, rise = self._guard.slack() if held else (0, 0)
        for path, market, own in self._routes:
            low, high = market.trusted_low, market.trusted_high
            step = own.worth  # Quanta by which one tick of this market moves the equity.
            if step > 0:
                price, reach = market.last_ticks, held * step
                lowest, highest = price - fall // reach - 1, price + rise // reach + 1
                if lowest > low:
                    low = lowest
                if highest < high:
                    high = highest
            elif step:
                low = high = 0  # No band is safe where something is owed, ...
            path.low, path.high = low, high
        for path, indirect in self._shared:
            for holding in indirect:
                if holding.worth:
                    path.low = path.high = 0  # ... or is valued through two markets.

    def _sample(self, time_ns: int) -> None:
        if self._sample_due_ns:
            self.mark()
            self.record_equity(time_ns // self._sample_ns * self._sample_ns)
            if self.started:
                self._treasury.watch_principal(self.equity)
        self._sample_due_ns = (time_ns // self._sample_ns + 1) * self._sample_ns

    def _roll_day(self, time_ns: int) -> None:
        if self._day_end_ns:
            self.mark()
            self._close_day(self._day_end_ns)
            self._guard.roll_day(self._guard.anchors.equity)
            self._runtime.version += 1
            if self._resumes:
                reason = "a new day has begun"
                self._gate.lift(DAILY_LOSS, actor="loss_guard", reason=reason, time_ns=time_ns)
            self.mark()
        self._day_end_ns = self._next_day(time_ns)

    def _close_day(self, closed_ns: int) -> None:
        if not self.started:
            return  # Nothing can be valued yet: its costs belong to the first day that can.
        anchors, totals = self._guard.anchors, self._pnl.totals
        result = self._valuation.amount(anchors.equity - anchors.day_open)
        with exact():
            earned = totals.realized + self._pnl.unrealized()
        facts = EquityFacts(self._valuation.amount(anchors.equity), earned, totals.fees, totals.transfers)
        before = self._day_facts or EquityFacts(self._start_without_transfers())
        self._treasury.close_day(closed_ns, before=before, after=facts, result=result)
        self._day_facts = facts

    def _base_price(self, symbol: str) -> Decimal:
        return self._valuation.price_of(self._bases[symbol])
