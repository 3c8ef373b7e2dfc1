# SPDX-License-Identifier: ISC
"""What sessions that wait cost: memory of the real daemon with 1,000 and 10,000 clients that have said EHLO and nothing
since, in the clear; and with 1,000 under TLS, which is only reported. Then with 1,000 that do all they can to fill its
buffers: talk on without reading the replies, leave a command or a message half said."""

import contextlib
import pathlib
import resource
import socket
import ssl
import subprocess
import sys
import time

from relay import Relay
from support import BASE, wait_for

SPARE = 500  # descriptors for everything else
MIB = 1024 * 1024
BOUNDS = {1_000: 20 * MIB, 10_000: 200 * MIB}  # of issue 5
TLS_COUNT = 1_000
FULL_COUNT, FULL_BOUND = 1_000, 1_000 * 96 * 1024  # row I5; reliability.md section 1: 96 KiB a session
BODIES_BOUND = 64 * MIB  # of all bodies in memory together (spool/body.h)
ENVELOPE = b"MAIL FROM:<ann@corp.example>\r\nRCPT TO:<bob@dest.example>\r\n"
GREEDY = {"unread replies": ENVELOPE + b"BDAT 1\r\nx" * 100_000,
          "half a command": b"NOOP " + b"x" * 2000, "half a message": ENVELOPE + b"DATA\r\n" + (b"x" * 70 + b"\r\n") * 900,
          "half a chunk": ENVELOPE + b"BDAT 1000000\r\n" + b"x" * 500_000}
BURST_BOUND, QUIET_BOUND = 2, 0.1  # seconds: of 64 MB that come at once, a few turns of the loop; of silence
CERTIFICATE, KEY = BASE / "idle.pem", BASE / "idle.key"


def raise_limit(count):
    """For ourselves and for the daemon, which inherits it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + SPARE
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, hard)))


def rss(relay):
    text = pathlib.Path(f"/proc/{relay.process.pid}/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) * 1024


def read_reply(connection):
    said = b""
    while not (said.endswith(b"\r\n") and said.splitlines()[-1][3:4] == b" "):
        data = connection.recv(4096)
        assert data, f"closed after {said!r}"
        said += data
    return said


def say(connection, command, code):
    connection.sendall(command)
    assert read_reply(connection).startswith(code)


def enter(context, room=None):
    """room: bytes of replies that the kernel keeps for the client, about."""
    connection = socket.socket()
    connection.settimeout(30)
    if room:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    connection.connect(("127.0.0.1", 2525))
    read_reply(connection)
    say(connection, b"EHLO exchange.corp.local\r\n", b"250")
    if context:
        say(connection, b"STARTTLS\r\n", b"220")
        connection = context.wrap_socket(connection)
        say(connection, b"EHLO exchange.corp.local\r\n", b"250")
    return connection


def measure(relay, count, context=None):
    """Bytes by which count sessions make the daemon grow, and how long another one takes beside them."""
    with contextlib.ExitStack() as stack:
        for _ in range(10):  # what the first ones need stays
            enter(context).close()
        time.sleep(0.5)
        before = rss(relay)
        for _ in range(count):
            stack.enter_context(enter(context))
        growth = rss(relay) - before
        start = time.monotonic()
        stack.enter_context(enter(None))
        took = time.monotonic() - start
    return growth, took


def fill(clients, data):
    """As much as the daemon takes of each; it is done when nobody could say more for a second."""
    left = dict.fromkeys(clients, 0)
    for client in clients:
        client.setblocking(False)
    last = time.monotonic()
    while left and time.monotonic() - last < 1:
        time.sleep(0.01)
        for client in list(left):
            try:
                sent = client.send(data[left[client]:left[client] + 65536])
            except BlockingIOError:
                continue
            last = time.monotonic()
            left[client] += sent
            if left[client] == len(data):
                del left[client]


def be_taken():
    """Seconds until one more client is greeted and its message is taken."""
    start = time.monotonic()
    with enter(None) as client:
        for command, code in ((ENVELOPE, b"250"), (b"DATA\r\n", b"354"), (b"x\r\n.\r\n", b"250")):
            client.sendall(command)
            while not (said := read_reply(client)).splitlines()[-1].startswith(code):
                assert said.startswith(b"250"), said
    return time.monotonic() - start


def cpu_ticks(relay):
    fields = pathlib.Path(f"/proc/{relay.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def rest(relay):
    """Until the daemon has done with what the kernel had taken for it: it works no more for half a second."""
    ticks = None
    while ticks != (ticks := cpu_ticks(relay)):
        time.sleep(0.5)


def measure_greedy(relay, data):
    """Bytes by which they make the daemon grow, and how long another client takes: while what they said, all at once,
    is still being read, and afterwards."""
    with contextlib.ExitStack() as stack:
        enter(None).close()
        clients = [stack.enter_context(enter(None, room=4096)) for _ in range(FULL_COUNT)]
        before = rss(relay)
        fill(clients, data)
        meanwhile = be_taken()
        rest(relay)
        growth = rss(relay) - before
        afterwards = be_taken()
    return growth, (meanwhile, afterwards)


def make_certificate():
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", KEY, "-out", CERTIFICATE, "-days", "30", "-subj", "/CN=mail.corp.example"],
                   check=True, capture_output=True)
    KEY.chmod(0o600)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def run(binary, work, *arguments):
    """A daemon for each figure: what an earlier crowd has left would hide the growth."""
    relay = Relay(binary)
    relay.wipe()
    relay.start(log_level="info", session_limit=20_000, client_session_limit=20_000, preflight="off",
                tls_cert=CERTIFICATE, tls_key=KEY)
    growth, took = work(relay, *arguments)
    wait_for(lambda: len(list(pathlib.Path(f"/proc/{relay.process.pid}/fd").iterdir())) < 100, "all to be gone", 60)
    relay.stop()
    return growth, took


def main():
    raise_limit(max(BOUNDS))
    context = make_certificate()
    broken = []
    for count, bound in BOUNDS.items():
        growth, took = run(sys.argv[1], measure, count)
        print(f"{count:,} idle plain sessions: {growth / MIB:.1f} MiB, {growth / count / 1024:.1f} KiB each "
              f"(bound {bound // MIB} MiB); one more is greeted in {took * 1000:.1f} ms", flush=True)
        if growth > bound:
            broken.append(f"{count:,} sessions: {growth / MIB:.1f} MiB, at most {bound // MIB} wanted")
    growth, _ = run(sys.argv[1], measure, TLS_COUNT, context)
    print(f"{TLS_COUNT:,} idle sessions under TLS: {growth / MIB:.1f} MiB, {growth / TLS_COUNT / 1024:.1f} KiB each")
    for what, data in GREEDY.items():
        bound = FULL_BOUND + (BODIES_BOUND if what in ("half a message", "half a chunk") else 0)
        growth, (meanwhile, afterwards) = run(sys.argv[1], measure_greedy, data)
        print(f"{FULL_COUNT:,} sessions with {what}: {growth / MIB:.1f} MiB, {growth / FULL_COUNT / 1024:.1f} KiB each "
              f"(bound {bound / MIB:.0f} MiB); a message is taken in {meanwhile * 1000:.1f} ms while all that is "
              f"read, in {afterwards * 1000:.1f} ms afterwards", flush=True)
        if growth > bound or meanwhile > BURST_BOUND or afterwards > QUIET_BOUND:
            broken.append(f"{what}: {growth / MIB:.1f} MiB, {meanwhile:.1f} s, {afterwards:.1f} s")
    for words in broken:
        print(f"idle: BROKEN: {words}")
    sys.exit(1 if broken else 0)


main()
