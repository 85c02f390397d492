"""Declare classes whose instances nobody changes, at a third of the price of `attrs.frozen`.

CPython sets each field of a frozen slotted class through `object.__setattr__`; on the path of an order that was
the largest single cost of the pipeline. A `value` is frozen to the type checker, which sees every assignment in
this library, and a plain slotted class at run time. What carries permission (`Approved`) or comes from a
stranger's code (`Signal`) is `attrs.frozen`, at run time too. These two have no slots and are given their fields as
one dict: they are made at half the price of frozen slots, and CPython 3.11 reads from a dict that was set as a whole
as fast as from slots, but slowly from one that grew with the instance.

One function shows every value: attrs would compile one for each of some eighty classes, which takes a tenth of
the time of the import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attrs import frozen as value
else:
    from attrs import define, fields

    def value(declared: type) -> type:
        """Return the class that *declared* describes."""
        made = define(declared, unsafe_hash=True, repr=False)
        made.__repr__ = _shown
        return made

    def _shown(one: object) -> str:
        """Return *one* as attrs shows its classes."""
        kind = type(one)
        shown = ", ".join(f"{each.name}={getattr(one, each.name)!r}" for each in fields(kind))
        return f"{kind.__qualname__.rpartition('>.')[2]}({shown})"


__all__ = ["value"]
