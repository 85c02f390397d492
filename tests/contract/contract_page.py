"""Write the page that lists every case of every contract: `python -m tests.contract.contract_page`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from meva_adapters.contracts.case import Case, Verdict
from meva_adapters.contracts.kits import KITS
from tests.contract.expected_verdicts import ADAPTERS, CCXT, Expected

PAGE: Final = Path(__file__).parents[2] / "docs" / "contract.md"
_EXCHANGES: Final[dict[str, Expected]] = {**ADAPTERS, "ccxt": CCXT["harness"]}
_MARKS: Final = {
    Verdict.PROVEN: "yes",
    Verdict.NOT_PROVEN: "not proven",
    Verdict.NOT_DECLARED: "not declared",
    Verdict.BROKEN: "BROKEN",
}
_HEAD: Final = """# The contracts of the ports

Every case has an id that stays, and quotes the sentence of the port that it proves. [Write an adapter](adapters.md)
shows how to run them. This page is made from the cases themselves by `python -m tests.contract.contract_page`, and a
test holds it against them. *Not proven*: the harness has no way to bring it about. *Not declared*: the adapter does not
offer what it is about.
"""


def page() -> str:
    """Return the whole page."""
    return _HEAD + "".join(_section(base, kit.port, kit.cases) for base, kit in KITS)


def _section(base: type, port: str, cases: tuple[Case[Any], ...]) -> str:
    adapters = _EXCHANGES if port == "exchange" else {}
    columns = ["case", "", "proves", *adapters]
    rows = [columns, ["---"] * len(columns)]
    for case in cases:
        verdicts = [_MARKS[expected.verdict_of(case)] for expected in adapters.values()]
        rows.append([case.case_id, case.title, case.promise, *verdicts])
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"\n## {port.capitalize()}\n\nSubclass `{base.__module__}.{base.__name__}`.\n\n{table}\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
