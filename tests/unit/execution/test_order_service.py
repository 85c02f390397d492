"""Every order is followed from approval to end, and what cannot be true of it changes nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve

from meva_core.commands import Approved, CancelOrder, PlaceOrder
from meva_core.errors import IdempotencyConflict, IllegalTransitionError, InvariantError
from meva_core.events import (
    OrderAcknowledged,
    OrderCanceled,
    OrderExpired,
    OrderOutcomeUnknown,
    OrderRejected,
)
from meva_core.execution.idempotency import ClientOrderIds, idem_key
from meva_core.execution.order_service import ENDED_KEPT, OrderService, Repeated
from meva_core.model.canonical import canonical
from meva_core.model.fill import Fill, Liquidity
from meva_core.model.market import Side
from meva_core.model.order import OrderRecord, OrderStatus, OrderType
from meva_core.model.state import CanonicalState
from tests.unit.risk_case import Policy

TEN = Decimal(10)


class Desk:
    """Hold an order service on an account of 10,000 USD, and permissions to buy 10 BTC at 100."""

    def __init__(self) -> None:
        self._policy = Policy()
        self.state: CanonicalState = self._policy.state
        self.orders = OrderService(self.state, ClientOrderIds("agent", "main"))

    def permission(self, decision: int = 1, **changes: Any) -> Approved:
        """Return what the risk gate granted."""
        facts = {
            "decision": decision,
            "quantity": TEN,
            "type": OrderType.LIMIT,
            "limit_price": Decimal(100),
            **changes,
        }
        verdict = self._policy.judge(**facts)
        assert isinstance(verdict, Approved), verdict
        return verdict

    def submit(self, decision: int = 1, **changes: Any) -> OrderRecord:
        """Submit an intent under its own key."""
        return self.placed(self.permission(decision, **changes))

    def placed(self, approved: Approved) -> OrderRecord:
        """Submit what was approved, for the first time."""
        result = self.orders.submit(approved, idem_key(approved.intent))
        assert isinstance(result, PlaceOrder)
        return self.state.open_orders[result.request.client_order_id]

    def fill(self, record: OrderRecord, filled: int, trade: str = "1", **changes: Any) -> OrderRecord | None:
        """Fill at 100."""
        fill = Fill(
            symbol="BTC/USD",
            trade_id=trade,
            client_order_id=record.request.client_order_id,
            venue_order_id="v-1",
            side=Side.BUY,
            price=Decimal(100),
            quantity=Decimal(filled),
            fee=Decimal(0),
            fee_asset="USD",
            liquidity=Liquidity.TAKER,
            venue_time_ns=1,
        )
        return self.orders.apply_fill(evolve(fill, **changes), 7)

    @property
    def locked(self) -> Decimal:
        """Return what the orders hold back."""
        return self.state.balances["USD"].locked


def test_a_submitted_order_is_recorded_with_its_reservation() -> None:
    """Before anybody could have sent it."""
    desk = Desk()

    record = desk.submit()

    assert {record.request.client_order_id: record} == desk.state.open_orders
    assert OrderStatus.SUBMITTED is record.status
    assert TEN * record.reserve_price == desk.locked


def test_a_key_with_another_payload_is_a_conflict_whatever_its_decision() -> None:
    """A key names one order for ever, also where a caller forgot to derive it anew (invariant I2)."""
    desk = Desk()
    record = desk.submit()

    with pytest.raises(IdempotencyConflict):
        desk.orders.submit(desk.permission(2, quantity=Decimal(1)), record.request.idem_key)

    assert [record] == list(desk.state.open_orders.values())


def test_a_key_with_an_equal_payload_is_the_same_order_whatever_its_decision() -> None:
    """Equal call, equal record, nothing sent."""
    desk = Desk()
    record = desk.submit()

    again = desk.orders.submit(desk.permission(2), record.request.idem_key)

    assert Repeated(record) == again


def test_a_decision_is_not_sent_under_a_second_key() -> None:
    """Its client order id is taken."""
    desk = Desk()
    desk.submit()

    with pytest.raises(IdempotencyConflict):
        desk.orders.submit(desk.permission(1), "another key")


def test_keys_are_known_after_a_checkpoint() -> None:
    """Those of open orders as well as those of ended ones."""
    desk = Desk()
    first, second = desk.submit(1), desk.submit(2)
    desk.orders.apply(OrderRejected(5, first.request.client_order_id, "-1013", "filter"))
    restored = OrderService(desk.state, ClientOrderIds("agent", "main"))

    restored.restore(desk.orders.snapshot())

    for record in (first, second):
        with pytest.raises(IdempotencyConflict):
            restored.submit(desk.permission(3, quantity=Decimal(1)), record.request.idem_key)


def test_memory_of_ended_orders_is_bounded() -> None:
    """A thousand orders of the past, with their keys and trades; the journal keeps all."""
    desk = Desk()

    permission = desk.permission()
    for decision in range(1, ENDED_KEPT + 11):
        intent = evolve(permission.intent, decision=decision)
        record = desk.placed(evolve(permission, intent=intent))
        desk.fill(record, 10)

    assert ENDED_KEPT == len(desk.orders.snapshot()["ended"]) == len(desk.orders.snapshot()["trades"])
    assert ENDED_KEPT == len(desk.orders._orders_by_key)


def test_an_order_is_remembered_until_the_venue_has_told_of_every_fill_of_its_time() -> None:
    """A fill that a stream lost is told by a later comparison; many orders may have ended in between."""
    desk = Desk()
    desk.orders.told_until(0)
    permission = desk.permission()
    intents = [evolve(permission.intent, decision=decision) for decision in range(1, ENDED_KEPT + 11)]
    for intent in intents:
        record = desk.placed(evolve(permission, intent=intent))
        desk.orders.apply(OrderExpired(7, record.request.client_order_id, "IOC"))
    first = next(iter(desk.orders._ended.values()))

    assert len(intents) == len(desk.orders._ended)
    assert desk.fill(first, 1) is first
    desk.orders.told_until(7)
    assert len(intents) == len(desk.orders._ended)
    desk.orders.told_until(8)
    assert ENDED_KEPT == len(desk.orders._ended)
    assert desk.orders.find(first.request.client_order_id) is None


def test_fills_release_what_they_used() -> None:
    """Part by part; the rest stays reserved."""
    desk = Desk()
    record = desk.submit()

    desk.fill(record, 4, "1")
    assert 6 * record.reserve_price == desk.locked
    desk.fill(record, 6, "2")

    assert (Decimal(0), OrderStatus.FILLED) == (desk.locked, record.status)
    assert (TEN, Decimal(1_000)) == (record.filled_quantity, record.filled_notional)


@pytest.mark.parametrize(
    "answer",
    [
        OrderRejected(5, "", "-2010", "no"),
        OrderCanceled(5, "", "by request"),
        OrderExpired(5, "", "no liquidity"),
    ],
)
def test_an_end_releases_the_rest_and_names_its_evidence(answer: Any) -> None:
    """No terminal status without what the venue said (invariant I6)."""
    desk = Desk()
    record = desk.submit()

    desk.orders.apply(evolve(answer, client_order_id=record.request.client_order_id))

    assert {} == desk.state.open_orders
    assert Decimal(0) == desk.locked
    assert answer.reason in record.evidence
    assert 5 == record.updated_ns


def test_an_unknown_outcome_keeps_order_and_reservation() -> None:
    """Silence is no refusal (fault A1): it may still fill."""
    desk = Desk()
    record = desk.submit()

    desk.orders.apply(OrderOutcomeUnknown(5, record.request.client_order_id, "timed out"))

    assert OrderStatus.UNKNOWN is desk.state.open_orders[record.request.client_order_id].status
    assert TEN * record.reserve_price == desk.locked


def facts(desk: Desk) -> str:
    """Return everything that an impossible report must leave alone."""
    return canonical([desk.state, desk.orders.snapshot()])


@pytest.mark.parametrize(
    "changes",
    [{"quantity": Decimal(7)}, {"quantity": Decimal(0)}, {"quantity": Decimal(-1)}, {"side": Side.SELL}],
)
def test_an_impossible_fill_changes_nothing(changes: dict[str, Any]) -> None:
    """More than is open, nothing, less than nothing, or the other side: what was filled never falls (I7)."""
    desk = Desk()
    record = desk.submit()
    desk.fill(record, 4, "1")
    before = facts(desk)

    for _ in range(2):
        with pytest.raises(InvariantError, match="fills stay inside their order"):
            desk.fill(record, 1, "2", **changes)

    assert before == facts(desk)


def test_an_impossible_report_changes_nothing() -> None:
    """A fill or an acknowledgement of an order that was refused is an error, and no more."""
    desk = Desk()
    record = desk.submit()
    desk.orders.apply(OrderRejected(5, record.request.client_order_id, "-2010", "no"))
    before = facts(desk)

    for _ in range(2):
        with pytest.raises(IllegalTransitionError):
            desk.fill(record, 4)
    with pytest.raises(IllegalTransitionError):
        desk.orders.apply(OrderAcknowledged(6, record.request.client_order_id, "v-9"))

    assert before == facts(desk)


def test_a_cancel_is_a_command_for_an_open_order_alone() -> None:
    """The second one of the same order is allowed; of an ended one there is none."""
    desk = Desk()
    record = desk.submit()
    name = record.request.client_order_id

    commands = [desk.orders.cancel(name, "too old", 5) for _ in range(2)]
    desk.orders.apply(OrderCanceled(6, name, "by request"))

    assert [CancelOrder("BTC/USD", name, "too old")] * 2 == commands
    assert desk.orders.cancel(name, "too old", 7) is None


def test_cancel_all_names_the_orders_of_the_symbol() -> None:
    """Others are not touched."""
    desk = Desk()
    record = desk.submit()

    assert (record.request.client_order_id,) == desk.orders.cancel_all("stop", "BTC/USD").client_order_ids
    assert () == desk.orders.cancel_all("stop", "ETH/USD").client_order_ids
