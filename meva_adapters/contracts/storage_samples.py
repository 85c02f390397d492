"""Offer sessions, entries, states and checkpoints whose values are awkward to store; check nothing."""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from typing import Any, Final

from attrs import evolve

from meva_core.commands import AlertLevel, CancelOrder, RaiseAlert, SetTimer
from meva_core.events import CandleClosed, OrderFilled, PauseRequested, TimerFired, TradeReceived
from meva_core.model.fill import Fill, Liquidity
from meva_core.model.market import Candle, Side
from meva_core.model.order import OrderRecord, OrderRequest, OrderStatus, OrderType, TimeInForce
from meva_core.model.state import (
    FILLS_KEPT,
    AssetBalance,
    CanonicalState,
    ConnectivityState,
    Gate,
    GateMarker,
    PnLSnapshot,
    Position,
    RiskLimits,
    RuntimeFlags,
    SequenceState,
    TreasurySnapshot,
)
from meva_core.ports.market_feed import BarBlock, TradeBlock
from meva_core.ports.storage import JournalEntry, Session, SessionHeader

HEADER: Final = SessionHeader(
    session_id="s-1",
    mode="paper",
    account="main",
    config_json='{"seed": 7}',
    config_hash="c0ffee",
    tape_hash="7a9e",
    seed=2**70,
    program_version="0.1.0",
    started_ns=1_735_689_600_000_000_000,
)
FILL: Final = Fill(
    symbol="BTC/USDT",
    trade_id="t-1",
    client_order_id="o-1",
    venue_order_id="v-1",
    side=Side.BUY,
    price=Decimal("30000.01"),
    quantity=Decimal("0.10000"),
    fee=Decimal("-0.0000000000000000001"),
    fee_asset="BNB",
    liquidity=Liquidity.MAKER,
    venue_time_ns=5,
)
TRADES: Final = TradeBlock(
    "BTC/USDT", [10, 10, 12, 15], [300, 301, 299, 300], [5, 1, 2, 9], [Side.BUY, Side.SELL] * 2, [7, 8, 9, -1]
)
BARS: Final = BarBlock(
    "BTC/USDT", "1m", 60, [60, 120, 180], [1, 2, 3], [4, 5, 6], [1, 1, 1], [2, 3, 4], [0, 7, 8]
)


def link_of(sequence: int) -> bytes:
    """Return the link that the samples carry after event *sequence*."""
    return sequence.to_bytes(16, "big")


def timer(sequence: int) -> JournalEntry:
    """Return an entry that is no market event, with a link of its own."""
    link = link_of(max(0, min(sequence, 2**127)))
    return JournalEntry(sequence, TimerFired(sequence, "candles"), (), (), link)


def bare(sequence: int, event: TradeReceived | CandleClosed, link: bytes = b"") -> JournalEntry:
    """Return the entry of a market event from which nothing followed."""
    return JournalEntry(sequence, event, (), (), link)


def trade_at(index: int) -> TradeReceived:
    """Return one row of `TRADES` as the event that it is."""
    t = TRADES
    return TradeReceived(
        t.times[index], t.symbol, t.prices[index], t.quantities[index], t.taker_sides[index], t.ids[index]
    )


def bar_at(index: int) -> CandleClosed:
    """Return one row of `BARS` as the event that it is."""
    b = BARS
    open_ns, close_ns = b.open_times[index], b.open_times[index] + b.interval_ns
    prices = (b.opens[index], b.highs[index], b.lows[index], b.closes[index])
    return CandleClosed(close_ns, b.symbol, b.timeframe, Candle(open_ns, close_ns, *prices, b.volumes[index]))


def fill_journal(session: Session) -> None:
    """Append ten events in every way there is, and commit some of them apart."""
    session.append_trades(1, TRADES, start=1, stop=3)
    session.append(timer(3))
    session.append_bars(4, BARS, start=0, stop=2)
    session.commit()
    session.append_bars(6, BARS, start=2, stop=3)
    session.append_trades(7, TRADES, start=0, stop=1)
    cancel = CancelOrder("BTC/USDT", "o-1", "late")
    session.append(JournalEntry(8, trade_at(1), (cancel,), ("d",), link_of(8)))
    session.append_trades(9, TRADES, start=2, stop=4)
    session.commit()


def sample_entries() -> list[JournalEntry]:
    """Return entries whose fields are awkward: unicode, empty texts, every digit, nested context."""
    alert = RaiseAlert(
        AlertLevel.HIGH, "DATA-1", "BTC/USDT", "stale\n\N{SNOWMAN}", {"age": Decimal("1.50"), "n": [1, None]}
    )
    pause = PauseRequested(5, "r-1", "anna", "")
    return [
        JournalEntry(1, OrderFilled(3, FILL), (alert, SetTimer("x", 9)), ("d-1", "d-2"), link_of(1)),
        JournalEntry(2, TradeReceived(4, "A/B", 2**62, 1, Side.SELL, 3, 2), (), (), link_of(1)),
        JournalEntry(3, TradeReceived(4, "A/B", 1, 2, Side.BUY), (), ("d-3",), link_of(3)),
        JournalEntry(4, pause, (CancelOrder("A/B", "o-\N{SNOWMAN}", "{}"),), (), link_of(3)),
    ]


def sample_state() -> CanonicalState:
    """Return a state in which every collection holds something."""
    request = OrderRequest(
        client_order_id="o-1",
        idem_key="k",
        strategy="main",
        symbol="BTC/USDT",
        side=Side.SELL,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.IOC,
        quantity=Decimal("0.5"),
        limit_price=Decimal("30000.00"),
        post_only=False,
        reduce_only=True,
    )
    order = OrderRecord(request, OrderStatus.UNKNOWN, 1, 2, Decimal(30_000), "BTC", Decimal(1))
    marker = GateMarker("R-1", Gate.REDUCE_ONLY, "drawdown", "risk", 3)
    one, tiny = Decimal(1), Decimal("1E-8")
    limits = RiskLimits(one, Decimal("2.50"), tiny, one, Decimal("0.2"), max_open_orders=3)
    return CanonicalState(
        as_of_ns=1_735_689_600_000_000_000,
        mode="paper",
        reporting_currency="USDT",
        runtime_flags=RuntimeFlags(
            pause_reason=None, strategy_enabled={"main": False}, gate=Gate.PAUSED, markers={"R-1": marker}
        ),
        balances={"USDT": AssetBalance("USDT", Decimal("99.90"), Decimal("0.10"))},
        positions={"BTC/USDT": Position("BTC/USDT", Decimal("-0.1"), Decimal("3.3"), Decimal("1E-30"))},
        open_orders={"o-1": order},
        fills=deque([FILL, evolve(FILL, trade_id="t-2", side=Side.SELL)], maxlen=FILLS_KEPT),
        risk_limits=limits,
        pnl=PnLSnapshot(realized=Decimal("-0.01")),
        treasury=TreasurySnapshot(principal_protected=False),
        connectivity=ConnectivityState({"trades": True}, 2, 1, -5),
        sequence=SequenceState(5, 4, 3, 2, {"BTC/USDT": 2**63}, {}),
    )


def sample_checkpoint() -> dict[str, Any]:
    """Return a checkpoint that holds every kind of value which the port allows."""
    return {
        "state": sample_state(),
        "plain": [None, True, False, 0, -1, 1.5, "", "$decimal", 2**64, -(2**200)],
        "money": {"exact": Decimal("0.1234567890123456789"), "zero": Decimal("0.00"), "none": {}},
        "tuples": (1, (2, (Decimal("1E+3"), [()])), ()),
        "bytes": [b"", bytes(range(256))],
        "keys": {1: "a", (2, "b"): Decimal(3), "$x": {b"k": None}, "": 0},
        "classes": [FILL, Side.BUY, Gate.KILLED, AlertLevel.INFO, TimerFired(1, "x"), SetTimer("x", 2)],
        "rows": {"BTC/USDT": [[1, Decimal(2), "three"], (Candle(0, 60, 1, 2, 1, 2, 5),)]},
    }
