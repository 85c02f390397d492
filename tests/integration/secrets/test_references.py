"""Z8: a secret comes from where nobody else looks, or not at all; no text of ours repeats it."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import orjson
import pytest

from meva_adapters.secrets.references import ReferencedSecrets
from meva_core.errors import ConfigError
from meva_core.model.secret import Secret

VALUE = "swordfish-7"


def private(path: Path, text: str = f"{VALUE}\n", mode: int = 0o600) -> Path:
    """Write *text* to *path* with *mode*."""
    path.write_text(text)
    path.chmod(mode)
    return path


def _stored(secret: Secret) -> object:
    """Ask for what every serialiser of objects asks for."""
    return secret.__reduce_ex__(4)


def test_each_kind_of_reference_finds_its_secret(tmp_path: Path) -> None:
    """A variable, a private file and a credential of systemd; a final line break is no part of it."""
    private(tmp_path / "key")
    source = ReferencedSecrets({"KEY": VALUE, "CREDENTIALS_DIRECTORY": str(tmp_path)})

    assert [VALUE] * 3 == [
        source.resolve(reference).reveal() for reference in ("env:KEY", f"file:{tmp_path}/key", "cred:key")
    ]


def test_a_key_of_several_lines_keeps_them(tmp_path: Path) -> None:
    """A PEM text is whole; only its last line break goes."""
    private(tmp_path / "pem", "-----BEGIN\nabc\n-----END\n")

    assert "-----BEGIN\nabc\n-----END" == ReferencedSecrets({}).resolve(f"file:{tmp_path}/pem").reveal()


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("env:MISSING", "is not set"),
        ("env:EMPTY", "is empty"),
        ("file:{folder}/open", "chmod go-rwx"),
        ("file:{folder}/link", "is a link"),
        ("file:{folder}/missing", "cannot be looked at"),
        ("file:{folder}/tree/key", "git work tree"),
        ("file:{folder}/binary", "is no text"),
        ("file:{folder}/large", "Name the right file"),
        ("cred:../open", "no name of a credential"),
        ("cred:missing", "cannot be read"),
        (VALUE, "is no reference"),
    ],
)
def test_what_is_not_safe_is_refused_with_what_to_do(reference: str, told: str, tmp_path: Path) -> None:
    """The refusal names the place and never the secret."""
    private(tmp_path / "open", mode=0o644)
    (tmp_path / "link").symlink_to(private(tmp_path / "key"))
    (tmp_path / "tree" / ".git").mkdir(parents=True)
    private(tmp_path / "tree" / "key")
    private(tmp_path / "large", "x" * 70_000)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "binary").chmod(0o600)
    source = ReferencedSecrets({"EMPTY": "", "CREDENTIALS_DIRECTORY": str(tmp_path)})
    with pytest.raises(ConfigError) as refused:
        source.resolve(reference.format(folder=tmp_path))

    assert told in str(refused.value)
    assert VALUE not in str(refused.value)


def test_without_systemd_there_are_no_credentials() -> None:
    """The remedy names the line of the unit."""
    with pytest.raises(ConfigError, match="LoadCredential="):
        ReferencedSecrets({}).resolve("cred:key")


def test_a_secret_shows_itself_in_no_form() -> None:
    """Text, format, comparison, copy and serialisation reveal nothing, or refuse."""
    secret = Secret(VALUE)
    shown = f"{secret} {secret!r} {secret!s} {[secret]} {vars(Secret)}"

    assert VALUE not in shown
    assert secret != VALUE
    assert secret != Secret(VALUE)
    for attempt in (copy.copy, copy.deepcopy, _stored, json.dumps, orjson.dumps):
        with pytest.raises(TypeError) as refused:
            attempt(secret)
        assert VALUE not in str(refused.value)
