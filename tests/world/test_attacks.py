# SPDX-License-Identifier: ISC
"""What a hostile client can do (reliability.md section 2, rows I and their kin), and that nothing is left of it: a clean
session takes less than a second, descriptors are exactly those of before, memory is within 5 %. Each attack runs twice:
the first time warms up. Deadlines of minutes and hours are the matter of tests/relay/test_session_deadlines.c."""

import contextlib
import os
import random
import socket
import struct
import subprocess
import time

import pytest

from leftovers import SUBJECT, baseline, check_memory, check_none, clean_session, descriptors, memory
from support import BASE, wait_for

ATTACKER = "127.0.0.5"
CERTIFICATE, KEY = BASE / "attacks.pem", BASE / "attacks.key"
SETTINGS = {"route": None, "smarthost": "198.51.100.8:25", "preflight": "off", "log_level": "info",
            "tls_cert": CERTIFICATE, "tls_key": KEY, "message_size_limit": "4M",
            "client_session_limit": "50", "session_limit": "100"}
ENVELOPE = b"EHLO x\r\nMAIL FROM:<a@corp.example>\r\nRCPT TO:<b@dest.example>\r\n"
STATES = [b"", b"EHL", b"EHLO x\r\n", b"EHLO x\r\nMAIL FROM:<a@corp.example>\r\n", ENVELOPE, ENVELOPE + b"DATA\r\n",
          ENVELOPE + b"DATA\r\nhalf a li", ENVELOPE + b"DATA\r\nx\r\n.\r", ENVELOPE + b"BDAT 100\r\nhalf",
          ENVELOPE + b"BDAT 4\r\nhalf", b"EHLO x\r\nAUTH PLAIN\r\n", b"EHLO x\r\nSTARTTLS\r\n\x16\x03\x01"]


class Attacker:
    """Connections of one address, which may not be served well."""

    def __init__(self):
        self.sockets = []

    def connect(self):
        made = socket.create_connection(("127.0.0.1", 2525), timeout=10, source_address=(ATTACKER, 0))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sockets.append(made)
        return made

    @staticmethod
    def push(connection, data):
        """As much as is taken before it is shut out. Returns how many bytes."""
        sent = 0
        with contextlib.suppress(OSError):
            while sent < len(data):
                sent += connection.send(data[sent:sent + 65536])
        return sent

    @staticmethod
    def heard(connection):
        """All that is said until the end."""
        said = b""
        with contextlib.suppress(OSError):
            while data := connection.recv(65536):
                said += data
        return said

    def reset(self):
        for connection in self.sockets:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.leave()

    def leave(self):
        for connection in self.sockets:
            connection.close()
        self.sockets = []


@pytest.fixture(scope="module", autouse=True)
def certificate():
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", KEY, "-out", CERTIFICATE, "-days", "30", "-subj", "/CN=mail.corp.example"],
                   check=True, capture_output=True)
    KEY.chmod(0o600)


def slowloris(attacker, check):
    for _ in range(50):
        attacker.connect()
    for byte in b"EHLO a.very.patient.client":
        for connection in attacker.sockets:
            connection.send(bytes([byte]))
    check()


def silent(attacker, check):
    for _ in range(50):
        attacker.connect()
    check()


def gone_without_a_word(attacker, check):
    """Half open: what the client leaves behind is a reset some day; here at once."""
    for _ in range(50):
        attacker.connect()
    attacker.reset()


def too_many_from_one(attacker, check):
    for _ in range(200):
        attacker.connect()
    check()
    first = [connection.recv(100) for connection in attacker.sockets]
    assert sum(banner.startswith(b"220") for banner in first) == 50
    assert sum(banner.startswith(b"421 4.7.0") for banner in first) == 150


def endless_line(attacker, check):
    connection = attacker.connect()
    attacker.push(connection, b"x" * 5_000_000)
    assert attacker.heard(connection).endswith(b"\r\n421 4.7.0 line too long\r\n")


def endless_name(attacker, check):
    connection = attacker.connect()
    attacker.push(connection, b"EHLO " + b"a" * 5_000_000)
    assert b"\r\n421 4.7.0" in attacker.heard(connection)


def endless_headers(attacker, check):
    connection = attacker.connect()
    attacker.push(connection, ENVELOPE + b"DATA\r\n" + b"X-Header: again\r\n" * 600_000 + b".\r\nQUIT\r\n")
    assert b"\r\n552 5.3.4" in attacker.heard(connection)


def only_dots(attacker, check):
    connection = attacker.connect()
    attacker.push(connection, ENVELOPE + b"DATA\r\n" + b"..\r\n" * 2_000_000 + b".\r\nQUIT\r\n")
    assert b"\r\n552 5.3.4" in attacker.heard(connection)


def many_recipients(attacker, check):
    """It reads the replies, or it would not be read."""
    connection = attacker.connect()
    attacker.push(connection, b"EHLO x\r\nMAIL FROM:<a@corp.example>\r\n")
    said = b""
    with contextlib.suppress(OSError):  # it is shut out before all are said
        for _ in range(100):
            connection.sendall(b"RCPT TO:<b@dest.example>\r\n" * 1000)
            while said.count(b"\r\n") < 1000 * _ and (data := connection.recv(65536)):
                said += data
    assert b"\r\n452 4.5.3" in said and b"\r\n421 " in said + attacker.heard(connection)
    check()


def resets_everywhere(attacker, check):
    for state in STATES:
        for _ in range(4):
            attacker.push(attacker.connect(), state)
    time.sleep(0.1)  # some of them are heard before, some are not
    attacker.reset()


def ends_everywhere(attacker, check):
    for state in STATES:
        for _ in range(4):
            attacker.push(attacker.connect(), state)
    attacker.leave()


def garbage(attacker, check):
    chance = random.Random(5)
    for _ in range(20):
        connection = attacker.connect()
        attacker.push(connection, b"\r\n".join(chance.randbytes(chance.randrange(80)) for _ in range(5000)))
        said = attacker.heard(connection)
        assert said.startswith(b"220") and b"250" not in said
    attacker.leave()


def lies_about_chunks(attacker, check):
    for command in (b"BDAT 4000000 LAST\r\nshort", b"BDAT 99999999999999999999 LAST\r\n", b"BDAT -1 LAST\r\nx",
                    b"BDAT 5\r\nQUIT\r\nBDAT 0 LAST\r\n", b"BDAT 0\r\n" * 10_000, b"BDAT 1\r\nx" * 10_000,
                    b"BDAT 5000000 LAST\r\n" + b"x" * 5_000_000):
        attacker.push(attacker.connect(), ENVELOPE + command)
    check()


def never_reads(attacker, check):
    connection = attacker.connect()
    connection.settimeout(1)
    taken = attacker.push(connection, b"EHLO x\r\n" * 4_000_000)
    assert taken < 32_000_000, "all was read though no reply was"
    check()


def banner_grabs(attacker, check):
    for _ in range(1000):
        connection = attacker.connect()
        assert connection.recv(100)[:3] in (b"220", b"421")
        attacker.leave()


def handshakes_that_are_none(attacker, check):
    for junk in (b"EHLO x\r\nQUIT\r\n", b"\x16\x03\x01\x02\x00\x01", os.urandom(5000), b"\x15\x03\x01\x00\x02\x02\x28"):
        connection = attacker.connect()
        attacker.push(connection, b"EHLO x\r\nSTARTTLS\r\n" + junk)
        wait_for(lambda: b"\r\n220 " in connection.recv(4096, socket.MSG_PEEK), "the answer to STARTTLS")
        attacker.push(connection, junk)
    check()


ATTACKS = [slowloris, silent, gone_without_a_word, too_many_from_one, endless_line, endless_name, endless_headers,
           only_dots, many_recipients, resets_everywhere, ends_everywhere, garbage, lies_about_chunks, never_reads,
           banner_grabs, handshakes_that_are_none]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.__name__)
def test_nothing_is_left_of(attack, relay, scripted):
    relay.start(**SETTINGS)
    before = baseline(relay)
    figures = []
    for _ in range(2):
        attacker = Attacker()
        attack(attacker, clean_session)
        attacker.leave()
        check_none(relay, before)
        figures.append(memory(relay))
    check_memory(relay, *figures)
    clean = [body for _, body in scripted.messages]
    assert clean and all(SUBJECT in body for body in clean), "something else was sent"


def test_sessions_leave_descriptors_to_storing_and_delivering(relay, scripted):
    """Row I4, with so few that half of them go to sessions. The others are told, not left waiting."""
    wrapper = relay.directory.parent / "few-descriptors"
    wrapper.write_text(f'#!/bin/sh\nexec prlimit --nofile=64:64 {relay.binary} "$@"\n')
    wrapper.chmod(0o755)
    relay.binary = str(wrapper)
    relay.start(**SETTINGS | {"client_session_limit": "100"})
    assert " few-descriptors session_limit=100 possible=32" in relay.log
    attacker = Attacker()
    for _ in range(31):
        assert attacker.connect().recv(100).startswith(b"220")
    clean_session()
    wait_for(lambda: scripted.messages, "the message of the last session that fits")
    for _ in range(31, 60):
        attacker.connect()
    first = [connection.recv(100) for connection in attacker.sockets[31:]]
    assert [banner[:9] for banner in first] == [b"220 mail."] + [b"421 4.3.2"] * 28
    attacker.leave()
    wait_for(lambda: descriptors(relay) < 32, "descriptors to be free")
    clean_session()
    wait_for(lambda: len(scripted.messages) == 2, "the message of a later one")
