# SPDX-License-Identifier: ISC
"""What odd bodies cost (row H8): CPU seconds of the real daemon for 50 MB of dots, of line ends, of one byte, beside those
of plain text, of which they may take twice."""

import pathlib
import socket
import sys

from relay import Relay

SIZE, RATIO_MAX = 50_000_000, 2
BODIES = {"plain text": b"x" * 70 + b"\r\n", "dots": b"..\r\n", "line ends": b"\r\n", "one byte": b"a"}
ENVELOPE = b"EHLO x\r\nMAIL FROM:<ann@corp.example>\r\nRCPT TO:<bob@dest.example>\r\nDATA\r\n"


def cpu_seconds(relay):
    fields = pathlib.Path(f"/proc/{relay.process.pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def hear(client, end):
    said = b""
    while end not in said:
        data = client.recv(4096)
        assert data, said
        said += data


def cost(relay, unit):
    with socket.create_connection(("127.0.0.1", 2525), timeout=60) as client:
        client.sendall(ENVELOPE)
        hear(client, b"\r\n354 ")
        before = cpu_seconds(relay)
        client.sendall(unit * (SIZE // len(unit)) + b"\r\n.\r\n")
        hear(client, b"250 2.0.0 queued")
        return cpu_seconds(relay) - before


def main():
    relay = Relay(sys.argv[1])
    relay.wipe()
    relay.start(log_level="info", preflight="off", message_size_limit="60M", route=None, smarthost="127.0.0.9:25")
    cost(relay, BODIES["plain text"])  # warms up
    plain = None
    is_broken = False
    for name, unit in BODIES.items():
        seconds = min(cost(relay, unit) for _ in range(3))
        plain = plain or seconds
        print(f"{name}: {seconds:.2f} s, {seconds / plain:.1f} times plain text", flush=True)
        if seconds > RATIO_MAX * plain:
            print(f"bodies: BROKEN: {name}")
            is_broken = True
    relay.stop()
    sys.exit(1 if is_broken else 0)


main()
