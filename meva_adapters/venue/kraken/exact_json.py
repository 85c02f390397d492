"""Write JSON in which a Decimal is a bare number with all its digits; floats would lose them."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any, Final

_MARKED: Final = re.compile(r'"#(-?[0-9.]+)#"')


def exact_json(value: Any) -> bytes:
    """Return *value* as JSON; texts in it never have the form of a marked number, as `#` is in none of them."""
    text = json.dumps(value, default=_marked, separators=(",", ":"))
    return _MARKED.sub(r"\1", text).encode()


def _marked(value: Any) -> str:
    if not isinstance(value, Decimal):
        raise TypeError(value)
    return f"#{value:f}#"
