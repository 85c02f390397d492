"""Prove that unit tests do no I/O: every socket, loopback included, is refused while one runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import pytest_socket


@pytest.fixture(autouse=True)
def _no_sockets() -> Iterator[None]:
    pytest_socket.disable_socket(allow_unix_socket=True)  # An event loop wakes itself through a socket pair.
    yield
    pytest_socket.enable_socket()
