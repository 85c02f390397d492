"""Write a session in which money happens: gains, costs, a correction, a transfer told twice; check nothing."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from attrs import evolve

from meva_adapters.contracts.storage_samples import HEADER
from meva_adapters.settings import config_text
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.agent.orchestrator import AgentOrchestrator
from meva_core.events import (
    CorrectionRequested,
    CostRecorded,
    Event,
    RiskBudgetRequested,
    TradeReceived,
    TransferAnswerRequested,
    TransferSettled,
)
from meva_core.model.market import Side
from meva_core.ports.storage import JournalEntry
from meva_runners.composition import compose_agent, instruments_of
from meva_runners.sessions.ledger_rows import ledger_rows
from tests.unit.test_treasury_service import DAY_NS, NOON_NS, NS_PER_DAY, TRANSFER, Bench

USDT = "USDT"


def events() -> list[Event]:
    """Return two days: 100 gained, 20 spent and 5 of it corrected, half of the surplus sent, and a loss."""
    noon, evening = DAY_NS + NOON_NS, DAY_NS + NOON_NS + NS_PER_DAY

    def trade(time_ns: int, price: int) -> TradeReceived:
        return TradeReceived(time_ns, "BTC/USDT", price * 100, 1, Side.BUY)

    correction = ("cost:c-1", USDT, Decimal(5), "costs:data", "payable", "credit note")
    sent = Decimal("-42.5")
    return [
        trade(noon + 1, 100),
        trade(noon + 2, 101),
        CostRecorded(noon + 3, "c-1", "data", USDT, Decimal(20), "feed", "ann"),
        CostRecorded(noon + 4, "c-1", "data", USDT, Decimal(20), "feed", "ann"),  # Told twice, booked once.
        CostRecorded(noon + 5, "c-2", "model", "EUR", Decimal(7), "no mark", "ann"),  # Refused.
        CostRecorded(noon + 5, "c-3", "model", "EUR", Decimal(2), "stated mark", "ann", Decimal("1.5")),
        CostRecorded(noon + 5, "c-4", "model", "EUR", Decimal(-2), "taken back", "ann", Decimal("1.5")),
        CorrectionRequested(noon + 6, "r-1", "ann", *correction),
        trade(evening, 101),
        TransferAnswerRequested(evening + 1, "r-2", "ann", TRANSFER, approved=True, reason="rent"),
        TransferSettled(evening + 2, TRANSFER, USDT, sent, "paid", "ann"),
        TransferSettled(evening + 3, "withdrawal-9", USDT, sent, "balance update of the venue"),
        RiskBudgetRequested(evening + 4, "r-3", "ann", Decimal(500)),
        trade(evening + NS_PER_DAY // 4, 99),
    ]


def spent(path: Path) -> AgentOrchestrator:
    """Run the events through an agent, write its session to *path*, and return it."""
    config = Bench().config
    agent = compose_agent(config, ())
    session = SqliteSession.create(path, evolve(HEADER, config_json=config_text(config)))
    for sequence, event in enumerate(events(), start=1):
        outcome = agent.handle(event)
        entry = JournalEntry(sequence, event, outcome.commands, outcome.decisions, agent.link)
        session.append(entry, ledger_rows(outcome, instruments_of(config)))
    session.close([("decision_hash", agent.decision_hash), ("state_hash", agent.state_hash())])
    return agent
