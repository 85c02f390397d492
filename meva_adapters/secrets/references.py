"""Resolve references to secrets: variables, private files and systemd credentials; know no secret by heart."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from meva_adapters.secrets.private_path import exposure, work_tree_of
from meva_core.errors import ConfigError
from meva_core.model.secret import Secret

# A private key in PEM has some hundred bytes; more than this is another file.
_BYTES_MAX: Final = 65_536
_CREDENTIALS: Final = "CREDENTIALS_DIRECTORY"


class ReferencedSecrets:
    """Be the source of `env:NAME`, `file:PATH` and `cred:NAME`, the last from systemd's `LoadCredential=`.

    A file must be ours, closed to others, no link, and in no git work tree. systemd guards its credentials
    itself (systemd.exec, "Credentials"), so their mode is not judged. A final line break is no part of a secret.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def resolve(self, reference: str) -> Secret:
        """Return the secret; raise `ConfigError`, which names the reference and never the secret."""
        kind, _, name = reference.partition(":")
        if kind == "env":
            value, problem = self._variable(name)
        elif kind == "file":
            value, problem = _file(Path(name).expanduser())
        elif kind == "cred":
            value, problem = self._credential(name)
        else:
            value, problem = "", "is no reference. Write env:NAME, file:PATH or cred:NAME."
            reference = "a secret"
        if not problem and not value:
            problem = "is empty. Put the secret there."
        if problem:
            raise ConfigError((f"{reference}: {problem}",))
        return Secret(value)

    def _variable(self, name: str) -> tuple[str, str]:
        if name not in self._environ:
            return "", "is not set. Give the variable to this process, for example by its service manager."
        return self._environ[name], ""

    def _credential(self, name: str) -> tuple[str, str]:
        folder = self._environ.get(_CREDENTIALS, "")
        if not folder:
            return "", "there are no credentials here. Add LoadCredential= to the systemd unit."
        if "/" in name or name.startswith("."):
            return "", "is no name of a credential. Write the name that LoadCredential= gives it."
        return _text(Path(folder) / name)


def _file(path: Path) -> tuple[str, str]:
    try:
        problem = exposure(path)
    except OSError as error:
        return "", f"cannot be looked at ({error.strerror}). Put the secret into that file, with mode 0600."
    if problem:
        return "", problem
    tree = work_tree_of(path)
    if tree is not None:
        return "", f"lies in the git work tree {tree}. Keep secrets outside of repositories."
    return _text(path)


def _text(path: Path) -> tuple[str, str]:
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_BYTES_MAX + 1)
    except OSError as error:
        return "", f"cannot be read ({error.strerror}). Put the secret into that file, with mode 0600."
    except UnicodeDecodeError:
        return "", "is no text. Put the secret there as text."
    if len(text) > _BYTES_MAX:
        return "", f"has more than {_BYTES_MAX} characters, and is no secret. Name the right file."
    return text.removesuffix("\n").removesuffix("\r"), ""
