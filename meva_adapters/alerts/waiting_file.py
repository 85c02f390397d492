"""Keep the alerts that wait for their digest in a file, so that they outlive the process; decide nothing of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import orjson

from meva_core.errors import DataError

# A thousand alerts of the longest message; what is larger was put there by somebody else.
_BYTES_MAX: Final = 4_000_000


class WaitingAlertsFile:
    """Keep one JSON value at *path* (0600, its folder 0700). It appears whole or not at all.

    It outlives the process, also one that is killed. A power cut may take the last seconds of it: the session file,
    which holds every alert, is what is durable.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Any | None:
        """Return what was kept; `None` when nothing was. Raise `DataError` when it is not readable."""
        try:
            content = self._path.read_bytes()
            if len(content) > _BYTES_MAX:
                raise DataError(str(self._path), 0, "is larger than alerts can be.", "Move it away.")
            return orjson.loads(content)
        except FileNotFoundError:
            return None
        except (OSError, orjson.JSONDecodeError) as exc:
            raise DataError(str(self._path), 0, f"cannot be read: {exc}.", "Move it away.") from exc

    def keep(self, value: Any) -> None:
        """Put *value* in the place of what was kept; raise `OSError` when there is no room for it."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(orjson.dumps(value))
        draft.replace(self._path)

    def set_aside(self) -> Path | None:
        """Move what cannot be used out of the way, for people to look at; return where it is, if it could be moved."""
        aside = self._path.with_suffix(".damaged")
        try:
            return self._path.replace(aside)
        except OSError:
            return None  # Then the next alert that waits takes its place.

    def clear(self) -> None:
        """Keep nothing."""
        self._path.unlink(missing_ok=True)
