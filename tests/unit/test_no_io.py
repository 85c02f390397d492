"""Check the guard itself: a unit test that tried to reach anything would fail."""

from __future__ import annotations

import socket

import pytest
import pytest_socket


def test_a_socket_is_refused_in_a_unit_test() -> None:
    """Even loopback is out of reach of a unit test."""
    with pytest.raises(pytest_socket.SocketBlockedError):
        socket.socket(socket.AF_INET, socket.SOCK_STREAM)


async def test_an_event_loop_still_runs() -> None:
    """The loop's own socket pair is no I/O in this sense."""
    left, right = socket.socketpair()
    with left, right:
        assert left.family == right.family == socket.AF_UNIX
