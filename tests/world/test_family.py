# SPDX-License-Identifier: ISC
"""IPv4 and IPv6 are judged apart: mail leaves by the family that is fit, and the log says why not by
the other one."""

import ipaddress

import pytest

from receiver import Receiver
from relay import send
from support import wait_for

BOTH = ["192.0.2.25", "2001:db8::25"]
PTR6 = ipaddress.ip_address("2001:db8::25").reverse_pointer + ". PTR mail.corp.example."


@pytest.fixture(scope="module")
def _scripted6():
    receiver = Receiver("2001:db8::7", 25)
    yield receiver
    receiver.stop()


@pytest.fixture
def scripted6(_scripted6, names, relay):
    """mx.script.example listens in both families, and so do we: only our IPv6 address has no PTR."""
    _scripted6.reset()
    names.add("mx.script.example. AAAA 2001:db8::7")
    names.add("mail.corp.example. AAAA 2001:db8::25")
    return _scripted6


@pytest.mark.parametrize("order", [BOTH, BOTH[::-1]], ids=["v4-first", "v6-first"])
def test_the_family_without_ptr_is_left_out(relay, scripted, scripted6, order):
    relay.start(public_ip=order)
    send(to=("b@script.example",))
    relay.wait_until_empty()
    assert len(scripted.messages) == 1 and scripted6.connections == 0
    assert "source-left-out" in relay.log
    assert "IPv6 2001:db8::25 left out: ptr-missing" in relay.log


def test_explain_names_the_family_left_out(relay, scripted, scripted6):
    scripted.replies["RCPT"] = "450 4.2.0 later"
    relay.start(public_ip=BOTH[::-1])
    queue_id = send(to=("b@script.example",))
    relay.wait_for_state("deferred")
    assert "IPv6 2001:db8::25 left out: ptr-missing" in relay.run("explain", queue_id).stdout
    scripted.replies = {}
    relay.wait_until_empty()


def test_ipv6_is_used_when_it_is_the_fit_one(relay, names, scripted, scripted6):
    names.add(PTR6)
    names.remove("25.2.0.192")
    relay.start(public_ip=BOTH)
    send(to=("b@script.example",))
    relay.wait_until_empty()
    assert len(scripted6.messages) == 1 and scripted.connections == 0
    assert "IPv4 192.0.2.25 left out: ptr-missing" in relay.log


def test_a_family_the_recipient_lacks_does_not_help(relay, names, postfix, scripted6):
    names.add(PTR6)
    names.remove("25.2.0.192")
    relay.start(public_ip=BOTH)
    send(to=("bob@dest.example",))
    (recipient,) = relay.wait_for_state("held")
    assert recipient["reason"] == "ptr-missing"
    names.add("25.2.0.192.in-addr.arpa. PTR mail.corp.example.")
    relay.wait_until_empty()


def test_whoever_can_use_the_other_family_leaves_when_that_is_mended(relay, names, postfix, scripted, scripted6):
    names.remove("25.2.0.192")
    relay.start(public_ip=BOTH)
    send(to=("bob@dest.example",))  # over IPv4 only
    send(to=("b@script.example",))
    relay.wait_for_state("held", 2)
    wait_for(lambda: "cause-opened reason=ptr-missing" in relay.log, "the cause")
    names.add(PTR6)
    wait_for(lambda: scripted6.messages, "the message over IPv6")
    assert scripted.connections == 0
    (recipient,) = relay.wait_for_state("held")
    assert recipient["domain"] == "dest.example"
    names.add("25.2.0.192.in-addr.arpa. PTR mail.corp.example.")
    relay.wait_until_empty()
    assert relay.log.count("cause-opened") == 1 and relay.log.count("cause-cleared") == 1


def test_after_a_restart_the_family_that_was_held_is_asked_about(relay, names, scripted6):
    names.remove("mx.script.example. A")
    names.add("mx.script.example. AAAA 2001:db8::7")
    relay.start(public_ip=BOTH)
    send(to=("b@script.example",))
    relay.wait_for_state("held")
    relay.stop()
    relay.start(public_ip=BOTH)
    wait_for(lambda: "cause-opened" in relay.log, "its fault to be seen again")
    assert "released" not in relay.log
    names.add(PTR6)
    relay.wait_until_empty()


def test_when_nobody_answers_the_other_family_is_tried(relay, names, scripted, scripted6):
    names.add(PTR6)
    names.remove("mx.script.example. AAAA")
    names.add("mx.script.example. AAAA 2001:db8::99")  # nobody has this address
    relay.start(public_ip=BOTH[::-1])
    send(to=("b@script.example",))
    wait_for(lambda: scripted.messages, "the message over IPv4")
    relay.wait_until_empty()
    assert "left out" not in relay.log, "both were fit"
