"""Tell systemd that the service is ready, alive or stopping (sd_notify, protocol of systemd 209); decide nothing."""

from __future__ import annotations

import os
import socket


def notify(state: str) -> bool:
    """Send *state*, such as `READY=1` or `WATCHDOG=1`; return whether a supervisor was there to hear it."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        # A leading @ stands for the abstract namespace, whose names begin with a zero byte.
        sock.connect(f"\0{address[1:]}" if address.startswith("@") else address)
        sock.sendall(state.encode())
    return True
