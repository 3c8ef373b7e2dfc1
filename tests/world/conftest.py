# SPDX-License-Identifier: ISC
"""One DNS and one Postfix for all tests; a fresh relay and a good world for each."""

import json

import pytest

from authority import Authority
from exim import Exim
from names import FaultyResolver, Names
from opensmtpd import OpenSmtpd
from postfix import CLIENT, RECEIVER, Postfix
from receiver import Receiver
from relay import Relay
from sendmail import Sendmail


def pytest_addoption(parser):
    parser.addoption("--binary", required=True)


@pytest.fixture(scope="session")
def names():
    world = Names()
    world.start()
    yield world
    world.stop()


@pytest.fixture(scope="session")
def resolver(names):
    return FaultyResolver()


@pytest.fixture(scope="session")
def authority():
    return Authority()


@pytest.fixture(scope="session")
def postfix(names, authority):
    instance = Postfix("receiver", RECEIVER, "198.51.100.7", 25, "2001:db8::107", authority.issue("mx.dest.example"))
    instance.start()
    return instance


def start_receiver(server, authority, name, number):
    """One of the receivers of the matrix."""
    instance = server(name, f"198.51.100.{number}", address6=f"2001:db8::1{number}",
                      certificate=authority.issue(f"mx.{name}.example"))
    instance.start()
    return instance


@pytest.fixture(scope="session")
def exim(names, authority):
    return start_receiver(Exim, authority, "exim", 10)


@pytest.fixture(scope="session")
def sendmail(names, authority):
    return start_receiver(Sendmail, authority, "sendmail", 11)


@pytest.fixture(scope="session")
def opensmtpd(names, authority):
    return start_receiver(OpenSmtpd, authority, "opensmtpd", 12)


@pytest.fixture(scope="session")
def postfix_client(names):
    instance = Postfix("client", CLIENT, "127.0.0.4", 2527)
    instance.start()
    return instance


@pytest.fixture(scope="session")
def _scripted():
    return Receiver("198.51.100.8", 25)


@pytest.fixture(scope="session")
def _exchange():
    return Receiver("127.0.0.2", 2526)


@pytest.fixture
def scripted(_scripted):
    _scripted.reset()
    return _scripted


@pytest.fixture
def exchange(_exchange):
    _exchange.reset()
    return _exchange


@pytest.fixture(scope="session")
def check(request):
    """`ptrelay check` without a configuration: gives the verdict for these arguments."""
    ptrelay = Relay(request.config.getoption("--binary"))

    def run(*arguments):
        result = ptrelay.run("check", "--json", "--resolver", "127.0.0.1", *arguments, config=False)
        assert result.returncode in (0, 1, 75), result.stderr
        return json.loads(result.stdout)
    return run


@pytest.fixture
def relay(request, names, resolver, exchange):
    names.reset()
    resolver.mode = "pass"
    instance = Relay(request.config.getoption("--binary"))
    instance.wipe()
    yield instance
    instance.stop()
