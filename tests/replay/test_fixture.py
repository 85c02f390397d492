"""The canonical recording gives what it gave when it was recorded, to the last bit."""

from __future__ import annotations

import json

from tests.replay.fixture import EXPECTED, replayed


def test_the_canonical_recording_gives_the_recorded_result() -> None:
    """Both hashes, orders, fills, equity, drawdown and fees; see `tests/replay/fixture.py` for how to change them."""
    expected = json.loads(EXPECTED.read_text(encoding="utf-8"))

    assert expected["fills"] == expected["orders"] > 50
    assert expected == replayed()
