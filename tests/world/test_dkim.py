# SPDX-License-Identifier: ISC
"""What was signed before us verifies behind us."""

import smtplib

import pytest

import signers
from relay import Relay, send
from support import wait_for

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # dkimpy is older than this Python
HEAD = (b"From: Ann <ann@corp.example>\r\nTo: Bob\r\n\t<bob@script.example>\r\nSubject: %s\r\n  folded,  with  blanks \r\n"
        b"Date: Tue, 24 Nov 2026 12:00:00 +0000\r\nMessage-Id: <%s@corp.example>\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\nX-Empty:\r\n\r\n")
BODIES = {
    "plain": b"hello\r\n",
    "8bit": b"k\xe4se \xff \x80\r\n",
    "dots": b".\r\n..\r\n.dot\r\nend.\r\n.\r\n",
    "long-lines": b"x" * 998 + b"\r\n" + b"y" * 3000 + b"\r\n",
    "empty-lines-at-the-end": b"hello\r\n\r\n\r\n \r\n\r\n",
    "empty-lines-only": b"\r\n\r\n",
    "no-body": b"",
    "blanks": b" a  b\t c \r\n\t\r\n",
    "large": b"".join(b"%d lines of text\r\n" % i for i in range(8_000)),
}
NO_LAST_LINE_END = {"no-line-end": b"hello\r\nbye", "dot-at-the-end": b"hello\r\n."}  # only BDAT can say it


@pytest.fixture(scope="module")
def forwarder(request, names, resolver):
    names.reset()
    names.add(signers.unpack())
    made = Relay(request.config.getoption("--binary"))
    made.wipe()
    made.start()
    yield made
    made.stop()


def send_chunks(message):
    """By BDAT, in three of them."""
    third = len(message) // 3
    with smtplib.SMTP("127.0.0.1", 2525, timeout=30) as client:
        client.ehlo("exchange.corp.local")
        client.mail("ann@corp.example", ["BODY=8BITMIME"])
        client.rcpt("bob@script.example")
        for chunk, last in ((message[:third], b""), (message[third:2 * third], b""), (message[2 * third:], b" LAST")):
            client.send(b"BDAT %d%s\r\n" % (len(chunk), last) + chunk)
            code, answer = client.getreply()
            assert code == 250, answer


def send_lines(message):
    send(to=["bob@script.example"], text=message)


CASES = [(signer, what, way) for signer in signers.SIGNERS for way, bodies in (
    (send_lines, BODIES), (send_chunks, BODIES | NO_LAST_LINE_END)) for what in bodies]


@pytest.mark.parametrize("signer, what, way", CASES, ids=lambda value: getattr(value, "__name__", value))
def test_signed(forwarder, scripted, signer, what, way):
    scripted.replies["EHLO"] = "250-scripted\r\n250 8BITMIME"
    label = f"{signer}-{what}-{way.__name__}".encode()
    signed = signers.SIGNERS[signer](HEAD % (label, label) + (BODIES | NO_LAST_LINE_END)[what])
    assert signed.startswith(b"DKIM-Signature: ")
    signers.verify(signed)
    way(signed)
    wait_for(lambda: scripted.messages, "the message")
    (_, raw), = scripted.messages
    assert raw.startswith(b"Received: ") and signed in raw + b"\r\n"
    signers.verify(raw)


def test_they_would_notice(forwarder):
    signed = signers.SIGNERS["dkimpy-simple"](HEAD % (b"x", b"x") + b"hello\r\n")
    for spoilt in (signed.replace(b"hello", b"hallo"), signed.replace(b"  folded", b" folded")):
        with pytest.raises(AssertionError):
            signers.verify(spoilt)
        with pytest.raises(AssertionError):
            signers.opendkim(spoilt)
