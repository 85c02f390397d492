"""One decision makes one order: same key, same record; another payload under it is an error."""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meva_core.commands import Approved, PlaceOrder
from meva_core.errors import IdempotencyConflict, IllegalTransitionError, InvariantError
from meva_core.events import (
    OrderAcknowledged,
    OrderCanceled,
    OrderDropped,
    OrderExpired,
    OrderOutcomeUnknown,
    OrderRejected,
)
from meva_core.execution.idempotency import CLIENT_ORDER_ID_LENGTH, ClientOrderIds, idem_key
from meva_core.execution.order_lifecycle import TERMINAL, TRANSITIONS, OrderReport, next_status
from meva_core.execution.order_service import ENDED_KEPT, OrderService, Repeated, SubmitResult
from meva_core.model.fill import Fill, Liquidity
from meva_core.model.market import Side
from meva_core.model.order import OrderRecord, OrderStatus
from meva_core.model.state import CanonicalState
from tests.unit.risk_case import Policy, intent

D = Decimal


def approved(**changes: Any) -> Approved:
    """Return a permission of the risk gate."""
    policy = Policy()
    policy.hold("BTC", "100")
    policy.hold("USD", "1000000")
    verdict = policy.judge(**changes)
    assert isinstance(verdict, Approved), verdict
    return verdict


def service() -> tuple[OrderService, CanonicalState]:
    """Return an order service on an account of its own."""
    policy = Policy()
    return OrderService(policy.state, ClientOrderIds("agent", "main")), policy.state


def submit(orders: OrderService, **changes: Any) -> SubmitResult:
    """Submit an intent under its own key."""
    permission = approved(**changes)
    return orders.submit(permission, idem_key(permission.intent))


def submitted(orders: OrderService, **changes: Any) -> OrderRecord:
    """Submit an intent for the first time, and return the record of its order."""
    result = submit(orders, **changes)
    assert isinstance(result, PlaceOrder)
    record = orders.find(result.request.client_order_id)
    assert record is not None
    return record


def fill(order: str, quantity: str, *, trade: str = "1", symbol: str = "BTC/USD") -> Fill:
    """Return a fill at 100."""
    return Fill(symbol, trade, order, "v-1", Side.BUY, D(100), D(quantity), D(0), "USD", Liquidity.TAKER, 1)


def test_an_equal_call_returns_the_same_record_and_sends_nothing() -> None:
    """A repeated submission never makes a second order (SPEC: invariant 1)."""
    orders, state = service()
    first = submitted(orders)
    again = [submit(orders) for _ in range(3)]

    assert [Repeated(first)] * 3 == again
    assert all(isinstance(each, Repeated) and each.record is first for each in again)
    assert 1 == len(state.open_orders)
    assert D(101) == state.balances["USD"].locked


@pytest.mark.parametrize(
    "changes", [{"quantity": D(2)}, {"side": Side.SELL}, {"post_only": False, "reduce_only": True}]
)
def test_another_payload_under_the_same_key_is_a_conflict(changes: dict[str, Any]) -> None:
    """Nothing is sent, and the first order stays as it is."""
    orders, state = service()
    first = submitted(orders)
    with pytest.raises(IdempotencyConflict) as raised:
        submit(orders, **changes)

    assert "cross:BTC/USD:1" == raised.value.idem_key
    assert raised.value.stored_payload_hash != raised.value.offered_payload_hash
    assert [first] == list(state.open_orders.values())


def test_a_key_stays_used_when_its_order_has_ended() -> None:
    """An ended order is not an invitation to send it again."""
    orders, _ = service()
    first = submitted(orders)
    orders.apply(OrderRejected(2, first.request.client_order_id, "FILTER", "no"))

    assert Repeated(first) == submit(orders)


def test_a_key_of_the_forgotten_past_is_refused() -> None:
    """Memory is bounded; what is older than it can only be a mistake."""
    orders, _ = service()
    for decision in range(1, ENDED_KEPT + 3):
        record = submitted(orders, decision=decision)
        orders.apply(OrderRejected(decision, record.request.client_order_id, "FILTER", "no"))

    with pytest.raises(IdempotencyConflict, match="of the past"):
        submit(orders, decision=1)


@given(
    decisions=st.lists(st.integers(1, 10**9), min_size=2, max_size=20, unique=True),
    strategies=st.lists(st.sampled_from(["a", "b", "c"]), min_size=2, max_size=20),
)
def test_client_order_ids_are_unique_and_fit_every_venue(decisions: list[int], strategies: list[str]) -> None:
    """The name is a function of the decision, and no two decisions share one (invariant I2)."""
    ids = ClientOrderIds("agent", "main")
    intents = [
        intent(decision=decision, strategy=strategy)
        for decision, strategy in zip(decisions, strategies, strict=False)
    ]
    names = [ids.name(each) for each in intents]

    assert names == [ClientOrderIds("agent", "main").name(each) for each in intents]
    assert len(names) == len(set(names))
    assert {CLIENT_ORDER_ID_LENGTH} == {len(name) for name in names}
    assert all((name.isalnum() and name.islower()) or name.isdigit() for name in names)
    assert all(ids.owns(name) and not ClientOrderIds("other", "main").owns(name) for name in names)


def test_a_fill_is_booked_once_by_symbol_and_trade_id() -> None:
    """The same fill by stream and by query counts once (invariant I8)."""
    orders, state = service()
    order = submitted(orders).request.client_order_id
    first = orders.apply_fill(fill(order, "0.4"), 2)
    repeated = orders.apply_fill(fill(order, "0.4"), 3)
    other = orders.apply_fill(fill(order, "0.3", trade="2"), 4)

    assert first is not None
    assert repeated is None
    assert other is not None
    assert D("0.7") == state.open_orders[order].filled_quantity
    assert D("0.3") * D(101) == state.balances["USD"].locked


def test_more_than_was_ordered_is_an_invariant_broken() -> None:
    """A venue that fills too much is not believed."""
    orders, _ = service()
    order = submitted(orders).request.client_order_id
    with pytest.raises(InvariantError, match="fills stay inside their order"):
        orders.apply_fill(fill(order, "1.001"), 2)


def test_a_late_fill_adds_to_an_ended_order_and_locks_nothing() -> None:
    """A fill that its end overtook still counts (fault B4)."""
    orders, state = service()
    order = submitted(orders).request.client_order_id
    orders.apply(OrderCanceled(2, order, "asked"))
    late = orders.apply_fill(fill(order, "0.4"), 3)

    assert late is not None
    assert (OrderStatus.CANCELED, D("0.4")) == (late.status, late.filled_quantity)
    assert {} == state.open_orders
    assert 0 == state.balances["USD"].locked


def test_the_order_of_a_stranger_is_not_ours() -> None:
    """What is said of an unknown order changes nothing here."""
    orders, state = service()

    assert orders.apply(OrderAcknowledged(1, "somebody-elses", "v-9")) is None
    assert orders.apply_fill(fill("somebody-elses", "1"), 1) is None
    assert {} == state.open_orders


def test_cancel_all_is_given_even_when_nothing_is_known_to_be_open() -> None:
    """Toward safety is always possible (invariant I14)."""
    orders, _ = service()
    result = orders.cancel_all("test")

    assert () == result.client_order_ids
    assert (None, "test") == (result.command.symbol, result.command.reason)


ANSWERS = (
    lambda order: OrderAcknowledged(1, order, "v-1"),
    lambda order: OrderRejected(1, order, "X", "no"),
    lambda order: OrderCanceled(1, order, "asked"),
    lambda order: OrderExpired(1, order, "rules"),
    lambda order: OrderOutcomeUnknown(1, order, "silence"),
    lambda order: OrderDropped(1, order, "gate"),
)


@given(script=st.lists(st.one_of(st.sampled_from(ANSWERS), st.decimals("0.1", "0.6", places=1)), max_size=12))
def test_every_history_follows_the_table_and_releases_what_it_locked(script: list[Any]) -> None:
    """Filled quantity never falls nor passes the order's; the lock is that of what is still open (I7, I9)."""
    orders, state = service()
    record = submitted(orders)
    order = record.request.client_order_id
    filled = D(0)
    for number, step in enumerate(script):
        before = record.status
        try:
            if isinstance(step, Decimal):
                orders.apply_fill(fill(order, str(step), trade=str(number)), number)
            else:
                orders.apply(step(order))
        except (IllegalTransitionError, InvariantError):
            break  # An impossible report stops the agent: nothing that follows could be trusted.
        assert filled <= record.filled_quantity <= record.request.quantity
        filled = record.filled_quantity
        assert record.status in {before, *TRANSITIONS[before].values()}
        still_open = record.status not in TERMINAL
        assert still_open == (order in state.open_orders)
        assert (record.open_quantity * record.reserve_price if still_open else 0) == state.balances[
            "USD"
        ].locked
        assert record.evidence


def test_no_report_reopens_an_ended_order() -> None:
    """From a terminal status only terminal ones are reached."""
    assert all(set(TRANSITIONS[status].values()) <= TERMINAL for status in TERMINAL)


@pytest.mark.parametrize("status", OrderStatus)
def test_an_impossible_report_is_an_error_with_all_facts(status: OrderStatus) -> None:
    """Every pair that the table lacks raises, and names order, status and report."""
    for report in set(OrderReport) - set(TRANSITIONS[status]):
        with pytest.raises(
            IllegalTransitionError, match=f"o-1: report {report} is impossible in status {status}"
        ):
            next_status("o-1", status, report)


def test_memory_survives_a_checkpoint() -> None:
    """A restored service knows used keys, ended orders and booked trades."""
    orders, state = service()
    ended = submitted(orders).request.client_order_id
    orders.apply_fill(fill(ended, "0.4"), 2)
    orders.apply(OrderCanceled(3, ended, "asked"))
    restored = OrderService(state, ClientOrderIds("agent", "main"))
    restored.restore(orders.snapshot())

    assert isinstance(submit(restored), Repeated)
    assert restored.apply_fill(fill(ended, "0.4"), 4) is None
    assert restored.find(ended) is not None
    assert isinstance(state.fills, deque)
