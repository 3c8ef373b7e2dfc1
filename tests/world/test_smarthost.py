# SPDX-License-Identifier: ISC
"""Through real smarthosts with a login, and through such as do not deserve one; which one is used when one is down."""

import re
import socket
import time

import pytest

from hostile import Hostile
from hostile_rows import close, ehlo, say_and_close
from relay import send
from smarthosts import EximSmarthost, PostfixSmarthost
from support import BASE, wait_for
from test_clients import make_message
from test_delivery import below_our_line
from ways import PASSWORD, USER

MAKERS = {"exim": EximSmarthost, "postfix": PostfixSmarthost}
SERVERS = [(name, port) for name in MAKERS for port in (587, 465)]
FALSE = "198.51.100.9"  # where the hostile one is
RECORDS = ["one.isp.example. A 198.51.100.20", "two.isp.example. A 198.51.100.21", f"false.isp.example. A {FALSE}"]
LOGIN = BASE / "login"
SECRETS = re.compile(rb"right|YW5u|cmlnaHQ=|AGFubgByaWdodA==", re.I)  # in base64 too


@pytest.fixture(scope="module")
def servers(names, authority):
    """Each is started when a test first asks for it."""
    started = {}

    def get(name):
        if name not in started:
            started[name] = MAKERS[name](authority.issue(MAKERS[name].name))
            started[name].start()
        return started[name]
    return get


@pytest.fixture
def customer(relay, names, authority):
    """Starts the relay with these smarthosts. One line each; AUTH stands for our login."""
    names.add(*RECORDS)
    relay.environment = authority.environment
    LOGIN.parent.mkdir(exist_ok=True)

    def start(*smarthosts, password=PASSWORD, **changes):
        LOGIN.write_text(f"{USER}:{password}\n")
        LOGIN.chmod(0o600)
        settings = {"retry_first": "1h", "retry_max": "1h", **changes}
        return relay.start(smarthost=[line.replace("AUTH", f"auth={LOGIN}") for line in smarthosts], **settings)
    return start


@pytest.fixture
def false():
    """Makes the hostile one."""
    made = []

    def make(acts, tls=None):
        made.append(Hostile(FALSE, acts, tls, port=587))
        return made[-1]
    yield make
    for server in made:
        server.close()
    

def line_for(server, port):
    return f"{server.name}:{port} AUTH" + (" tls=implicit" if port == 465 else "")


def by(state, relay, **message):
    queue_id = send(to=["bob@anywhere.example"], **message)
    (found, _, _, reason, words), = relay.wait_for_outcomes(queue_id)
    assert found == state, words
    return queue_id, reason, words


@pytest.mark.parametrize("name, port", SERVERS)
def test_login(customer, servers, name, port):
    server = servers(name)
    relay = customer(line_for(server, port))
    before = len(server.logins())
    message = make_message(f"logged in at {name} {port}")
    by("delivered", relay, text=message)
    (raw,) = wait_for(lambda: [m for m in server.messages() if f"logged in at {name} {port}".encode() in m], "the message")
    assert below_our_line(raw) == message.replace(b"\r\n", b"\n")
    assert re.search(rb"\bwith esmtpsa\b", raw[:1000], re.I)
    (mechanism, user), = wait_for(lambda: server.logins()[before:], "its log")
    assert user == USER.upper()
    assert name != "exim" or mechanism == {587: "LOGIN", 465: "PLAIN"}[port]


@pytest.mark.parametrize("name, port", SERVERS)
def test_wrong_password(customer, servers, name, port):
    server = servers(name)
    relay = customer(line_for(server, port), password="wr0ngpassw0rd")
    queue_id, reason, words = by("deferred", relay)
    assert reason == "-" and "does not accept our login" in words
    told = relay.run("explain", queue_id).stdout + relay.run("queue", "show", "--json", queue_id).stdout + relay.log
    assert "535" in told
    assert "wr0ngpassw0rd" not in told and "d3IwbmdwYXNzdzByZA" not in told and "AGFubgB3cjBuZ3Bhc3N3MHJk" not in told


# What a false smarthost does, whether it has a good certificate, and what is told.
UNWORTHY = {
    "no STARTTLS": ({"EHLO": ehlo(b"AUTH PLAIN LOGIN")}, True, "TLS"),
    "STARTTLS refused": ({"STARTTLS": b"454 4.7.0 not now\r\n"}, True, "STARTTLS"),
    "another name": ({}, False, "certificate"),
    "no AUTH under TLS": ({}, True, "login"),
    "CRAM-MD5 only": ({"EHLO": lambda wire: wire.say(ehlo(b"AUTH CRAM-MD5", b"STARTTLS"))}, True, "login"),
}


@pytest.mark.parametrize("what", UNWORTHY)
def test_no_password_for(customer, authority, false, what):
    acts, is_genuine, words = UNWORTHY[what]
    tls = authority.context("false.isp.example") if is_genuine else authority.shared
    server = false(acts, tls)
    relay = customer("false.isp.example:587 AUTH")
    queue_id = send(to=["bob@anywhere.example"])
    (state, _, _, _, told), = relay.wait_for_outcomes(queue_id)
    assert state in ("deferred", "held") and words in told, told
    assert words in relay.run("explain", queue_id).stdout
    assert not [line for line in server.commands() if line.upper().startswith((b"AUTH", b"MAIL"))]
    assert not [line for line in server.commands() if SECRETS.search(line)]


def test_a_password_in_the_clear_where_it_is_written_out(customer, false):
    server = false({"EHLO": ehlo(b"AUTH PLAIN"), "AUTH PLAIN": b"235 2.7.0 ok\r\n"})
    relay = customer("false.isp.example:587 tls=none AUTH")
    by("delivered", relay)
    assert [line for line in server.commands() if line == b"AUTH PLAIN AGFubgByaWdodA=="]


@pytest.fixture
def black_hole():
    """A listener whose queue is full: no SYN is answered. The kernel gives up after 3 s (inside), before we do."""
    sockets = [socket.create_server((FALSE, 587), backlog=0)]
    for _ in range(4):
        sockets.append(socket.socket())
        sockets[-1].setblocking(False)
        sockets[-1].connect_ex((FALSE, 587))
    yield
    for each in sockets:
        each.close()


def test_the_second_takes_over_and_the_first_comes_back(customer, servers, false):
    server = servers("exim")
    relay = customer("false.isp.example:587", line_for(server, 587))
    _, _, words = by("delivered", relay)
    assert server.name in words
    first = false({})
    _, _, words = by("delivered", relay)
    assert "false.isp.example" in words and len(first.messages) == 1


def test_only_the_first_message_waits_for_a_black_hole(customer, servers, black_hole):
    server = servers("exim")
    relay = customer("false.isp.example:587", line_for(server, 587))
    times = []
    for _ in range(3):
        began = time.monotonic()
        _, _, words = by("delivered", relay)
        assert server.name in words
        times.append(time.monotonic() - began)
    assert times[0] > 2 and max(times[1:]) < 1.5, times


HANGS_UP = say_and_close(b"250 taken\r\n")  # so that each message has a connection of its own


def test_where_tls_failed_it_is_not_tried_again(customer, authority, false):
    server = false({"STARTTLS": close, "END": HANGS_UP}, authority.shared)
    relay = customer("false.isp.example:587 tls=may")
    for _ in range(3):
        by("delivered", relay)
    assert server.connections == 4 and server.commands().count(b"STARTTLS") == 1
    assert relay.log.count(" tls-fallback ") == 1


def test_an_offer_of_tls_that_is_gone_is_logged_once(customer, authority, false):
    """Row K3."""
    relay = customer("false.isp.example:587 tls=may")
    server = false({"END": HANGS_UP}, authority.shared)
    by("delivered", relay)
    assert server.wires[0].tls and " tls-downgrade " not in relay.log
    server.tls = None
    for _ in range(2):
        by("delivered", relay)
    assert len(server.messages) == 3
    assert relay.log.count(' tls-downgrade to="false.isp.example [198.51.100.9]:587" ') == 1


def test_all_are_down(customer):
    relay = customer("false.isp.example:587", "false.isp.example:588", "nowhere.isp.example:25")
    queue_id, reason, words = by("deferred", relay)
    assert reason == "-" and "isp.example" in words
