"""Name the values that everything else speaks of."""
