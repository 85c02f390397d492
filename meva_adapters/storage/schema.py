"""Define the tables of a session file and how an older file becomes a newer one; open no file.

Migrations go forward only. Each is one script, applied in one transaction together with its version number.
Money is TEXT in plain notation: SQLite knows no decimals, and a REAL would lose digits.
"""

from __future__ import annotations

from typing import Final

APPLICATION_ID: Final = 0x4D455641  # "MEVA"

_FIRST: Final = """
CREATE TABLE header (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

CREATE TABLE head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    last_sequence INTEGER NOT NULL,
    batches INTEGER NOT NULL,
    link BLOB NOT NULL,
    journal_chain BLOB NOT NULL,
    market_chain BLOB NOT NULL,
    retired_sequence INTEGER NOT NULL,
    retired_chain BLOB NOT NULL
) STRICT;

-- One row per event that is no market event, and per market event that something followed from: for those,
-- event is NULL and stands in market.
CREATE TABLE journal (
    sequence INTEGER PRIMARY KEY,
    time_ns INTEGER NOT NULL,
    kind TEXT NOT NULL,
    event BLOB,
    commands BLOB,
    decisions BLOB,
    link BLOB NOT NULL,
    chain BLOB NOT NULL
) STRICT;

-- Market events as packed columns. Segments of one batch may interleave; batches never do.
CREATE TABLE market (
    id INTEGER PRIMARY KEY,
    batch INTEGER NOT NULL,
    kind TEXT NOT NULL,
    symbol TEXT NOT NULL,
    timeframe TEXT NOT NULL,
    first_sequence INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    columns BLOB NOT NULL,
    chain BLOB NOT NULL
) STRICT;
CREATE INDEX market_last_sequence ON market (last_sequence);

-- kind is "agent" for checkpoints that restore the agent, "state" for the canonical state by itself.
CREATE TABLE snapshots (
    kind TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    checkpoint BLOB NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (kind, sequence)
) STRICT;

CREATE TABLE orders (
    client_order_id TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL,
    time_ns INTEGER NOT NULL,
    strategy TEXT NOT NULL,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    type TEXT NOT NULL,
    time_in_force TEXT NOT NULL,
    quantity TEXT NOT NULL,
    limit_price TEXT,
    status TEXT NOT NULL,
    filled_quantity TEXT NOT NULL,
    venue_order_id TEXT NOT NULL,
    evidence TEXT NOT NULL,
    updated_ns INTEGER NOT NULL
) STRICT;

CREATE TABLE fills (
    symbol TEXT NOT NULL,
    trade_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    time_ns INTEGER NOT NULL,
    client_order_id TEXT NOT NULL,
    venue_order_id TEXT NOT NULL,
    side TEXT NOT NULL,
    price TEXT NOT NULL,
    quantity TEXT NOT NULL,
    fee TEXT NOT NULL,
    fee_asset TEXT NOT NULL,
    liquidity TEXT NOT NULL,
    venue_time_ns INTEGER NOT NULL,
    PRIMARY KEY (symbol, trade_id)
) STRICT;

CREATE TABLE ledger (
    id INTEGER PRIMARY KEY,
    time_ns INTEGER NOT NULL,
    cause TEXT NOT NULL,
    account TEXT NOT NULL,
    asset TEXT NOT NULL,
    amount TEXT NOT NULL
) STRICT;

CREATE TABLE controls (
    sequence INTEGER PRIMARY KEY,
    time_ns INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;

CREATE TABLE alerts (
    id INTEGER PRIMARY KEY,
    sequence INTEGER NOT NULL,
    time_ns INTEGER NOT NULL,
    level TEXT NOT NULL,
    code TEXT NOT NULL,
    subject TEXT NOT NULL,
    message TEXT NOT NULL
) STRICT;

CREATE TABLE costs (
    cost_id TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL,
    time_ns INTEGER NOT NULL,
    category TEXT NOT NULL,
    asset TEXT NOT NULL,
    amount TEXT NOT NULL,
    note TEXT NOT NULL
) STRICT;

CREATE TABLE results (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""

# A booked posting is never changed: what was wrong is corrected by new postings.
_LEDGER_IS_FINAL: Final = """
CREATE TRIGGER ledger_keeps_its_rows BEFORE UPDATE ON ledger
BEGIN SELECT RAISE(ABORT, 'a posting is corrected by a new posting, never changed'); END;
CREATE TRIGGER ledger_loses_no_rows BEFORE DELETE ON ledger
BEGIN SELECT RAISE(ABORT, 'a posting is corrected by a new posting, never removed'); END;
"""

# What the next commit will write, secured ahead of it as one row; obsolete once the journal reaches as far.
_SECURED: Final = """
CREATE TABLE secured (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    first_sequence INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL,
    content BLOB NOT NULL,
    market BLOB NOT NULL,
    digest BLOB NOT NULL
) STRICT;
"""

MIGRATIONS: Final = (_FIRST, _LEDGER_IS_FINAL, _SECURED)
SCHEMA_VERSION: Final = len(MIGRATIONS)
SECURES_SINCE: Final = 3
TABLES: Final = (
    "alerts",
    "controls",
    "costs",
    "fills",
    "head",
    "header",
    "journal",
    "ledger",
    "market",
    "orders",
    "results",
    "secured",
    "snapshots",
)


def migration_script(from_version: int) -> str:
    """Return the script that lifts a file of *from_version* to `SCHEMA_VERSION`, as one transaction."""
    steps = "".join(MIGRATIONS[from_version:])
    return (
        f"BEGIN IMMEDIATE;\n{steps}\nPRAGMA application_id = {APPLICATION_ID};\n"
        f"PRAGMA user_version = {SCHEMA_VERSION};\nCOMMIT;"
    )
