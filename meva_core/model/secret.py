"""Hold a secret so that no text, copy or comparison of it reveals anything; only `reveal` does."""

from __future__ import annotations

from typing import Final, NoReturn

_SHOWN: Final = "Secret(...)"


class Secret:
    """Carry one secret to the one place that needs it.

    >>> key = Secret("swordfish")
    >>> f"{key} {key!r}", key == "swordfish", key.reveal()
    ('Secret(...) Secret(...)', False, 'swordfish')
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself; keep it nowhere."""
        return self._value

    def __repr__(self) -> str:
        return _SHOWN

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is neither copied nor stored")
