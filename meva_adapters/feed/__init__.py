"""Read recorded market data as tapes, whatever file it came in."""
