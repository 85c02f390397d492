"""Hold the cases of the exchange contract, by what they are about."""
