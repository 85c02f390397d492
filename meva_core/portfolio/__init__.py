"""Keep balances, positions, profit and loss, and the ledger."""
