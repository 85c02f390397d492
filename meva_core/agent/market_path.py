"""Take the market events of one symbol from check to decision; this is where a replay spends its time.

The usual event needs three comparisons, the features of the strategies that watch it, and their guards. What is
unusual (a price outside the band, a bad row, a candle that closes, a strategy that wants something) leaves this
path for a slower one that decides the same way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from meva_core.agent.account_watch import AccountWatch
from meva_core.agent.candle_feed import CandleFeed
from meva_core.agent.decider import Decider
from meva_core.agent.runtime_state import Runtime
from meva_core.agent.strategy_slot import StrategySlot
from meva_core.data.market_data_service import Market
from meva_core.data.quality import DataProblem
from meva_core.errors import StrategyError
from meva_core.events import BookChanged, QuoteReceived
from meva_core.model.market import NS_PER_SECOND, Candle
from meva_core.ops.log_records import DataRejected
from meva_core.signals.signal_engine import described

_TRADES: Final = "trades"
_BARS: Final = "bars"
# So much may a measured clock be wrong, as in the stamps that Binance takes (general information, timing security).
_CLOCKS_APART_NS: Final = NS_PER_SECOND


class MarketPath:
    """Handle the events of one symbol. Every method returns whether anything came of the event.

    Prices are in ticks, sizes in lots. *low* and *high* bound the prices that change nothing but the mark;
    `AccountWatch` sets them. A symbol lives either on trades or on bars: the first kind that comes decides,
    the other is refused, because both would tell the strategies the same thing twice.

    *warm* are the slots that every event samples the quick way, *cold* those that it samples the slow way.
    *on_broken_book* gets the symbol of a book that became unusable, why, and when.
    *epoch* rises with everything after which the features may not show what they were expected to: an event
    that was refused, a strategy that was switched off.
    """

    __slots__ = (
        "_by_name",
        "_outbox",
        "_problems",
        "_slots",
        "_source",
        "account",
        "candles",
        "cold",
        "decider",
        "epoch",
        "high",
        "low",
        "market",
        "on_bars",
        "on_broken_book",
        "runtime",
        "warm",
    )

    def __init__(
        self,
        runtime: Runtime,
        market: Market,
        slots: Sequence[StrategySlot],
        *,
        account: AccountWatch,
        decider: Decider,
    ) -> None:
        self.market = market
        self.low = self.high = 0
        self.runtime = runtime
        self._outbox = runtime.outbox
        self.account = account
        self.decider = decider
        self._slots = tuple(slots)
        self._by_name = {slot.name: slot for slot in slots}
        for slot in slots:
            decider.adopt(slot)
        self._problems: Counter[str] = Counter()
        self._source = ""
        self.on_bars = (
            False  # Whether the market lives on bars: asked at every trade, so no text is compared.
        )
        self.candles = CandleFeed(market.symbol, self._slots)
        self.on_broken_book: Callable[[str, str, int], None] = _nobody_asks
        self.epoch = 0
        self.warm: tuple[StrategySlot, ...] = ()
        self.cold: tuple[StrategySlot, ...] = ()
        self.sort_slots()
        decider.on_switch(self.sort_slots)

    def on_trade(self, time_ns: int, price: int, lots: int, trade_id: int) -> bool:
        """Take a trade; *trade_id* is -1 where there is none."""
        runtime = self.runtime
        runtime.sequence += 1
        if time_ns >= runtime.alarm_ns:
            self.account.on_alarm(time_ns)
        market = self.market
        if (
            lots > 0
            and market.trusted_low < price < market.trusted_high
            and time_ns >= runtime.now_ns
            and (trade_id > market.last_trade_id or trade_id < 0)
            and not self.on_bars
        ):
            market.last_ns = runtime.now_ns = time_ns
            market.last_ticks = price
            if trade_id >= 0:
                market.last_trade_id = trade_id
            if price <= self.low or price >= self.high:
                self.account.mark()
        elif not self._admits_trade(time_ns, price, lots, trade_id):
            return self._outbox.filled
        if self.candles.from_trades:
            self._close_candles(self.candles.on_trade(time_ns, price, lots))
        for slot in self.warm:
            try:
                for update in slot.updates:
                    update(price, lots)
                acts = slot.acts(slot.values, slot.stance)
            except Exception as error:  # noqa: BLE001 - a strategy is a stranger's code; the others go on.
                self._fail(slot, error)
                continue
            if acts:
                self.decider.wake(slot)
            elif slot.muted:
                slot.muted = False
        if self.cold:
            self._warm_up(self.cold, None, price, lots)
        return self._outbox.filled

    def on_bar(self, time_ns: int, candle: Candle, timeframe_ns: int) -> bool:
        """Take a closed bar that the venue or the tape built."""
        runtime = self.runtime
        runtime.sequence += 1
        if time_ns >= runtime.alarm_ns:
            self.account.on_alarm(time_ns)
        market = self.market
        close = candle.close
        well_formed = (
            0 < candle.low <= candle.open <= candle.high
            and candle.low <= close <= candle.high
            and candle.volume >= 0
            and (time_ns >= candle.close_ns or self._has_closed(time_ns, candle))
        )
        if (
            market.trusted_low < close < market.trusted_high
            and well_formed
            and time_ns >= runtime.now_ns
            and self.candles.bar_ns == timeframe_ns
        ):
            market.last_ns = runtime.now_ns = time_ns
            market.last_ticks = close
            if close <= self.low or close >= self.high:
                self.account.mark()
        elif not self._admits_bar(time_ns, candle, timeframe_ns, well_formed=well_formed):
            return self._outbox.filled
        if self.candles.longer:
            self._close_candles(self.candles.on_bar(candle))
        for slot in self.warm:
            try:
                for update_candle in slot.candle_updates:
                    update_candle(candle)
                acts = slot.acts(slot.values, slot.stance)
            except Exception as error:  # noqa: BLE001 - a strategy is a stranger's code; the others go on.
                self._fail(slot, error)
                continue
            if acts:
                self.decider.wake(slot, candle)
            elif slot.muted:
                slot.muted = False
        if self.cold:
            self._warm_up(self.cold, candle, close, candle.volume)
        return self._outbox.filled

    def on_quote(self, quote: QuoteReceived) -> bool:
        """Take the best bid and ask; strategies see them at their next trade or bar."""
        if self._begins(quote.time_ns):
            self._count(self.market.apply_quote(quote))
        return self._outbox.filled

    def on_book(self, change: BookChanged) -> bool:
        """Take a snapshot or change of the book; strategies see it at their next trade or bar."""
        if self._begins(change.time_ns):
            outcome = self.market.apply_book(change)
            if self._count(outcome if outcome.broken else None):
                self.on_broken_book(change.symbol, str(outcome), change.time_ns)
        return self._outbox.filled

    def close_due(self, time_ns: int) -> None:
        """Close the candles that are over at *time_ns*, though no trade has come."""
        if self.candles.from_trades:
            self._close_candles(self.candles.close_due(time_ns))

    def refresh(self, strategy: str) -> None:
        """Take over what *strategy* holds here and has on order."""
        self._by_name[strategy].refresh()

    def sort_slots(self) -> None:
        """Decide which slots take the quick way: sampled by every event, warm, without history, switched on."""
        self.epoch += 1
        enabled = self.runtime.state.runtime_flags.strategy_enabled
        sampled = [
            slot for slot in self._slots if enabled.get(slot.name) and self.candles.samples_directly(slot)
        ]
        self.warm = tuple(slot for slot in sampled if slot.features.warm and not slot.records_history)
        self.cold = tuple(slot for slot in sampled if slot not in self.warm)

    def feature_values(self, strategy: str) -> dict[str, float]:
        """Return what the features of *strategy* say now, by name; none where it does not trade this symbol."""
        slot = self._by_name.get(strategy)
        if slot is None:
            return {}
        named = zip(slot.features.names, slot.features.features, strict=True)
        return {name: feature.value for name, feature in named}

    @property
    def problems(self) -> dict[str, int]:
        """Return how often market data was not used, by cause."""
        return dict(self._problems)

    def snapshot(self) -> dict[str, Any]:
        """Return the memory but for market and features, as plain values."""
        return {
            "source": self._source,
            "problems": dict(self._problems),
            "candles": self.candles.snapshot(),
            "slots": [slot.snapshot() for slot in self._slots],
        }

    def restore(self, memory: dict[str, Any]) -> None:
        """Take over the memory that `snapshot` returned, and what the restored services hold."""
        self._source = memory["source"]
        self.on_bars = self._source == _BARS
        self._problems = Counter(memory["problems"])
        self.candles.restore(memory["candles"])
        for slot, slot_memory in zip(self._slots, memory["slots"], strict=True):
            slot.restore(slot_memory)
            slot.refresh()
        self.sort_slots()

    def _has_closed(self, time_ns: int, candle: Candle) -> bool:
        """Return whether *candle* is over by the venue's clock, where ours is behind and has not reached its close."""
        venue_ns = time_ns + self.runtime.state.connectivity.clock_offset_ns
        return venue_ns + _CLOCKS_APART_NS >= candle.close_ns

    def _admits_trade(self, time_ns: int, price: int, lots: int, trade_id: int) -> bool:
        if not self._lives_on(_TRADES) or not self._is_in_time(time_ns):
            return False
        problem = self.market.trade_problem(time_ns, price, lots, trade_id)
        if self._count(problem):
            self.low = self.high = 0  # Nothing is usual before the doubt is settled.
            return False
        self.runtime.now_ns = time_ns
        self.account.mark()
        return True

    def _admits_bar(self, time_ns: int, candle: Candle, timeframe_ns: int, *, well_formed: bool) -> bool:
        if not self._lives_on(_BARS) or not self._is_in_time(time_ns):
            return False
        problem: DataProblem | None = DataProblem.MALFORMED_BAR
        if well_formed:
            problem = self.market.trade_problem(time_ns, candle.close, max(candle.volume, 1), -1)
        if self._count(problem):
            self.low = self.high = 0
            return False
        if self.candles.bar_ns != timeframe_ns:
            self.candles.start_bars(timeframe_ns)
            self.sort_slots()
        self.runtime.now_ns = time_ns
        self.account.mark()
        return True

    def _begins(self, time_ns: int) -> bool:
        runtime = self.runtime
        runtime.sequence += 1
        if time_ns >= runtime.alarm_ns:
            self.account.on_alarm(time_ns)
        if not self._is_in_time(time_ns):
            return False
        runtime.now_ns = time_ns
        return True

    def _is_in_time(self, time_ns: int) -> bool:
        return not self._count(DataProblem.TIME_FELL if time_ns < self.runtime.now_ns else None)

    def _lives_on(self, source: str) -> bool:
        if not self._source:
            self._source = source
            self.on_bars = source == _BARS
        return not self._count(None if self._source == source else DataProblem.SECOND_SOURCE)

    def _close_candles(self, closed: Iterable[tuple[StrategySlot, Sequence[Candle]]]) -> None:
        """Feed candles to the strategies sampled by them; only the newest is a reason to act."""
        enabled = self.runtime.state.runtime_flags.strategy_enabled
        for slot, candles in closed:
            if not enabled.get(slot.name):
                continue
            try:
                for candle in candles[:-1]:
                    slot.features.update_candle(self.runtime.now_ns, candle)
            except Exception as error:  # noqa: BLE001 - a strategy is a stranger's code; the others go on.
                self._fail(slot, error)
                continue
            newest = candles[-1]
            self._warm_up((slot,), newest, newest.close, newest.volume)

    def _warm_up(self, slots: Sequence[StrategySlot], candle: Candle | None, price: int, lots: int) -> None:
        """Sample the slow way; a strategy is asked once all of its features mean something."""
        now_ns = self.runtime.now_ns
        for slot in slots:
            features = slot.features
            was_warm = features.warm
            try:
                if candle is None:
                    features.update(now_ns, price, lots)
                else:
                    features.update_candle(now_ns, candle)
                acts = features.warm and slot.acts(slot.values, slot.stance)
            except Exception as error:  # noqa: BLE001 - a strategy is a stranger's code; the others go on.
                self._fail(slot, error)
                continue
            if features.warm and not was_warm:
                self.sort_slots()
            if acts:
                self.decider.wake(slot, candle)
            elif slot.muted:
                slot.muted = False

    def _fail(self, slot: StrategySlot, error: Exception) -> None:
        self.decider.fail(slot, StrategyError(slot.name, slot.symbol, described(error)))

    def _count(self, problem: str | None) -> bool:
        """Count a problem, and tell of it at the first, tenth, hundredth, ... time; return whether it is one."""
        if problem is None:
            return False
        self.epoch += 1
        name = str(problem)
        self._problems[name] += 1
        count = self._problems[name]
        if str(count).strip("0") == "1":
            text = name if count == 1 else f"{name}, {count} times by now"
            self._outbox.record(DataRejected, self.runtime.now_ns, self.market.symbol, text)
        return True


def _nobody_asks(_symbol: str, _cause: str, _time_ns: int) -> None:
    """Let a broken book be: nothing fetches it anew."""
