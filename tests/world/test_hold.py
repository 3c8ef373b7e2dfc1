# SPDX-License-Identifier: ISC
"""The reason ptrelay exists: what the receiver would refuse is held before any connection, explained,
and delivered by itself when the DNS is right. And what we predict is what a real Postfix does."""

import json

import pytest

from relay import send
from support import wait_for


def no_ptr(names):
    names.remove("25.2.0.192")


def stray_ptr(names):
    names.remove("25.2.0.192")
    names.add("25.2.0.192.in-addr.arpa. PTR mx.dest.example.")


def no_name(names):
    names.remove("25.2.0.192")
    names.remove("mail.corp.example. A")
    names.remove("corp.example. MX")
    names.add("25.2.0.192.in-addr.arpa. PTR other.example.")
    names.add("other.example. A 192.0.2.25")
    names.add("corp.example. MX 10 other.example.")


def no_sender_domain(names):
    names.remove("corp.example. MX")


BROKEN = [
    (no_ptr, "ptr-missing"),
    (stray_ptr, "fcrdns-mismatch"),
    (no_name, "helo-unresolvable"),
    (no_sender_domain, "sender-domain-unresolvable"),
]

# What Postfix says then, and how its words are read. "cannot find your hostname" does not tell
# whether the name is missing or leads elsewhere.
REFUSED = [
    (no_ptr, "cannot find your reverse hostname", "ptr-missing"),
    (stray_ptr, "cannot find your hostname", "ptr-missing"),
    (no_name, "Helo command rejected: Host not found", "helo-unresolvable"),
    (no_sender_domain, "Sender address rejected: Domain not found", "sender-domain-unresolvable"),
]


@pytest.mark.parametrize("damage, reason", BROKEN, ids=[b[1] for b in BROKEN])
def test_held_explained_released(relay, names, postfix, damage, reason):
    damage(names)
    before = postfix.connections()
    relay.start()
    queue_id = send(text=f"Subject: held for {reason}\r\n\r\nx\r\n")
    (recipient,) = relay.wait_for_state("held")
    assert recipient["reason"] == reason
    assert postfix.connections() == before, "no connection was opened"

    explained = relay.run("explain", queue_id)
    assert explained.returncode == 0 and reason in explained.stdout
    checked = relay.run("check", "--from", "ann@corp.example", "--to", "bob@dest.example", "--json")
    assert checked.returncode == 1
    verdict = json.loads(checked.stdout)
    finding = next(c for c in verdict["checks"] if c["reason"] == reason)
    assert finding["action"] == "hold" and finding["remedy"]["records"]
    kit = [a for r in finding["remedy"]["records"] for a in ("--with", r)]
    rehearsed = json.loads(relay.run("check", "--from", "ann@corp.example", "--to", "bob@dest.example",
                                     "--json", *kit).stdout)
    assert all(c["reason"] != reason for c in rehearsed["checks"]), "the kit clears its finding"
    for record in finding["remedy"]["records"]:
        assert record.split(" ")[0].rstrip(".") in explained.stdout

    names.reset()
    relay.wait_until_empty()
    assert any(f"held for {reason}".encode() in m for m in postfix.messages())


@pytest.mark.parametrize("damage, refusal, reason", REFUSED, ids=[b[1] for b in BROKEN])
def test_the_prediction_is_true(relay, names, postfix, damage, refusal, reason):
    damage(names)
    before = len(postfix.refusals())
    relay.start(preflight="off")
    send()
    wait_for(lambda: len(postfix.refusals()) > before, "a refusal by Postfix")
    assert refusal in postfix.refusals()[-1]
    (recipient,) = relay.wait_for_state("held")
    assert recipient["reason"] == reason


def test_the_administrator_hears_once_per_cause(relay, names, postfix):
    no_ptr(names)
    relay.start()
    send()
    send()
    wait_for(lambda: "cause-opened" in relay.log, "the report")
    send()
    names.reset()
    relay.wait_until_empty()
    assert relay.log.count("cause-opened reason=ptr-missing") == 1
    assert relay.log.count("cause-cleared reason=ptr-missing") == 1


def test_a_hold_survives_a_restart(relay, names, postfix):
    no_ptr(names)
    relay.start()
    send(text="Subject: over the restart\r\n\r\nx\r\n")
    relay.wait_for_state("held")
    relay.stop()
    relay.start()
    (recipient,) = relay.wait_for_state("held")
    assert recipient["reason"] == "ptr-missing"
    names.reset()
    relay.wait_until_empty()
    assert any(b"over the restart" in m for m in postfix.messages())


def test_hold_lifetime_ends_in_an_ndr_that_names_the_record(relay, names, exchange):
    no_ptr(names)
    relay.start(hold_lifetime="2s")
    send()
    wait_for(lambda: exchange.messages, "an NDR")
    body = exchange.messages[0][1].decode()
    assert "192.0.2.25 has no PTR record" in body
    assert "25.2.0.192.in-addr.arpa. PTR mail.corp.example." in body
    relay.wait_until_empty()


@pytest.mark.parametrize("mode", ["servfail", "silent"])
def test_a_dns_that_cannot_tell_defers_and_never_holds(relay, resolver, postfix, exchange, mode):
    resolver.mode = mode
    relay.start()
    send(text=f"Subject: dns was {mode}\r\n\r\nx\r\n")
    (recipient,) = relay.wait_for_state("deferred")
    assert recipient["reason"] == "dns-tempfail"
    assert not relay.queue("--state", "held")
    resolver.mode = "pass"
    relay.run("queue", "retry", "--all")
    # What failed is remembered for 30 s (RESOLVER_FAILED_TTL).
    relay.wait_until_empty(seconds=60)
    assert any(f"dns was {mode}".encode() in m for m in postfix.messages())
    assert not exchange.messages, "nothing was bounced"


def test_seed_sender_domain_must_resolve(relay, scripted):
    scripted.replies["MAIL"] = "451 <ann@corp.example>... Sender domain must resolve"
    relay.start()
    queue_id = send(to=("b@script.example",))
    (recipient,) = relay.wait_for_state("held")
    assert recipient["reason"] == "sender-domain-unresolvable"
    explained = relay.run("explain", queue_id).stdout
    assert "Sender domain must resolve" in explained
    scripted.replies = {}
    relay.wait_until_empty()
    assert len(scripted.messages) == 1


def test_seed_temporary_dns_failure(relay, scripted):
    scripted.replies["banner"] = "421 SERVICE NOT AVAILABLE, TEMPORARY DNS FAILURE"
    relay.start()
    queue_id = send(to=("b@script.example",))
    (recipient,) = relay.wait_for_state("deferred")
    assert recipient["reason"] == "dns-tempfail"
    assert "TEMPORARY DNS FAILURE" in relay.run("explain", queue_id).stdout
    scripted.replies = {}
    relay.wait_until_empty()


def test_a_5xx_for_a_dns_reason_waits_for_a_change_and_a_second_one_bounces(relay, names, scripted, exchange):
    scripted.replies["MAIL"] = "550 5.7.25 reverse DNS lookup failed"
    relay.start()
    send(to=("b@script.example",))
    (recipient,) = relay.wait_for_state("held")
    assert recipient["reason"] == "ptr-missing"
    wait_for(lambda: "cause-remembered" in relay.log, "what the DNS says now")
    assert scripted.mails == 1
    names.add("25.2.0.192.in-addr.arpa. PTR mail2.corp.example.")
    names.add("mail2.corp.example. A 192.0.2.25")
    wait_for(lambda: exchange.messages, "an NDR after the second refusal")
    assert scripted.mails == 2
    relay.wait_until_empty()
