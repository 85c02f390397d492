"""A supervisor hears on its own socket that the service is ready; without one nothing happens."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from meva_runners.trading.service_notice import notify


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_the_supervisor_hears_it(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both kinds of address that systemd gives are understood."""
    address = str(tmp_path / "notify") if kind == "path" else f"@meva-{tmp_path.name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(address if kind == "path" else f"\0{address[1:]}")
        supervisor.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        heard = notify("READY=1")

        assert heard
        assert b"READY=1" == supervisor.recv(100)


def test_without_a_supervisor_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program started by hand is no service."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)

    assert not notify("READY=1")
