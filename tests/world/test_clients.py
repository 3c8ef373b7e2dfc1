# SPDX-License-Identifier: ISC
"""Real clients have us as their smarthost, by every way; what they hand in arrives behind us byte for byte."""

import smtplib
import socket
import ssl
import subprocess
import warnings
from dataclasses import replace

import pytest

from exim import EximClient
from opensmtpd import OpenSmtpdClient
from postfix import PostfixClient
from relay import Relay
from sendmail import SendmailClient
from support import BASE, wait_for, wait_for_port
from test_receiving import read_report
from ways import KNOWN, PASSWORD, PRESETS, TRANSPORTS, USER, WAYS, Way

HERE = "127.0.0.4"  # where the clients themselves take mail
SERVERS = {
    "postfix": lambda: PostfixClient("postfix-client", HERE, 2530),
    "exim": lambda: EximClient("exim-client", HERE, 2531),
    "sendmail": lambda: SendmailClient("sendmail-client", HERE, 2532),
    "opensmtpd": lambda: OpenSmtpdClient("opensmtpd-client", HERE, 2533),
}
CANNOT = {("sendmail", "implicit"), ("sendmail", "implicit-auth"), ("opensmtpd", "plain-auth")}
CERTIFICATE, KEY, USERS = (BASE / f"clients.{end}" for end in ("pem", "key", "users"))
OLD = Way("tls-1.0", KNOWN, 2466, "tls_min=1.0", "starttls")


def settings(binary):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", KEY, "-out", CERTIFICATE,
                    "-days", "30", "-subj", "/CN=mail.corp.example"], check=True, capture_output=True)
    USERS.write_text(subprocess.run([binary, "config", "user", USER], input=PASSWORD + "\n", text=True,
                                    capture_output=True, check=True).stdout)
    for secret in (KEY, USERS):
        secret.chmod(0o600)
    return {"listen": [way.listen for way in (*WAYS, OLD)], "smarthost": "198.51.100.8:25", "preflight": "off",
            "tls_cert": CERTIFICATE, "tls_key": KEY, "auth_users": USERS, "client_session_limit": 200}


@pytest.fixture(scope="module")
def smarthost(request, names, resolver):
    names.reset()
    made = Relay(request.config.getoption("--binary"))
    made.wipe()
    made.start(**settings(made.binary))
    for way in WAYS:
        wait_for_port(way.address, way.port)
    yield made
    made.stop()


@pytest.fixture
def behind(scripted):
    scripted.replies["EHLO"] = "250-scripted\r\n250 8BITMIME"
    return scripted


@pytest.fixture(scope="module")
def servers(names):
    """Each is started when a test first asks for it."""
    started = {}

    def get(name):
        if name not in started:
            started[name] = SERVERS[name]()
            started[name].start()
        return started[name]
    return get


def make_message(subject, eight_bit=True):
    head = (f"From: Ann <ann@corp.example>\r\nTo: Bob <bob@dest.example>\r\nSubject: {subject}\r\n"
            "Date: Tue, 24 Nov 2026 12:00:00 +0000\r\nMessage-Id: <1@corp.example>\r\nMIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=iso-8859-1\r\n"
            f"Content-Transfer-Encoding: {'8bit' if eight_bit else '7bit'}\r\nX-Folded: one\r\n\ttwo\r\n\r\n")
    body = [".", "..", ".dot", "", "blanks at the end \t ", "From the first column", "y" * 990,
            "b\xf6dy" if eight_bit else "body", *(f".{i} " + "z" * (i % 70) for i in range(2000)), "end"]
    return head.encode() + "\r\n".join(body).encode("latin-1") + b"\r\n"


def below(field_start, text):
    """The first field, unfolded as it stands, and what is below it."""
    lines = text.split(b"\r\n")
    assert lines[0].startswith(field_start), text[:300]
    end = next(i for i, line in enumerate(lines[1:], 1) if not line.startswith((b" ", b"\t")))
    return b"\r\n".join(lines[:end]).decode(), b"\r\n".join(lines[end:])


def check_arrival(behind, smarthost, way, message, by=None):
    """Behind us: our Received field, that of the client `by`, and then what was handed in."""
    wait_for(lambda: behind.messages, f"a message by {way.name}; {smarthost.log[-2000:]}")
    (envelope, raw), = behind.messages
    assert (envelope["from"], envelope["to"]) == ("ann@corp.example", [way.recipient])
    ours, rest = below(b"Received: from ", raw)
    assert f" with {way.protocol} " in ours, ours
    assert ("(TLSv1.3 " in ours) == (way.tls != "none")
    if by:
        theirs, rest = below(b"Received: from ", rest)
        assert by in theirs.lower()
    assert rest == message
    smarthost.wait_until_empty()


MTAS = [(name, way) for name in SERVERS for way in WAYS if (name, way.name) not in CANNOT]


@pytest.mark.parametrize("name, way", MTAS, ids=[f"{name}-{way.name}" for name, way in MTAS])
def test_server(smarthost, behind, servers, name, way):
    server = servers(name)
    message = make_message(f"{name} {way.name}", eight_bit=way.name != "exchange55")  # has no 8BITMIME
    with smtplib.SMTP(server.address, server.port, timeout=30) as client:
        client.sendmail("ann@corp.example", [way.recipient], message)
    check_arrival(behind, smarthost, way, message, by=name)
    if name == "exim":
        (line,) = wait_for(lambda: [line for line in server.log.splitlines() if f"=> {way.recipient}" in line], "its log")
        assert (" K " in line) == (way.chunking and way.name != "exchange55"), f"K is CHUNKING: {line}"


SWAKS_TLS = {"none": [], "starttls": ["--tls"], "implicit": ["--tls-on-connect"], "may": ["--tls-optional"]}
SWAKS = [(way, mechanism) for way in WAYS for mechanism in (("PLAIN", "LOGIN") if way.auth else (None,))]


@pytest.mark.parametrize("way, mechanism", SWAKS, ids=lambda value: getattr(value, "name", value))
def test_swaks(smarthost, behind, way, mechanism):
    message = make_message(f"swaks {way.name} {mechanism}", eight_bit=False)
    login = ["--auth", mechanism, "--auth-user", USER, "--auth-password", PASSWORD] if mechanism else []
    result = subprocess.run(["swaks", "--server", way.address, "--port", str(way.port), "--from", "ann@corp.example",
                             "--to", way.recipient, "--data", "-", *SWAKS_TLS[way.tls], *login],
                            input=message.decode()[:-2], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout[-2000:]
    check_arrival(behind, smarthost, way, message)


def context():
    return ssl.create_default_context(cafile=CERTIFICATE)


def connect(way, tls=None):
    """As a client of this way would, logged in if it has to."""
    tls = tls or context()
    tls.check_hostname = False  # of an address
    if way.tls == "implicit":
        client = smtplib.SMTP_SSL(way.address, way.port, timeout=30, context=tls)
    else:
        client = smtplib.SMTP(way.address, way.port, timeout=30)
    if way.tls in ("starttls", "may"):
        client.starttls(context=tls)
    if way.auth:
        client.login(USER, PASSWORD)
    return client


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_smtplib(smarthost, behind, way):
    message = make_message(f"smtplib {way.name}")
    with connect(way) as client:
        client.sendmail("ann@corp.example", [way.recipient], message)
    check_arrival(behind, smarthost, way, message)


@pytest.mark.parametrize("way", [way for way in WAYS if way.auth and way.tls != "none"], ids=lambda way: way.name)
def test_a_stranger_has_to_log_in(smarthost, way):
    with connect(replace(way, auth=False)) as client:
        client.ehlo()
        client.mail("ann@corp.example")
        assert client.rcpt(way.recipient)[0] == 554


COMMON = {"SIZE", "DSN", "STARTTLS", "AUTH LOGIN PLAIN"}
NEW = {"PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "CHUNKING", "SMTPUTF8"}
ANNOUNCED = {"exchange55": COMMON | {"AUTH=LOGIN PLAIN"}, "exchange2000": COMMON | NEW | {"AUTH=LOGIN PLAIN"},
             "exchange2007": COMMON | NEW, "modern": COMMON | NEW}


@pytest.mark.parametrize("way", PRESETS, ids=lambda way: way.name)
def test_a_preset_announces(smarthost, way):
    def lines(client):
        code, answer = client.ehlo("exchange.corp.local")
        assert code == 250
        name, *rest = answer.decode().split("\n")
        assert name.split()[0] == "mail.corp.example"
        return {"SIZE" if line.startswith("SIZE ") else line for line in rest}

    with smtplib.SMTP(way.address, way.port, timeout=30) as client:
        assert lines(client) == ANNOUNCED[way.name]
    with connect(way) as client:
        assert lines(client) == ANNOUNCED[way.name] - {"STARTTLS"}


def takes_tls_1_0(way):
    """Whether a client that has nothing newer gets there."""
    old = context()
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1
    try:
        with connect(way, old) as client:
            client.sendmail("ann@corp.example", [way.recipient], make_message("old"))
            return True
    except ssl.SSLError as error:
        assert "protocol version" in str(error).lower().replace("_", " "), error
        return False


def test_tls_1_0_where_it_is_asked_for_only(smarthost, behind):
    assert [way.name for way in WAYS if way.tls != "none" and takes_tls_1_0(way)] == []
    assert takes_tls_1_0(OLD)
    wait_for(lambda: behind.messages, "the message")
    (_, raw), = behind.messages
    ours, rest = below(b"Received: from ", raw)
    assert " with ESMTPS (TLSv1 " in ours and rest == make_message("old")
    smarthost.wait_until_empty()


@pytest.mark.parametrize("name", SERVERS)
def test_a_wish_for_a_report_comes_through(smarthost, behind, exchange, servers, name):
    """NOTIFY=SUCCESS is passed on by the client to us, and its host behind us has no DSN."""
    server, way = servers(name), TRANSPORTS[2]
    with smtplib.SMTP(server.address, server.port, timeout=30) as client:
        client.sendmail("ann@corp.example", [way.recipient], make_message(f"{name} wish"),
                        mail_options=["ENVID=wish1"], rcpt_options=["NOTIFY=SUCCESS,FAILURE"])
    (report,) = wait_for(lambda: exchange.messages, "a report")
    _, _, of_message, (bob,), _ = read_report(report)
    assert of_message["Original-Envelope-Id"] == "wish1"
    assert bob["Action"] == "relayed" and bob["Final-Recipient"] == f"rfc822; {way.recipient}"
    smarthost.wait_until_empty()


@pytest.mark.parametrize("way", TRANSPORTS[:6:2], ids=lambda way: way.name)
def test_who_shuts_his_side_behind_quit_hears_the_answers(smarthost, behind, way):
    """Exim does so in the clear. Without the answer it sends the message again, and again."""
    message = b"Subject: half closed\r\n\r\nx\r\n"
    with connect(way) as client:
        client.ehlo("exchange.corp.local")
        client.mail("ann@corp.example")
        client.rcpt(way.recipient)
        client.send(b"BDAT %d LAST\r\n%sQUIT\r\n" % (len(message), message))
        socket.socket.shutdown(client.sock, socket.SHUT_WR)  # of TCP: TLS goes on
        code, answer = client.getreply()
        assert code == 250 and b"queued as" in answer
        assert client.getreply()[0] == 221
        client.close()
    check_arrival(behind, smarthost, way, message)
