# SPDX-License-Identifier: ISC
"""What hostile receivers do (hostile_rows.py, hostile_tls.py), what is told of it, and that nothing is left of it: a clean
session is served within a second after each, and in the end the descriptors are those of before."""

import json
import os
import re
import smtplib
import threading
from dataclasses import replace

import pytest

from hostile import Hostile
from hostile_rows import PLAIN_ROWS, Row, close
from hostile_tls import TLS_ROWS
from leftovers import clean_session, descriptors, settle
from relay import Relay
from support import wait_for
from test_receiving import read_report

ADDRESSES = [f"198.51.100.{i}" for i in range(100, 200)] + [f"192.0.2.{i}" for i in range(100, 250)]
SETTINGS = {"retry_first": "1h", "retry_max": "1h", "client_session_limit": "50"}
ROWS = PLAIN_ROWS + TLS_ROWS
LATER = {name: ADDRESSES[len(ROWS) + i] for i, name in enumerate(("J22-gone-after-MAIL", "J22-gone-at-once"))}
BY_DEFAULT = Row("by default", {}, "delivered")


def domain_of(name):
    return re.sub(r"[^a-z0-9]", "-", name.lower()) + ".hostile.example"


def records(names_of):
    return [record for name, address in zip(names_of, ADDRESSES) for record in
            (f"{domain_of(name)}. MX 10 mx.{domain_of(name)}.", f"mx.{domain_of(name)}. A {address}")]


FIRST, SECOND = ADDRESSES[-2:]  # and two names for one
TWO_SERVERS = [f"two.hostile.example. MX {number} mx{number}.hostile.example." for number in (10, 20)] + [
    f"mx10.hostile.example. A {FIRST}", f"mx20.hostile.example. A {SECOND}",
    "one.hostile.example. MX 10 mx10.hostile.example.", "same.hostile.example. MX 10 mx30.hostile.example.",
    f"mx30.hostile.example. A {FIRST}"]


@pytest.fixture(scope="module")
def victim(request, names, resolver, postfix, authority):
    names.reset()
    names.add(*records([row.name for row in ROWS] + list(LATER)), *TWO_SERVERS)
    made = Relay(request.config.getoption("--binary"))
    made.wipe()
    made.environment = authority.environment
    made.start(tls_policy=[f"{domain_of(row.name)} {row.level}" for row in TLS_ROWS], **SETTINGS)
    clean_session()
    settle(made)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def before(victim):
    """Its descriptors before all, but for a connection that is kept for the next message."""
    return descriptors(victim)


def hand_in(row, domain=None):
    """Returns the id."""
    domain = domain or domain_of(row.name)
    with smtplib.SMTP("127.0.0.1", 2525, timeout=10) as client:
        client.ehlo("exchange.corp.local")
        client.command_encoding = "utf-8"
        assert client.mail(row.sender, row.options)[0] == 250
        for recipient in row.recipients:
            assert client.rcpt(f"{recipient}@{domain}")[0] == 250
        code, answer = client.data(row.body)
        assert code == 250, answer
        return answer.decode().split()[-1]


def check_told(relay, queue_id, row):
    """The queue says the same as the log, and neither lets through what would move a terminal."""
    shown = json.loads(relay.run("queue", "show", "--json", queue_id).stdout)
    for recipient in shown["recipients"]:
        assert re.fullmatch(row.state, recipient["state"]), shown
        assert re.fullmatch(row.reason, recipient["reason"] or "-"), shown
        assert len(recipient["last_reply"] or "") <= 1100
    explained = relay.run("explain", queue_id).stdout
    assert re.search(row.words, " ".join(explained.split())), explained
    assert not re.search(r"[\0-\x08\x0b-\x1f\x7f]", explained), repr(explained)


def check_report(exchange, row):
    (report,) = wait_for(lambda: exchange.messages, "a report")
    _, words, _, of_recipients, _ = read_report(report)
    assert [fields["Action"] for fields in of_recipients] == ["failed"] * len(row.recipients)
    name = row.recipients[0].replace("ø", r"\x{F8}")  # RFC 6533 3
    assert of_recipients[0]["Final-Recipient"].endswith(f" {name}@{domain_of(row.name)}")
    assert re.search(row.words, " ".join(words.split())), words
    assert not re.search(r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f]", words), repr(words)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row(victim, before, exchange, authority, row):
    tls = row.tls and row.tls(authority, "mx." + domain_of(row.name))
    server = Hostile(ADDRESSES[ROWS.index(row)], row.acts, tls, extensions=row.extensions)
    server.row, server.released = row, threading.Event()
    queue_id = hand_in(row)
    (state, _, _, reason, words), *_ = victim.wait_for_outcomes(queue_id, len(row.recipients))
    assert re.fullmatch(row.state, state), words
    assert re.fullmatch(row.reason, reason), words
    assert re.search(row.words, words), words
    if state in ("deferred", "held"):
        check_told(victim, queue_id, row)
    if state == "bounced":
        check_report(exchange, row)
    if row.check:
        row.check(server)
    if row.logged:
        assert re.search(rf" {row.logged} .*mx\.{domain_of(row.name)}", victim.log)
    clean_session()
    if not row.stays:
        server.close()
    assert row.connections in (None, server.connections)
    assert not server.failures


# What the first of two servers does, and whether the second is asked.
DOORS = [
    ("is not there", None, True),
    ("closes", {"banner": close}, True),
    ("says no SMTP", {"banner": b"SSH-2.0-OpenSSH_9.2\r\n"}, True),
    ("421 banner", {"banner": b"421 4.3.2 busy\r\n"}, True),
    ("554 banner", {"banner": b"554 5.3.2 no mail here\r\n"}, True),
    ("421 EHLO", {"EHLO": b"421 4.3.2 busy\r\n"}, True),
    ("450 RCPT", {"RCPT": b"450 4.2.0 later\r\n"}, False),
    ("550 RCPT", {"RCPT": b"550 5.1.1 no\r\n"}, False),
]


@pytest.mark.parametrize("what, acts, is_second_asked", DOORS, ids=[what for what, _, _ in DOORS])
def test_of_two_servers(victim, exchange, what, acts, is_second_asked):
    first = Hostile(FIRST, acts) if acts else None
    second = Hostile(SECOND)
    queue_id = hand_in(BY_DEFAULT, "two.hostile.example")
    (state, *_), = victim.wait_for_outcomes(queue_id)
    if state == "bounced":
        wait_for(lambda: exchange.messages, "the report, which the next test is not to find")
    assert second.connections == is_second_asked
    assert (state == "delivered") == is_second_asked
    if first:
        assert first.connections == 1
        first.close()
    second.close()


def test_each_recipient_has_its_own_fate(victim, exchange):
    """Row J10."""
    answers = {"ok": b"250 ok", "later": b"450 4.2.1 later", "gone": b"550 5.1.1 gone", "full": b"552 5.2.2 full"}
    server = Hostile(FIRST, {f"RCPT TO:<{name}": answer + b"\r\n" for name, answer in answers.items()})
    row = replace(BY_DEFAULT, recipients=tuple(answers))
    queue_id = hand_in(row, "two.hostile.example")
    found = victim.wait_for_outcomes(queue_id, 4)
    assert {to.split("@")[0]: state for state, _, to, _, _ in found} == {
        "ok": "delivered", "later": "deferred", "gone": "bounced", "full": "bounced"}
    assert len(server.messages) == 1
    (report,) = wait_for(lambda: exchange.messages, "one report for both")
    assert [fields["Status"] for fields in read_report(report)[3]] == ["5.1.1", "5.2.2"]
    server.close()


def test_sessions_are_of_one_name(victim, exchange, authority):
    """Row K11: two names for one address; what was agreed on with one is not said to the other."""
    server = Hostile(FIRST, {"END": lambda wire: wire.say(b"250 taken\r\n") or wire.end()}, authority.shared)
    for domain in ("one", "one", "same"):
        (state, *_), = victim.wait_for_outcomes(hand_in(BY_DEFAULT, f"{domain}.hostile.example"))
        assert state == "delivered"
    assert [wire.resumed for wire in server.wires] == [False, True, False]
    server.close()


@pytest.mark.parametrize("name, acts, most", (
    ("J22-gone-after-MAIL", {"MAIL": close}, 200), ("J22-gone-at-once", {"banner": close}, 20)))
def test_no_hot_loop(victim, exchange, name, acts, most):
    """Row J22: a connection for each of many messages, or none while nobody answers there."""
    server = Hostile(LATER[name], acts)
    ids = {hand_in(BY_DEFAULT, domain_of(name)) for _ in range(200)}
    wait_for(lambda: ids <= {queue_id for _, queue_id, *_ in victim.outcomes()}, "all of them to be deferred")
    assert {state for state, queue_id, *_ in victim.outcomes() if queue_id in ids} == {"deferred"}
    clean_session()
    server.close()
    assert server.connections <= most


def test_nothing_is_left(victim, before):
    text = victim.log
    assert not re.search(r"[\0-\x08\x0b-\x1f\x7f-\x9f]", text), "the log is clean"
    folder = f"/proc/{victim.process.pid}/fd"
    wait_for(lambda: len(os.listdir(folder)) == before, f"{before} descriptors, there are {os.listdir(folder)}", 15)
