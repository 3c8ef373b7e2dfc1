# SPDX-License-Identifier: ISC
"""To real receivers, by every level of TLS: what arrives is what was handed in, and how it came is what the receiver
itself says. Debian 12's OpenSMTPD offers STARTTLS and breaks off every handshake (its key operations are not for
OpenSSL 3): a fine example of a server that says more than it can."""

import re

import pytest

from relay import Relay, send
from support import wait_for
from test_clients import make_message
from test_delivery import below_our_line

DOMAINS = {"postfix": "dest.example", "exim": "exim.example", "sendmail": "sendmail.example", "opensmtpd": "opensmtpd.example"}
LEVELS = {"none": "ESMTP", "may": "ESMTPS", "verify": "ESMTPS"}  # as the receiver's Received field has it (RFC 3848)
FIRST_FIELD = re.compile(rb"^Received: (?:.*\n)(?:[ \t].*\n)*", re.M)


def records():
    """A domain for each level; that of "wrong" has a server whose certificate is of another name."""
    for domain in DOMAINS.values():
        yield from (f"{level}.{domain}. MX 10 mx.{domain}." for level in (*LEVELS, "encrypt"))
        yield f"wrong.{domain}. MX 10 wrong-mx.{domain}."
    for number, domain in zip((7, 10, 11, 12), DOMAINS.values()):
        yield f"wrong-mx.{domain}. A 198.51.100.{number}"


def policies():
    return [f"{label}.{domain} {level}" for domain in DOMAINS.values()
            for label, level in (("none", "none"), ("verify", "verify"), ("wrong", "verify"))]


@pytest.fixture(scope="module")
def secure(request, names, resolver, authority):
    names.reset()
    names.add(*records())
    made = Relay(request.config.getoption("--binary"))
    made.wipe()
    made.environment = authority.environment
    made.start(tls_policy=policies(), destination_concurrency=1, retry_first="1h", retry_max="1h")
    yield made
    made.stop()


@pytest.fixture(params=DOMAINS)
def receiver(request):
    return request.getfixturevalue(request.param)


def domain_of(receiver):
    return DOMAINS[type(receiver).__name__.lower()]


def arrived(receiver, marker, count=1):
    def all_of_them():
        found = [raw for raw in receiver.messages() if marker in raw]
        return found if len(found) >= count else None
    return wait_for(all_of_them, f"{count} x {marker} at {receiver.directory.name}")


def can_tls(receiver):
    return domain_of(receiver) != "opensmtpd.example"


@pytest.mark.parametrize("level", LEVELS)
def test_level(secure, receiver, level):
    subject = f"{level} to {domain_of(receiver)}"
    message = make_message(subject)
    queue_id = send(to=[f"rcpt@{level}.{domain_of(receiver)}"], text=message)
    (state, *_, words), = secure.wait_for_outcomes(queue_id)
    if level == "verify" and not can_tls(receiver):
        assert state == "deferred" and "broke off the handshake" in words, words
        return
    assert state == "delivered", words
    (raw,) = arrived(receiver, subject.encode())
    assert below_our_line(raw) == message.replace(b"\r\n", b"\n")
    theirs = FIRST_FIELD.search(raw)[0].decode()
    expected = LEVELS[level] if can_tls(receiver) else "ESMTP"
    assert re.search(r"\bwith (ESMTPS?)\b", theirs, re.I)[1].upper() == expected, theirs


def test_another_name_is_deferred_and_nothing_is_sent(secure, receiver):
    domain = f"wrong.{domain_of(receiver)}"
    queue_id = send(to=[f"rcpt@{domain}"], text="Subject: wrong name\r\n\r\nx\r\n")
    (state, _, _, reason, words), = secure.wait_for_outcomes(queue_id)
    assert (state, reason) == ("deferred", "-"), words
    explained = secure.run("explain", queue_id).stdout
    assert "certificate" in explained, explained
    assert f"wrong-mx.{domain_of(receiver)}" in explained
    assert not [raw for raw in receiver.messages() if b"wrong name" in raw]


def test_many_messages_over_one_connection(secure, receiver):
    before = receiver.connections()
    marker = f"many to {domain_of(receiver)}"
    for number in range(20):
        send(to=[f"rcpt@{domain_of(receiver)}"], text=make_message(f"{marker} {number}"))
    arrived(receiver, marker.encode(), 20)
    assert receiver.connections() - before <= 2, "they went one after another"


def test_all_recipients_in_one_transaction(secure, receiver):
    recipients = [f"rcpt+{number}@{domain_of(receiver)}" for number in range(60)]
    queue_id = send(to=recipients, text=make_message("one transaction"))
    found = secure.wait_for_outcomes(queue_id, 60)
    assert {state for state, *_ in found} == {"delivered"}
    assert len({words for *_, words in found}) == 1, "all have the same reply"
