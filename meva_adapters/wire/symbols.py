"""Find the configured instrument that a recording speaks of, by its unified or its venue's name."""

from __future__ import annotations

from collections.abc import Mapping

from meva_core.errors import DataError, UnknownSymbolError
from meva_core.model.instrument import Instrument


def venue_symbol(symbol: str) -> str:
    """Return *symbol* as venues write it without a separator: `BTC/USDT` becomes `BTCUSDT`."""
    return "".join(letter for letter in symbol if letter.isalnum()).upper()


def by_venue_symbol(instruments: Mapping[str, Instrument]) -> dict[str, Instrument]:
    """Return *instruments* by their venue's symbol."""
    return {venue_symbol(symbol): instrument for symbol, instrument in instruments.items()}


def find_instrument(symbol: str, instruments: Mapping[str, Instrument]) -> Instrument:
    """Return the instrument of *symbol* in either form; raise `UnknownSymbolError` when there is none."""
    found = instruments.get(symbol) or by_venue_symbol(instruments).get(venue_symbol(symbol))
    if found is None:
        raise UnknownSymbolError(symbol, tuple(instruments))
    return found


def table_instrument(
    given: str | None, written: str | None, instruments: Mapping[str, Instrument], *, source: str
) -> Instrument:
    """Return a table's instrument: the *given* symbol's, else the one *written* in it, else the only one."""
    if given or written:
        return find_instrument(given or written or "", instruments)
    if len(instruments) == 1:
        return next(iter(instruments.values()))
    example = next(iter(instruments), "BTC/USDT")
    problem = f"the file does not say its symbol, and {len(instruments)} instruments are configured."
    raise DataError(source, 0, problem, f"Write {example}={source}, with the symbol that it holds.")
