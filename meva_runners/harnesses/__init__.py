"""Hold the harnesses of the adapters that ship: `meva adapter check meva_runners.harnesses.binance:harness`."""
