"""Turn what an event booked into rows of the ledger table; book nothing."""

from __future__ import annotations

from collections.abc import Mapping

from meva_core.agent.outbox import Outcome
from meva_core.model.instrument import Instrument
from meva_core.ops.log_records import FillBooked, MoneyBooked
from meva_core.portfolio.ledger_service import LedgerEntry, fill_entry
from meva_core.ports.storage import LedgerRow


def ledger_rows(outcome: Outcome, instruments: Mapping[str, Instrument]) -> list[LedgerRow]:
    """Return every posting that *outcome* holds, in order."""
    return [
        LedgerRow(entry.time_ns, entry.cause, posting.account, posting.asset, posting.amount)
        for entry in _entries(outcome, instruments)
        for posting in entry.postings
    ]


def _entries(outcome: Outcome, instruments: Mapping[str, Instrument]) -> list[LedgerEntry]:
    entries = []
    for record in outcome.records:
        if isinstance(record, FillBooked):
            instrument = instruments[record.fill.symbol]
            entries.append(fill_entry(record.time_ns, record.fill, instrument.base, instrument.quote))
        elif isinstance(record, MoneyBooked):
            entries.append(record.entry)
    return entries
