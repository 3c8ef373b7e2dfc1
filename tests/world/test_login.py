# SPDX-License-Identifier: ISC
"""Who logs in relays from anywhere, who does not does not; senders of the inside get a domain of the outside."""

import json
import smtplib
import ssl
import subprocess
import threading
import time

import pytest

from relay import send
from support import BASE, wait_for

USERS, CERTIFICATE, KEY = (BASE / "relay" / name for name in ("users", "cert.pem", "key.pem"))
LISTEN = "127.0.0.1:2525 preset=exchange2000 auth=yes"
STRANGERS = "192.0.2.26"  # allows nobody who comes here


def make_user(relay, name, password):
    return subprocess.run([relay.binary, "config", "user", name], input=password + "\n", text=True,
                          capture_output=True, check=True).stdout


@pytest.fixture
def users(relay):
    relay.directory.mkdir(exist_ok=True)
    USERS.write_text("# who may\n" + make_user(relay, "ann", "right") + make_user(relay, "CORP\\bob", "p:ass word"))
    USERS.chmod(0o600)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", KEY, "-out", CERTIFICATE, "-days", "30", "-subj", "/CN=mail.corp.example"],
                   check=True, capture_output=True)
    KEY.chmod(0o600)
    return relay


def start(relay, **changes):
    relay.start(**{"listen": LISTEN, "auth_users": USERS, "tls_cert": CERTIFICATE, "tls_key": KEY, **changes})


def swaks(*arguments):
    return subprocess.run(["swaks", "--server", "127.0.0.1:2525", "--from", "ann@corp.example", "--to",
                           "bob@script.example", "--helo", "exchange.corp.local", "--data", "Subject: x\\n\\nx\\n",
                           *arguments], capture_output=True, text=True, timeout=60)


def insecure():
    made = ssl.create_default_context()
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    return made


def connect():
    client = smtplib.SMTP("127.0.0.1", 2525, timeout=30)
    client.starttls(context=insecure())
    client.ehlo("exchange.corp.local")
    return client


def test_in_the_clear_from_the_inside(users, scripted):
    start(users)
    for mechanism in ("PLAIN", "LOGIN"):
        result = swaks("--auth", mechanism, "--auth-user", "ann", "--auth-password", "right")
        assert result.returncode == 0, result.stdout
        assert "AUTH LOGIN PLAIN" in result.stdout and "AUTH=LOGIN PLAIN" in result.stdout
    result = swaks("--auth", "LOGIN", "--auth-user", 'ann" client=192.0.2.9', "--auth-password", "right")
    assert result.returncode == 28 and "535 5.7.8" in result.stdout
    wait_for(lambda: len(scripted.messages) == 2, "two messages")
    for _, body in scripted.messages:
        text = body.decode() if isinstance(body, bytes) else body
        assert "with ESMTPA id" in text and "ann@" not in text.split("by mail.corp.example")[0]
    assert users.log.count('auth-ok client=127.0.0.1 user="ann"') == 2
    assert "auth-failed client=127.0.0.1 user=\"ann' client=192.0.2.9\"" in users.log
    assert users.log.count(' user="ann"\n') == 4, "with the login, and with the message"
    counters = json.loads(users.run("status", "--json").stdout)["counters"]
    assert (counters["logins"], counters["failed_logins"], counters["deferred_logins"]) == (2, 1, 0)


def test_a_stranger_logs_in_under_tls_only(users, scripted):
    start(users, allow=STRANGERS)
    assert swaks().returncode == 24, "relaying is denied"
    clear = swaks("--auth", "PLAIN", "--auth-user", "ann", "--auth-password", "right")
    assert clear.returncode == 28 and "AUTH LOGIN" not in clear.stdout
    with smtplib.SMTP("127.0.0.1", 2525, timeout=30) as client:
        client.ehlo()
        assert client.docmd("AUTH", "PLAIN AGFubgByaWdodA==")[0] == 538
    assert swaks("--tls").returncode == 24, "TLS alone is no login"
    result = swaks("--tls", "--auth", "LOGIN", "--auth-user", "ann", "--auth-password", "right")
    assert result.returncode == 0, result.stdout
    with connect() as client:
        client.auth("PLAIN", lambda challenge=None: "\0CORP\\bob\0p:ass word")
        client.sendmail("ann@corp.example", ["bob@script.example"], "Subject: y\r\n\r\ny\r\n")
    wait_for(lambda: len(scripted.messages) == 2, "two messages")
    assert all("with ESMTPSA " in str(body) for _, body in scripted.messages)


def test_a_wrong_password_waits_and_three_end_the_session(users):
    start(users)
    client = connect()
    for response in ("AGFubgB3cm9uZw==", "AG5vYm9keQByaWdodA==", "AGFubgBSaWdodA=="):  # nobody, Right
        begun = time.monotonic()
        assert client.docmd("AUTH", f"PLAIN {response}")[0] == 535
        assert time.monotonic() - begun > 2.9
    assert client.getreply()[0] == 421


def test_logins_do_not_hold_up_others(users):
    start(users)

    def log_in():
        with connect() as client:
            client.login("ann", "right")

    threads = [threading.Thread(target=log_in) for _ in range(12)]
    with smtplib.SMTP("127.0.0.1", 2525, timeout=30) as client:
        for thread in threads:
            thread.start()
        longest = 0
        while any(thread.is_alive() for thread in threads):
            begun = time.monotonic()
            assert client.ehlo()[0] == 250
            longest = max(longest, time.monotonic() - begun)
            threads[-1].join(0.1)
    assert longest < 2, "the loop waited for a password"
    assert users.log.count("auth-ok") == 12


@pytest.mark.parametrize("text, mode, problem", [
    ("ann:secret\n", 0o600, f"{USERS}:1: the password is no $scrypt$ hash"),
    ("# nobody\n", 0o600, "there is nobody in it"),
    (None, 0o644, f"chmod 600 {USERS}"),
])
def test_a_bad_file_of_users_is_told_at_the_start(users, text, mode, problem):
    if text:
        USERS.write_text(text)
    USERS.chmod(mode)
    users.configure(listen=LISTEN, auth_users=USERS, tls_cert=CERTIFICATE, tls_key=KEY)
    for command in (("config", "check"), ("serve",)):
        result = users.run(*command)
        assert result.returncode == 78 and problem in result.stderr


def test_a_reload_takes_new_users_and_keeps_the_old_ones_when_something_is_wrong(users):
    def log_in(name, password):
        with connect() as client:
            client.login(name, password)

    start(users)
    USERS.write_text("zoe:nonsense\n")
    result = users.run("reload")
    assert result.returncode != 0 and f"{USERS}:1: the password is no" in result.stdout + result.stderr
    log_in("ann", "right")
    USERS.write_text(make_user(users, "zoe", "fine"))
    assert users.run("reload").returncode == 0
    log_in("zoe", "fine")
    assert "the users were read again" in users.log


def test_a_sender_of_the_inside_leaves_with_the_domain_of_the_outside(relay, scripted):
    relay.start(sender_map=["corp.local corp.example", ".corp.local corp.example"])
    for sender in ("ann@corp.local", "ann@pc7.CORP.local"):
        send(sender=sender, to=("bob@script.example",), text="From: ann@corp.local\r\nSubject: x\r\n\r\nx\r\n")
    wait_for(lambda: len(scripted.messages) == 2, "two messages")
    for envelope, body in scripted.messages:
        assert envelope["from"] == "ann@corp.example"
        assert "From: ann@corp.local" in str(body)
    assert 'from=<ann@corp.example> ' in relay.log and 'mapped_from="ann@pc7.CORP.local"' in relay.log
    verdict = json.loads(relay.run("check", "--json", "--from", "ann@corp.local").stdout)
    assert (verdict["from"], verdict["mapped_from"]) == ("ann@corp.example", "ann@corp.local")
    assert "ann@corp.local" in relay.run("check", "--from", "ann@corp.local").stdout
