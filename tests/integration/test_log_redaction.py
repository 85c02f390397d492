"""No secret passes into a log line, whole or in part, plain or encoded (invariant I29)."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meva_adapters.logs.redaction import PIECE, REDACTED, TEXT_MAX, Redactor

SECRET = 'kQ7/x+9Zv"pL0\\wR=3tYé8nB'
PLAIN = Redactor([SECRET])


def leaks(text: str, secret: str = SECRET) -> list[str]:
    """Return the pieces of six characters of *secret* that *text* holds."""
    pieces = [secret[start : start + PIECE] for start in range(len(secret) - PIECE + 1)]
    return [piece for piece in pieces if piece in text]


def encodings(secret: str) -> dict[str, str]:
    """Return the forms in which a secret travels, made without the code under test."""
    raw = secret.encode()
    return {
        "plain": secret,
        "json": json.dumps(secret),
        "percent": quote(secret, safe=""),
        "percent, lower case": quote(secret, safe="").lower(),
        "form": quote_plus(secret),
        "hex": raw.hex(),
        "base64": base64.b64encode(raw).decode(),
        "base64 url": base64.urlsafe_b64encode(raw).decode(),
        "basic auth": base64.b64encode(b"user:" + raw).decode(),
        "basic auth, shifted": base64.b64encode(b"us:" + raw + b":x").decode(),
    }


@pytest.mark.parametrize("form", encodings(SECRET))
def test_no_encoding_passes(form: str) -> None:
    """Of every usual encoding nothing of six characters remains."""
    encoded = encodings(SECRET)[form]
    if "lower" in form:
        encoded = "".join(
            quote(char, safe="").lower() if quote(char, safe="") != char else char for char in SECRET
        )
    shown = PLAIN.text(f"before {encoded} after")
    # Padding and the neighbours of a base64 group belong to no secret byte alone.
    inner = encoded[7:-7] if "auth" in form else encoded.strip('="')

    assert [] == leaks(shown, inner)
    assert shown.startswith("before ")
    assert shown.endswith(" after")


@given(start=st.integers(0, len(SECRET) - PIECE), length=st.integers(PIECE, len(SECRET)))
def test_no_piece_passes(start: int, length: int) -> None:
    """A prefix, "the first eight characters", or any other piece is as secret as the whole."""
    piece = SECRET[start : start + length]

    assert f"[{REDACTED}]" == PLAIN.text(f"[{piece}]")


@given(secret=st.text(st.characters(codec="utf-8"), min_size=8, max_size=40), around=st.text(max_size=20))
def test_any_secret_is_hidden_everywhere(secret: str, around: str) -> None:
    """In texts, nested data and names of fields alike."""
    redactor = Redactor([secret])
    shown = redactor.clean({"a": [around + secret + around], secret: 1})
    told = json.dumps(shown, ensure_ascii=False).replace(REDACTED, "")

    assert secret not in told
    assert secret not in json.loads(json.dumps(list(shown)))


def test_short_secret_is_hidden_whole() -> None:
    """A PIN has no pieces of six characters; itself it is hidden."""
    assert f"pin {REDACTED} ok" == Redactor(["8341"]).text("pin 8341 ok")


def test_empty_secret_hides_nothing() -> None:
    """An unset secret must not blank the log."""
    assert "all of it" == Redactor([""]).text("all of it")


def test_digits_of_a_secret_in_a_number_are_hidden() -> None:
    """A numeric token is as secret as an integer or an amount as it is as text."""
    redactor = Redactor(["12345678901"])

    assert [REDACTED, f"{REDACTED}.5", f"0.{REDACTED}", 12345] == redactor.clean(
        [12345678901, Decimal("12345678901.5"), 0.345678, 12345]
    )


def test_secret_registered_late_is_hidden_from_then_on() -> None:
    """What was remembered as harmless is looked at again."""
    redactor = Redactor()
    before = redactor.text("abcdefgh")
    redactor.register("abcdefgh")

    assert ("abcdefgh", REDACTED) == (before, redactor.text("abcdefgh"))


@pytest.mark.parametrize(
    "key", ["api_key", "apiKey", "X-MBX-APIKEY", "secret", "apiSecret", "password", "signature", "token"]
)
@pytest.mark.parametrize("value", ["tiny", 7, ["a"], {"b": "c"}])
def test_key_that_names_a_secret_hides_its_value(key: str, value: object) -> None:
    """Whatever stands under such a name, at any depth."""
    assert {"a": [{key: REDACTED}]} == Redactor().clean({"a": [{key: value}]})


def test_empty_value_under_a_secret_key_shows_that_it_is_empty() -> None:
    """A missing key is worth knowing and gives nothing away."""
    assert {"api_key": "", "secret": None} == Redactor().clean({"api_key": "", "secret": None})


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("GET /api/v3/order?symbol=BTCUSDT&signature=0af3&timestamp=1", "0af3"),
        ('{"apiKey": "tiny", "a": 1}', "tiny"),
        ("{'secret': 'tiny'}", "tiny"),
        ("Authorization: Bearer tiny", "tiny"),
        ("sent Bearer tiny", "tiny"),
        ("authorization=Basic dGlueQ==", "dGlueQ"),
        ("https://user:tiny@host/path", "tiny"),
        ("listenKey%3Dtiny", "tiny"),
        ("password = tiny", "tiny"),
        ('{\\"token\\": \\"tiny\\"}', "tiny"),
        ("-----BEGIN EC PRIVATE KEY-----\ntiny\n-----END EC PRIVATE KEY-----", "tiny"),
        ("-----BEGIN PRIVATE KEY-----\ntiny", "tiny"),
    ],
)
def test_secret_in_text_is_hidden_by_its_name(text: str, hidden: str) -> None:
    """Signed addresses, headers and dumps carry secrets that nobody registered."""
    shown = Redactor().text(text)

    assert hidden not in shown
    assert REDACTED in shown


@pytest.mark.parametrize("text", ["order.submitted", "cross:BTC/USDT:7", "100.5", "stale_data: 9 s", "a=b"])
def test_harmless_text_passes_unchanged(text: str) -> None:
    """Redaction hides nothing that explains a decision."""
    assert text == PLAIN.text(text)


@given(st.text())
def test_no_control_character_passes(text: str) -> None:
    """A line break, a cursor code or a bidirectional mark cannot forge what people read."""
    shown = Redactor().text(text)

    assert shown.isprintable() or all(char.isprintable() or ord(char) >= 0xA0 for char in shown)
    assert not any(
        ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or char in "\u2028\u2029\u202e" for char in shown
    )
    assert shown == shown.encode().decode()


def test_long_text_is_cut_and_still_clean() -> None:
    """A secret that the cut runs through loses its head as well."""
    shown = PLAIN.text("x" * (TEXT_MAX - 10) + SECRET)

    assert [] == leaks(shown)
    assert shown.endswith("...[cut]")


def test_deep_and_odd_values_become_text() -> None:
    """Nesting without end, sets, bytes and objects that cannot speak are written somehow."""

    class Mute:
        def __str__(self) -> str:
            raise ValueError

    loop: list[object] = []
    loop.append(loop)

    assert "[[[[[[" in json.dumps(Redactor().clean(loop))
    assert ["a", "b"] == Redactor().clean({"b", "a"})
    assert "<Mute without a text>" == Redactor().clean(Mute())
    assert [] == leaks(PLAIN.clean(SECRET.encode("ascii", "ignore")))
    assert ["nan", "inf", str(2**70)] == Redactor().clean([float("nan"), float("inf"), 2**70])
