# SPDX-License-Identifier: ISC
"""What the world's parts share: where it lives, and waiting for events (never for a fixed time)."""

import pathlib
import socket
import time

BASE = pathlib.Path("/tmp/ptrelay-world")


def wait_for(condition, what, seconds=20):
    """Polls until condition() is true and returns what it gave; fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain for: {what}")
        time.sleep(0.02)


def is_listening(address, port):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0


def wait_for_port(address, port):
    wait_for(lambda: is_listening(address, port), f"{address}:{port}")
