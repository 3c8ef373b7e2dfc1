# SPDX-License-Identifier: ISC
"""What a hostile client can do (reliability.md section 2, rows I and their kin, and TLS) that is no dialogue of
tests/transcripts, and that nothing is left of it: a clean session takes less than a second, descriptors are exactly those
of before, memory is within 5 %. Each attack runs twice at least: the first warms up. Deadlines of minutes and hours are the
matter of tests/relay/test_session_deadlines.c."""

import contextlib
import itertools
import os
import random
import signal
import socket
import ssl
import struct
import subprocess
import time

import pytest

from leftovers import SUBJECT, baseline, check_memory, check_none, clean_session, descriptors
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

    def __init__(self, pid):
        self.pid, self.sockets = pid, []

    def connect(self):
        made = socket.create_connection(("127.0.0.1", 2525), timeout=10, source_address=(ATTACKER, 0))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sockets.append(made)
        return made

    def connect_for_tls(self):
        """As far as the 220 to STARTTLS."""
        connection, said = self.connect(), b""
        connection.sendall(b"EHLO x\r\nSTARTTLS\r\n")
        while b"\r\n220 " not in said:
            said += connection.recv(4096)
        return connection

    def secure(self, context):
        connection = context.wrap_socket(self.connect_for_tls())
        self.sockets[-1] = connection
        return connection

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


def tls_client(most=None):
    """A context that trusts whoever answers."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if most:
        context.maximum_version = most
    return context


def hello(context, name=None):
    """What such a client says first: a record."""
    out = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name).do_handshake()
    return out.read()


def odd_hellos(attacker, check):
    """Row C7: a byte a record, records that lie, what is cut, what is changed."""
    whole, chance = hello(tls_client(), "a" * 63 + ".example"), random.Random(7)
    odd = [b"".join(b"\x16\x03\x01\0\1" + bytes([byte]) for byte in whole[5:]), whole[:len(whole) // 2], whole * 2,
           whole[:3] + b"\xff\xff" + whole[5:], whole[:6] + b"\xff\xff\xff" + whole[9:], b"\x16\x03\x01\x40\0" + b"\1" * 16384]
    for _ in range(30):
        changed = bytearray(whole)
        for _ in range(3):
            changed[chance.randrange(5, len(changed))] = chance.randrange(256)
        odd.append(bytes(changed))
    for said in odd:
        connection = attacker.connect_for_tls()
        attacker.push(connection, said)
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        assert b"\r\n" not in attacker.heard(connection)[-40:], "it was answered in the clear"
    check()


def unasked_certificate(attacker, check):
    """Row C12: a megabyte of it where the key is expected."""
    connection = attacker.connect_for_tls()
    attacker.push(connection, hello(tls_client(ssl.TLSVersion.TLSv1_2)))
    connection.recv(4096)
    record = b"\x16\x03\x03\x40\0"
    attacker.push(connection, record + b"\x0b\x10\0\0" + b"\0" * 16380 + (record + b"\0" * 16384) * 63)
    connection.shutdown(socket.SHUT_WR)
    assert len(attacker.heard(connection)) < 4096, "more than its own flight and an alert"
    check()


def old_tls(attacker, check):
    """Rows C8, C10: negotiate again; speak TLS 1.0 where it is not wanted."""
    for arguments in (["-tls1_2"], ["-tls1", "-cipher", "ALL:@SECLEVEL=0"]):
        result = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:2525", "-bind", f"{ATTACKER}:0", "-starttls",
                                 "smtp", *arguments], input=b"R\n", capture_output=True, check=False, timeout=30)
        assert b"\n250 " not in result.stdout.split(b"RENEGOTIATING")[-1], result.stdout
    check()


def handshake_storm(attacker, check):
    """Row C13: whole ones, with sessions to resume and without, and halves. Others are served meanwhile."""
    contexts = [tls_client(), tls_client(ssl.TLSVersion.TLSv1_2)]
    for number in range(100):
        context = contexts[number % 2]
        first = attacker.secure(context)
        again = context.wrap_socket(attacker.connect_for_tls(), session=first.session)
        again.close()
        attacker.push(attacker.connect_for_tls(), hello(context))
        if number % 10 == 0:
            check()
            attacker.leave()


def ends_under_tls(attacker, check):
    """Rows B10, C11: with a notice and something behind it, and without one."""
    context = tls_client()
    for state in STATES[:-1]:
        connection = attacker.secure(context)
        attacker.push(connection, state)
        with contextlib.suppress(OSError):
            attacker.push(connection.unwrap(), b"QUIT\r\n")
        attacker.push(attacker.secure(context), state)
    attacker.reset()
    check()


def signals(attacker, check):
    """Row I12, while a message comes; it is taken all the same."""
    connection = attacker.connect()
    attacker.push(connection, ENVELOPE + b"DATA\r\nSubject: clean\r\n")
    for number in (signal.SIGHUP, signal.SIGPIPE, signal.SIGSTOP, signal.SIGCONT) * 25:
        os.kill(attacker.pid, number)
        attacker.push(connection, b"line\r\n")
    check()
    attacker.push(connection, b".\r\nQUIT\r\n")
    assert b"\r\n250 2.0.0 queued as " in attacker.heard(connection)


def short_bodies(attacker, check):
    """Row A8 as far as the real binary can take it: what is smuggled behind them is never a message of its own."""
    for length in range(1, 5):
        for body in itertools.product((b"\r", b"\n", b".", b"a"), repeat=length):
            attacker.push(attacker.connect(), ENVELOPE + b"DATA\r\nSubject: clean\r\n\r\nx" + b"".join(body) +
                          b"MAIL FROM:<x@corp.example>\r\nRCPT TO:<y@dest.example>\r\nDATA\r\nevil\r\n.\r\nQUIT\r\n")
            attacker.heard(attacker.sockets[-1])
            attacker.leave()


def one_long_line(attacker, check):
    """Row H7: passed on as it is, whatever its length; memory stays as it is."""
    connection = attacker.connect()
    attacker.push(connection, ENVELOPE + b"DATA\r\nSubject: clean\r\n\r\n" + b"x" * 3_900_000 + b"\r\n.\r\nQUIT\r\n")
    assert b"\r\n250 2.0.0 queued as " in attacker.heard(connection)


ATTACKS = [slowloris, silent, gone_without_a_word, too_many_from_one, endless_line, endless_name, endless_headers,
           only_dots, many_recipients, resets_everywhere, ends_everywhere, garbage, lies_about_chunks, never_reads,
           banner_grabs, handshakes_that_are_none, odd_hellos, unasked_certificate, old_tls, handshake_storm,
           ends_under_tls, signals, short_bodies, one_long_line]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.__name__)
def test_nothing_is_left_of(attack, relay, scripted):
    relay.start(**SETTINGS)
    before = baseline(relay)

    def once():
        attacker = Attacker(relay.process.pid)
        attack(attacker, clean_session)
        attacker.leave()
        check_none(relay, before)

    check_memory(relay, once)
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
    attacker = Attacker(relay.process.pid)
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
