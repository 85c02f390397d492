"""What the codec wrote comes back equal, and nothing else is read."""

from __future__ import annotations

from collections import OrderedDict, deque
from contextlib import suppress
from decimal import Decimal
from enum import Enum
from typing import Any, get_args

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meva_adapters.contracts.storage_samples import FILL, sample_checkpoint, sample_entries, sample_state
from meva_adapters.storage.codec import (
    decode,
    decode_commands,
    decode_event,
    decode_texts,
    encode,
    encode_commands,
    encode_event,
    encode_texts,
)
from meva_core.commands import AlertLevel, Command, SetTimer
from meva_core.errors import StorageError
from meva_core.events import Event, OrderFilled, TimerFired
from meva_core.model.market import Side
from meva_core.model.state import CanonicalState
from tests.integration.storage.values import CLASSES, PLAIN, instances


def shape(value: Any) -> Any:
    """Return *value* with the type of every part, because `True == 1` and `(1,)` may stand for `[1]`."""
    if isinstance(value, dict):
        return dict, [(shape(key), shape(item)) for key, item in value.items()]
    if isinstance(value, list | tuple | deque):
        return type(value), [shape(item) for item in value]
    return type(value), value


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
@settings(max_examples=12)
@given(data=st.data())
def test_every_class_comes_back_equal(cls: type, data: st.DataObject) -> None:
    """Whatever the fields of an event, a command or a part of the state hold, nothing is lost."""
    value = data.draw(instances(cls))

    assert shape(value) == shape(decode(encode(value), source="test"))


def test_the_classes_are_all_there() -> None:
    """The property above forgets no event and no command."""
    assert {*get_args(Event), *get_args(Command), CanonicalState} <= set(CLASSES)


@given(value=PLAIN)
def test_nested_plain_values_come_back_equal(value: object) -> None:
    """Lists stay lists, tuples tuples, keys what they were, and integers have no largest."""
    assert shape(value) == shape(decode(encode(value), source="test"))


@given(value=PLAIN)
def test_equal_values_have_equal_bytes(value: object) -> None:
    """Writing what was read gives the same bytes, so that digests can be compared."""
    data = encode(value)

    assert data == encode(decode(data, source="test"))


def test_a_whole_checkpoint_comes_back_equal() -> None:
    """State, fills and free-form memory together, with the bound of the history."""
    read = decode(encode(sample_checkpoint()), source="test")

    assert sample_checkpoint() == read
    assert sample_state().fills.maxlen == read["state"].fills.maxlen


def test_money_is_plain_text() -> None:
    """No digit passes through a float, and people read the number that was meant."""
    data = encode([Decimal("0.1234567890123456789"), Decimal("1E-8"), Decimal("1E+3"), Decimal("-0.10")])

    assert (
        b'[{"$decimal":"0.1234567890123456789"},{"$decimal":"0.00000001"},'
        b'{"$decimal":"1000"},{"$decimal":"-0.10"}]'
    ) == data


@pytest.mark.parametrize("text", ["0.00", "-0", "100", "0.1234567890123456789", "99999999999999999999.99"])
def test_money_keeps_its_decimals(text: str) -> None:
    """A trailing zero is part of how an amount was stated."""
    assert text == str(decode(encode(Decimal(text)), source="test"))


class Stranger(Enum):
    """An enumeration that the core does not know."""

    ONE = 1


@pytest.mark.parametrize(
    "value",
    [
        {1},
        frozenset(),
        deque([1]),
        OrderedDict(),
        bytearray(b"x"),
        Stranger.ONE,
        object(),
        Decimal("Infinity"),
        Decimal("sNaN"),
        "\udc80",
        AlertLevel,
        OrderFilled(1, FILL.__class__(*["x"] * 5, *[0.5] * 3, "x", "y", 3)),  # type: ignore[arg-type]
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_what_would_not_come_back_is_not_written(value: object) -> None:
    """A value that is no plain value and no class of the core is refused, also deep inside."""
    with pytest.raises(StorageError, match="cannot be written"):
        encode([{"x": (value,)}])


def test_endless_nesting_is_refused() -> None:
    """A list that holds itself, and brackets without end, are refused like any other bad value."""
    endless: list[object] = []
    endless.append(endless)

    with pytest.raises(StorageError, match="cannot be written"):
        encode(endless)
    with pytest.raises(StorageError, match="cannot be read"):
        decode(b"[" * 100_000 + b"]" * 100_000, source="test")


FILL_JSON = orjson.loads(encode(FILL))["$Fill"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"{",
        b"1 2",
        b"NaN",
        b'{"$decimal":"1e5"}',
        b'{"$decimal":"NaN"}',
        b'{"$decimal":" 1"}',
        b'{"$decimal":1.5}',
        '{"$decimal":"\N{ARABIC-INDIC DIGIT ONE}"}'.encode(),
        b'{"$int":1.5}',
        b'{"$int":"1.5"}',
        b'{"$tuple":"ab"}',
        b'{"$tuple":{"a":1}}',
        b'{"$dict":[[1]]}',
        b'{"$dict":[[[],1]]}',
        b'{"$bytes":"?"}',
        b'{"$decimal":"1","more":2}',
        b'{"$Unknown":{}}',
        b'{"$str":"x"}',
        b'{"$Side":"up"}',
        b'{"$Gate":"OPEN"}',
        b'{"$TimerFired":{"time_ns":1}}',
        b'{"$TimerFired":{"time_ns":1,"name":"x","more":0}}',
        b'{"$TimerFired":{"time_ns":1.0,"name":"x"}}',
        b'{"$TimerFired":{"time_ns":true,"name":"x"}}',
        b'{"$TimerFired":{"time_ns":"1","name":"x"}}',
        b'{"$TimerFired":{"time_ns":1,"name":null}}',
        b'{"$TimerFired":[1,"x"]}',
        b'{"$TimerFired":"x"}',
        orjson.dumps({"$Fill": FILL_JSON | {"price": "1E5"}}),
        orjson.dumps({"$Fill": FILL_JSON | {"price": 1.5}}),
        orjson.dumps({"$Fill": FILL_JSON | {"side": "BUY"}}),
        orjson.dumps({"$Fill": FILL_JSON | {"side": None}}),
    ],
    ids=lambda data: ascii(data)[2:40],
)
def test_foreign_bytes_are_refused(data: bytes) -> None:
    """What the codec did not write is an error that names its source, never a guess."""
    with pytest.raises(StorageError, match=r"a\.db, event 7: cannot be read"):
        decode(data, source="a.db, event 7")


@given(data=st.binary())
def test_noise_is_refused_or_plain(data: bytes) -> None:
    """Arbitrary bytes raise nothing but `StorageError`; an event they never are."""
    with pytest.raises(StorageError):
        decode_event(data, source="test")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5) | st.just("$tuple"), inner, max_size=3)
    ),
    max_leaves=4,
)


def mutated(value: Any, path: list[int], content: Any) -> Any:
    """Return *value* with the part at *path*, each number a choice, replaced by *content*."""
    if not path or not isinstance(value, dict | list) or not value:
        return content
    index = path[0] % len(value)
    if isinstance(value, list):
        return [*value[:index], mutated(value[index], path[1:], content), *value[index + 1 :]]
    name = list(value)[index]
    return value | {name: mutated(value[name], path[1:], content)}


@settings(max_examples=300)
@given(path=st.lists(st.integers(0, 50), max_size=8), content=JSON)
def test_damage_raises_nothing_else(path: list[int], content: object) -> None:
    """A checkpoint with any part replaced is refused, or what it reads as can be written again."""
    whole = orjson.loads(encode(sample_checkpoint()))
    data = orjson.dumps(mutated(whole, path, content))

    with suppress(StorageError):
        assert encode(decode(data, source="test"))


def test_rows_hold_what_their_column_says() -> None:
    """An event is no command, a command no list of commands, and a text no number."""
    entry = sample_entries()[0]

    assert entry.event == decode_event(encode_event(entry.event), source="test")
    assert entry.commands == decode_commands(encode_commands(entry.commands), source="test")
    assert entry.decisions == decode_texts(encode_texts(entry.decisions), source="test")
    for read, wrong in (
        (decode_event, SetTimer("x", 1)),
        (decode_event, FILL),
        (decode_commands, SetTimer("x", 1)),
        (decode_commands, [TimerFired(1, "x")]),
        (decode_texts, [1]),
        (decode_texts, "x"),
        (decode_texts, [Side.BUY]),
    ):
        with pytest.raises(StorageError, match="test: "):
            read(encode(wrong), source="test")
