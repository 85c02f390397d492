"""Draw any value that the classes of events, commands and state allow; check nothing."""

from __future__ import annotations

import types
from collections import deque
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

import attrs
from hypothesis import strategies as st

from meva_core import commands, events
from meva_core.model import fill, instrument, market, order, state

CLASSES = tuple(
    member
    for module in (events, commands, fill, instrument, market, order, state)
    for member in vars(module).values()
    if isinstance(member, type) and member.__module__ == module.__name__ and attrs.has(member)
)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30)
INTEGERS = st.integers() | st.sampled_from([2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**30])
LEAVES = (
    st.none() | st.booleans() | st.text() | INTEGERS | st.floats(allow_nan=False) | DECIMALS | st.binary()
)
KEYS = st.text() | INTEGERS | st.binary() | DECIMALS | st.tuples(st.text(), INTEGERS)
PLAIN = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=4)
    ),
    max_leaves=12,
)


def instances(cls: type) -> st.SearchStrategy[Any]:
    """Return a strategy for objects of an attrs class, every field drawn by its annotation."""
    hints = get_type_hints(cls)
    fields = {field.name: _of(hints[field.name]) for field in attrs.fields(cls)}
    if cls is instrument.Instrument:
        fields |= dict.fromkeys(("tick_size", "lot_size"), st.sampled_from([Decimal("0.01"), Decimal(5)]))
    return st.builds(cls, **fields)


@cache
def _of(annotation: Any) -> st.SearchStrategy[Any]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return st.one_of(*map(_of, arguments))
    if origin is tuple and arguments[-1] is ...:
        return st.lists(_of(arguments[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*map(_of, arguments))
    if origin is dict:
        return st.dictionaries(_of(arguments[0]), _of(arguments[1]), max_size=3)
    if origin is deque:
        return st.lists(_of(arguments[0]), max_size=3).map(lambda items: deque(items, state.FILLS_KEPT))
    if attrs.has(annotation):
        return instances(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return st.sampled_from(annotation)
    return {
        Any: PLAIN,
        type(None): st.none(),
        bool: st.booleans(),
        int: INTEGERS,
        str: st.text(),
        Decimal: DECIMALS,
    }[annotation]
