"""The tables for people say what the journal says: orders, fills, controls, alerts and costs, to the last digit."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from meva_adapters.contracts.storage_samples import FILL, HEADER
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.commands import AlertLevel, Approved, CancelOrder, Command, PlaceOrder, RaiseAlert
from meva_core.events import (
    CostRecorded,
    Event,
    KillReleaseRequested,
    KillRequested,
    OrderAcknowledged,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderOutcomeUnknown,
    OrderRejected,
    PauseRequested,
    ResumeRequested,
    RiskBudgetRequested,
    TimerFired,
    VenueStateObserved,
)
from meva_core.model.market import Side
from meva_core.model.order import OrderRequest, OrderType, TimeInForce, TradeIntent
from meva_core.ports.storage import JournalEntry
from tests.integration.storage.sessions import rows

QUANTITY = Decimal("0.30000")


def placed(limit_price: Decimal | None = Decimal("30000.10")) -> PlaceOrder:
    """Return the command for order o-1."""
    kind = OrderType.MARKET if limit_price is None else OrderType.LIMIT
    request = OrderRequest(
        client_order_id="o-1",
        idem_key="k",
        strategy="main",
        symbol="BTC/USDT",
        side=Side.BUY,
        type=kind,
        time_in_force=TimeInForce.GTC,
        quantity=QUANTITY,
        limit_price=limit_price,
        post_only=False,
        reduce_only=False,
    )
    intent = TradeIntent(
        decision=1,
        strategy="main",
        symbol="BTC/USDT",
        side=Side.BUY,
        type=kind,
        time_in_force=TimeInForce.GTC,
        quantity=QUANTITY,
        limit_price=limit_price,
        post_only=False,
        reduce_only=False,
        reference_price=Decimal(30_000),
        created_ns=1,
        expires_ns=9,
    )
    return PlaceOrder(request, Approved(intent, 0, Decimal(9_000), "USDT", Decimal(30_000)), 0)


def registered(path: Path, sql: str, *steps: tuple[Event, tuple[Command, ...]]) -> list[tuple[Any, ...]]:
    """Return what *sql* finds after each of *steps* became an entry."""
    session = SqliteSession.create(path / "session.db", HEADER)
    for sequence, (event, commands) in enumerate(steps, start=1):
        session.append(JournalEntry(sequence, event, commands, (), b""))
        if sequence % 2:
            session.commit()
    session.close()
    return rows(session.path, sql)


def order_after(path: Path, *events: Event) -> tuple[Any, ...]:
    """Return what the register says of order o-1 after it was placed and *events* happened."""
    steps = [(TimerFired(1, "x"), (placed(),)), *((event, ()) for event in events)]
    sql = "SELECT status, filled_quantity, venue_order_id, evidence, updated_ns FROM orders"
    [row] = registered(path, sql, *steps)
    return row


def filled(trade_id: str, quantity: str, time_ns: int = 3) -> OrderFilled:
    """Return a fill of order o-1."""
    return OrderFilled(time_ns, evolve(FILL, trade_id=trade_id, quantity=Decimal(quantity)))


@pytest.mark.parametrize(("limit_price", "expected"), [(Decimal("30000.10"), "30000.10"), (None, None)])
def test_an_order_is_registered_as_it_was_sent(
    tmp_path: Path, limit_price: Decimal | None, expected: str | None
) -> None:
    """Every field of the request, with the decimals that it was stated with; a second attempt adds no row."""
    step = (TimerFired(5, "x"), (placed(limit_price),))
    found = registered(tmp_path, "SELECT * FROM orders", step, step)

    kind = "market" if limit_price is None else "limit"
    request = ("main", "BTC/USDT", "buy", kind, "GTC", "0.30000", expected)
    assert [("o-1", 1, 5, *request, "submitted", "0", "", "", 5)] == found


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (OrderAcknowledged(2, "o-1", "v-1"), ("accepted", "0", "v-1", "", 2)),
        (OrderRejected(2, "o-1", "-2010", "no money"), ("rejected", "0", "", "-2010 no money", 2)),
        (OrderCanceled(2, "o-1", "by venue"), ("canceled", "0", "", "by venue", 2)),
        (OrderExpired(2, "o-1", "IOC"), ("expired", "0", "", "IOC", 2)),
        (OrderOutcomeUnknown(2, "o-1", "timeout"), ("unknown", "0", "", "timeout", 2)),
        (OrderCanceled(2, "o-2", "not ours"), ("submitted", "0", "", "", 1)),
        (filled("t", "0.1", 2), ("partially_filled", "0.1", "", "fill t", 2)),
        (filled("t", "0.3", 2), ("filled", "0.3", "", "fill t", 2)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_answers_move_the_order(tmp_path: Path, event: Event, expected: tuple[Any, ...]) -> None:
    """Each answer of the venue shows as the status that the life cycle gives it, with its evidence."""
    assert expected == order_after(tmp_path, event)


def test_a_cancel_shows_before_its_answer(tmp_path: Path) -> None:
    """An order whose cancellation was sent is pending, and says why."""
    steps = [
        (TimerFired(1, "x"), (placed(),)),
        (TimerFired(2, "x"), (CancelOrder("BTC/USDT", "o-1", "stale"),)),
    ]

    assert [("pending_cancel", "stale")] == registered(
        tmp_path, "SELECT status, evidence FROM orders", *steps
    )


def test_an_impossible_report_leaves_the_order_alone(tmp_path: Path) -> None:
    """What the life cycle forbids changes no status; only the venue's name of the order is learned."""
    events = (filled("t", "0.3"), OrderRejected(8, "o-1", "x", "y"), OrderAcknowledged(9, "o-1", "v-9"))

    status, quantity, venue_order_id, *_ = order_after(tmp_path, *events)
    assert ("filled", "0.3", "v-9") == (status, quantity, venue_order_id)


def test_a_fill_counts_once(tmp_path: Path) -> None:
    """The same fill by stream, again, and by poll adds its quantity once; the sum is exact."""
    first, second = filled("t-1", "0.1"), filled("t-2", "0.2")
    observed = VenueStateObserved(4, 4, (), (first.fill, second.fill), ())

    assert ("filled", "0.3", "", "fill t-2", 4) == order_after(tmp_path, first, first, observed, second)


def test_a_fill_keeps_every_digit(tmp_path: Path) -> None:
    """Amounts are stored as the text of the number, not as a float."""
    fill = evolve(FILL, price=Decimal("0.1234567890123456789"), quantity=Decimal("12345678901234567890.10"))
    sql = "SELECT *, typeof(price) FROM fills"
    [found] = registered(tmp_path, sql, (OrderFilled(3, fill), ()))

    amounts = ("0.1234567890123456789", "12345678901234567890.10", "-0.0000000000000000001", "BNB")
    assert ("BTC/USDT", "t-1", 1, 3, "o-1", "v-1", "buy", *amounts, "maker", 5, "text") == found


def test_one_trade_id_on_two_symbols_is_two_fills(tmp_path: Path) -> None:
    """A venue numbers trades per symbol."""
    other = OrderFilled(3, evolve(FILL, symbol="ETH/USDT"))

    assert [(2,)] == registered(
        tmp_path, "SELECT count(*) FROM fills", (filled("t-1", "0.1"), ()), (other, ())
    )


def test_controls_say_who_wanted_what(tmp_path: Path) -> None:
    """Every operator's wish has a row, whether it was granted or not."""
    wishes: list[Event] = [
        PauseRequested(1, "r-1", "anna", "lunch"),
        ResumeRequested(2, "r-2", "ben", 4),
        KillRequested(3, "r-3", "anna", "smoke"),
        KillReleaseRequested(4, "r-4", "ben", 5),
        RiskBudgetRequested(5, "r-5", "ben", Decimal("1E+3")),
    ]
    found = registered(tmp_path, "SELECT * FROM controls", *((wish, ()) for wish in wishes))

    assert [
        (1, 1, "r-1", "PauseRequested", "anna", "lunch"),
        (2, 2, "r-2", "ResumeRequested", "ben", "epoch 4"),
        (3, 3, "r-3", "KillRequested", "anna", "smoke"),
        (4, 4, "r-4", "KillReleaseRequested", "ben", "epoch 5"),
        (5, 5, "r-5", "RiskBudgetRequested", "ben", "1000"),
    ] == found


def test_alerts_and_costs_have_rows(tmp_path: Path) -> None:
    """Two alerts of one event are two rows; a cost that is reported twice is one."""
    alerts = tuple(RaiseAlert(AlertLevel.HIGH, code, "BTC/USDT", "m", {}) for code in ("A", "B"))
    cost = CostRecorded(7, "c-1", "server", "USD", Decimal("1.50"), "may")
    steps: tuple[tuple[Event, tuple[Command, ...]], ...] = (
        (TimerFired(6, "x"), alerts),
        (cost, ()),
        (cost, ()),
    )
    for folder in ("alerts", "costs"):
        (tmp_path / folder).mkdir()

    expected = [(1, 6, "high", code, "BTC/USDT", "m") for code in ("A", "B")]
    columns = "sequence, time_ns, level, code, subject, message"
    assert expected == registered(tmp_path / "alerts", f"SELECT {columns} FROM alerts ORDER BY id", *steps)
    assert [("c-1", 2, 7, "server", "USD", "1.50", "may")] == registered(
        tmp_path / "costs", "SELECT * FROM costs", *steps
    )


@pytest.mark.parametrize(
    ("ids", "newest"),
    [
        (("9", "10", "8"), "10"),
        (("O00000-00000-00000Z", "O00000-00000-000010", "O00000-00000-00000A"), "O00000-00000-000010"),
    ],
)
def test_the_newest_ids_are_the_largest_numbers(tmp_path: Path, ids: tuple[str, ...], newest: str) -> None:
    """Written as plain numbers or as a venue writes them: a venue that goes on must give out none of them twice."""
    session = SqliteSession.create(tmp_path / "session.db", HEADER)
    empty = session.newest_ids()
    for sequence, name in enumerate(ids, start=1):
        command = placed()
        renamed = evolve(command, request=evolve(command.request, client_order_id=f"o-{sequence}"))
        session.append(JournalEntry(3 * sequence - 2, TimerFired(1, "x"), (renamed,), (), b""))
        session.append(
            JournalEntry(3 * sequence - 1, OrderAcknowledged(2, f"o-{sequence}", name), (), (), b"")
        )
        fill = evolve(FILL, trade_id=name, client_order_id=f"o-{sequence}")
        session.append(JournalEntry(3 * sequence, OrderFilled(3, fill), (), (), b""))
    session.commit()
    found = session.newest_ids()
    session.close()

    assert ("", {}) == empty
    assert (newest, {"BTC/USDT": newest}) == found
