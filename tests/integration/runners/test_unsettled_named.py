"""Orders whose end is not known are named to people, however the run ended."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from meva_core.errors import StorageError
from meva_runners.trading.agent_app import AgentApp
from meva_runners.trading.command import _naming_unsettled


def test_a_run_that_fails_names_what_it_leaves_behind(capsys: pytest.CaptureFixture[str]) -> None:
    """The error is told by whoever started the run; the orders would be told by nobody."""
    app = cast("AgentApp", SimpleNamespace(driver=SimpleNamespace(unsettled=("o-1", "o-2"))))
    with pytest.raises(StorageError, match="no space left"), _naming_unsettled(app):
        raise StorageError("s.db", "no space left on device.", "Free some.")

    assert "Orders whose end is not known: o-1, o-2. Look at the venue.\n" == capsys.readouterr().err
