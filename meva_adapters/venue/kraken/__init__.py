"""Be Kraken spot on a local port, over the same markets, accounts and faults as the venue beside it."""
