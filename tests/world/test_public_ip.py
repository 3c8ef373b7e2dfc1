# SPDX-License-Identifier: ISC
"""Nobody told ptrelay its public address (behind a NAT): it learns it from what receivers say. And when
the configured one is not what they see, it says so."""

import json

import pytest

from receiver import Receiver
from relay import send
from support import wait_for

SEEN = "250 scripted at your service, [192.0.2.25]"


@pytest.fixture(scope="module")
def _elsewhere():
    receiver = Receiver("203.0.113.8", 25)
    yield receiver
    receiver.stop()


@pytest.fixture
def elsewhere(_elsewhere, names, relay):
    """A receiver of another organisation in another network."""
    _elsewhere.reset()
    names.add("elsewhere.example. MX 10 mx.elsewhere.example.")
    names.add("mx.elsewhere.example. A 203.0.113.8")
    return _elsewhere


def address(relay):
    return json.loads(relay.run("status", "--json").stdout)["public_ips"][0]


def test_learned_from_greetings_and_used(relay, names, scripted, elsewhere):
    names.remove("25.2.0.192")
    scripted.replies["EHLO"] = elsewhere.replies["EHLO"] = SEEN
    relay.start(public_ip="auto")
    assert "public-ip-unknown family=IPv4" in relay.log
    assert address(relay)["origin"] == "unknown"

    send(to=("b@script.example",))
    relay.wait_until_empty()
    assert len(scripted.messages) == 1, "sent, though our address could not be checked"
    assert "public-ip-learned" not in relay.log, "one receiver alone is not believed"
    send(to=("b@elsewhere.example",))
    relay.wait_until_empty()
    assert relay.log.count("public-ip-learned ip=192.0.2.25") == 1
    assert address(relay)["ip"] == "192.0.2.25" and address(relay)["origin"] == "learned"
    assert "192.0.2.25 (learned)" in relay.run("status").stdout

    send(to=("b@script.example",))  # from now on our address is judged
    (recipient,) = relay.wait_for_state("held")
    assert recipient["reason"] == "ptr-missing"
    names.add("25.2.0.192.in-addr.arpa. PTR mail.corp.example.")
    relay.wait_until_empty()


def test_a_refusal_tells_it_too_and_the_configured_one_stays(relay, names, scripted, elsewhere):
    names.add("26.2.0.192.in-addr.arpa. PTR mail26.corp.example.")
    names.add("mail26.corp.example. A 192.0.2.26")
    scripted.replies["EHLO"] = SEEN
    elsewhere.replies["RCPT"] = "450 4.7.25 Client host rejected: no PTR record for 192.0.2.25"
    relay.start(public_ip="192.0.2.26")
    send(to=("b@script.example", "b@elsewhere.example"))
    wait_for(lambda: "public-ip-contradiction configured=192.0.2.26 seen=192.0.2.25" in relay.log, "the contradiction")
    assert address(relay)["ip"] == "192.0.2.26" and address(relay)["origin"] == "configured"
    assert address(relay)["contradiction"] == "192.0.2.25"
    assert "but receivers see 192.0.2.25 instead of 192.0.2.26" in relay.run("status").stdout
    elsewhere.replies = {}
    relay.run("queue", "retry", "--all")
    relay.wait_until_empty()


def test_hostname_auto_is_the_name_of_our_address(relay, scripted):
    relay.start(hostname="auto")
    assert "ready host=mail.corp.example" in relay.log
    assert json.loads(relay.run("check", "--json").stdout)["ehlo"] == "mail.corp.example"
    send(to=("b@script.example",))
    relay.wait_until_empty()
    assert b"by mail.corp.example" in scripted.messages[0][1]


def test_told_to_stop_while_it_looks_for_its_name(relay, resolver):
    resolver.mode = "silent"
    relay.launch(hostname="auto")
    relay.process.terminate()
    resolver.mode = "pass"
    relay.stop()
    assert "stopped messages=0" in relay.log
