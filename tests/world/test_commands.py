# SPDX-License-Identifier: ISC
"""The command line against a running relay: verbs, filters, exit codes, errors at the start."""

import json
import socket

import pytest

from relay import Relay, send
from support import BASE, wait_for


@pytest.fixture
def held(relay, names):
    """Two held messages: one to two recipients."""
    names.remove("25.2.0.192")
    relay.start()
    first = send(to=("a@script.example", "b@script.example"))
    second = send(sender="", to=("c@script.example",))
    relay.wait_for_state("held", 3)
    return first, second


def states(relay):
    return sorted((r["address"], r["state"]) for r in relay.recipients() if r["state"] != "deleted")


def test_list_and_show(relay, held):
    text = relay.run("queue", "list").stdout.splitlines()
    assert text[0].split() == ["ID", "AGE", "SIZE", "STATE", "TRIES", "NEXT", "FROM", "TO", "REASON"]
    (message,) = relay.queue("--to", "C@*")
    assert set(message) == {"id", "state", "received", "size", "from", "recipients"}
    assert set(message["recipients"][0]) == {"address", "domain", "state", "reason", "attempts",
                                             "next_attempt", "last_reply"}
    assert message["id"] == held[1] and message["from"] == ""
    assert relay.run("queue", "show", held[0]).returncode == 0
    body = relay.run("queue", "cat", held[0]).stdout
    assert body.startswith("Received: from exchange.corp.local") and "hello" in body
    assert relay.run("queue", "show", "00000000ZZ").returncode == 1


def test_filters_select_recipients(relay, held):
    assert len(relay.queue("--reason", "ptr-missing")) == 2
    assert not relay.queue("--reason", "spf-fail")
    assert relay.run("queue", "delete", "--to", "a@*").returncode == 0
    assert states(relay) == [("b@script.example", "held"), ("c@script.example", "held")]
    assert relay.run("queue", "delete", "--all").returncode == 64, "it wants --yes"
    assert relay.run("queue", "delete").returncode == 64
    assert relay.run("queue", "delete", "--all", "--yes").returncode == 0
    wait_for(lambda: not relay.queue(), "an empty queue")


def test_release_skips_the_preflight_and_only_a_reply_holds_again(relay, held, scripted):
    assert relay.run("queue", "release", held[0]).returncode == 0
    wait_for(lambda: scripted.messages, "the released message")
    assert scripted.messages[0][0]["to"] == ["a@script.example", "b@script.example"]


def test_retry_applies_the_preflight(relay, held, scripted):
    assert relay.run("queue", "retry", held[0]).returncode == 0
    wait_for(lambda: [r for r in relay.recipients() if r["attempts"] == 2], "a second attempt")
    relay.wait_for_state("held", 3)
    assert not scripted.connections


def test_hold_by_hand_is_not_released_by_itself(relay, names, held, scripted):
    assert relay.run("queue", "hold", held[0]).returncode == 0
    names.reset()
    wait_for(lambda: len(relay.queue()) == 1, "the other message to leave")
    assert {r["reason"] for r in relay.recipients()} == {"manual"}
    assert relay.run("queue", "retry", held[0]).returncode == 0
    relay.wait_until_empty()
    assert len(scripted.messages) == 2


def test_bounce_tells_the_sender(relay, held, exchange):
    assert relay.run("queue", "bounce", held[0]).returncode == 0
    wait_for(lambda: exchange.messages, "an NDR")
    assert exchange.messages[0][1].count(b"Final-Recipient") == 2


def test_without_a_daemon_reading_works_and_changing_does_not(relay, held):
    relay.stop()
    assert len(relay.queue()) == 2
    assert relay.run("queue", "cat", held[0]).returncode == 0
    assert "192.0.2.25 has no PTR record" in relay.run("explain", held[0]).stdout
    assert relay.run("queue", "retry", "--all").returncode == 69
    assert relay.run("status").returncode == 69


def test_status(relay, held):
    assert relay.run("status").returncode == 0
    assert json.loads(relay.run("status", "--json").stdout)


def start_fails(relay, code, words, **changes):
    relay.configure(**changes)
    result = relay.run("serve")
    assert result.returncode == code, result.stderr
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1, "one clear line"


def test_what_keeps_it_from_starting(relay):
    other = Relay(relay.binary)
    start_fails(other, 78, "ptrelay.conf:", hostname="localhost")
    start_fails(other, 78, "did you mean 'hostname'", hostnam="x", hostname="mail.corp.example")
    (BASE / "relay" / "file").write_text("")
    start_fails(other, 74, "file", spool_dir=str(BASE / "relay" / "file"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 2599))
        taken.listen()
        start_fails(other, 74, "127.0.0.1:2599", listen="127.0.0.1:2599")
    relay.start()
    start_fails(other, 75, "another ptrelay", listen="127.0.0.1:2598")
    relay.configure()


def test_check_needs_no_configuration(relay, names):
    result = relay.run("check", "--ip", "192.0.2.25", "--ehlo", "mail.corp.example", "--from",
                       "ann@corp.example", "--resolver", "127.0.0.1", "--json", config=False)
    assert result.returncode == 0, result.stderr
    verdict = json.loads(result.stdout)
    assert verdict["verdict"] in ("clear", "warn")
    names.remove("25.2.0.192")
    result = relay.run("check", "--ip", "192.0.2.25", "--ehlo", "mail.corp.example", "--from", "<>",
                       "--resolver", "127.0.0.1", config=False)
    assert result.returncode == 1
    assert "25.2.0.192.in-addr.arpa. PTR mail.corp.example." in result.stdout
    assert "2.0.192.in-addr.arpa" in result.stdout and "hostmaster@isp.example" in result.stdout


def test_nobody_else_may_relay(relay, scripted):
    relay.start(allow="10.0.0.1")
    with pytest.raises(AssertionError, match="relay"):
        send(to=("b@script.example",))
