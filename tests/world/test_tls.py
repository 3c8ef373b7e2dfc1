# SPDX-License-Identifier: ISC
"""TLS with real clients: swaks, smtplib, openssl s_client; certificates that are renewed, or of no use."""

import signal
import smtplib
import socket
import ssl
import subprocess

import pytest

from support import BASE, wait_for, wait_for_port

IMPLICIT, OLD = 2465, 2466
CERTIFICATE, KEY = BASE / "relay" / "cert.pem", BASE / "relay" / "key.pem"


def make_certificate(name="mail.corp.example", days=30):
    CERTIFICATE.parent.mkdir(exist_ok=True)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", KEY, "-out", CERTIFICATE, "-days", str(days), "-subj", f"/CN={name}",
                    "-addext", f"subjectAltName=DNS:{name}"], check=True, capture_output=True)
    KEY.chmod(0o600)


def context():
    """Trusts what is in the file now."""
    made = ssl.create_default_context(cafile=CERTIFICATE)
    made.check_hostname = False
    return made


LISTENERS = ["127.0.0.1:2525", "[::1]:2525", f"127.0.0.1:{IMPLICIT} tls=implicit",
             f"[::1]:{IMPLICIT} tls=implicit", f"127.0.0.1:{OLD} tls_min=1.0 preset=exchange2007"]


@pytest.fixture
def secured(relay, postfix):
    make_certificate()
    relay.start(listen=LISTENERS, allow=["127.0.0.0/8", "::1"], tls_cert=CERTIFICATE, tls_key=KEY)
    wait_for_port("::1", IMPLICIT)
    return relay


def received(relay):
    """The trace lines of what was accepted; each is held, since it has no way out."""
    return [relay.run("queue", "cat", message["id"]).stdout for message in relay.queue()]


@pytest.fixture
def stuck(secured, names):
    names.remove("25.2.0.192")
    return secured


def test_swaks(stuck):
    for arguments in (["--tls"], ["--tls-on-connect"], ["--tls", "--pipeline"]):
        port = IMPLICIT if "--tls-on-connect" in arguments else 2525
        result = subprocess.run(["swaks", "--server", f"127.0.0.1:{port}", "--from", "ann@corp.example", "--to",
                                 "bob@dest.example", "--helo", "exchange.corp.local", *arguments],
                                capture_output=True, text=True, timeout=60)
        assert result.returncode == 0, result.stdout + result.stderr
    lines = received(stuck)
    assert len(lines) == 3
    for text in lines:
        assert "with ESMTPS (TLSv1.3 TLS_AES_256_GCM_SHA384) id" in text[:400]
    assert stuck.log.count('tls="TLSv1.3 TLS_AES_256_GCM_SHA384"') == 3


def test_smtplib(stuck):
    text = "Subject: big\r\n\r\n" + ("x" * 70 + "\r\n") * 20000
    with smtplib.SMTP("127.0.0.1", 2525, timeout=30) as client:
        client.starttls(context=context())
        assert not client.has_extn("starttls"), "it was forgotten, and EHLO said again"
        client.sendmail("ann@corp.example", ["bob@dest.example"], text)
        assert not client.has_extn("starttls")
    with smtplib.SMTP_SSL("::1", IMPLICIT, timeout=30, context=context()) as client:
        client.sendmail("ann@corp.example", ["bob@dest.example"], text)
        client.sendmail("ann@corp.example", ["bob@dest.example"], "Subject: second\r\n\r\nhello\r\n")
    stored = received(stuck)
    assert sorted(len(body) > 1_400_000 for body in stored) == [False, True, True]
    assert all(" with ESMTPS (TLSv1.3 " in body for body in stored)


def s_client(port, *arguments, host="127.0.0.1"):
    with subprocess.Popen(["openssl", "s_client", "-connect", f"{host}:{port}", "-crlf", "-ign_eof", *arguments],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as client:
        out, _ = client.communicate("EHLO exchange.corp.local\nQUIT\n", timeout=30)
    return out


def test_s_client(secured):
    old = ["-tls1", "-cipher", "DEFAULT:@SECLEVEL=0"]
    starttls = ["-starttls", "smtp"]
    for port, arguments, version in ((2525, starttls, "TLSv1.3"), (2525, [*starttls, "-tls1_2"], "TLSv1.2"),
                                     (IMPLICIT, [], "TLSv1.3"), (OLD, [*starttls, *old], "TLSv1")):
        out = s_client(port, *arguments)
        assert f"New, {version}, " in out or f"Protocol  : {version}\n" in out, out
        assert "221 2.0.0" in out, out
    assert "221 2.0.0" in s_client(IMPLICIT, host="[::1]")
    assert "221 2.0.0" not in s_client(2525, *starttls, *old)
    wait_for(lambda: "tls_min=1.0 takes it" in secured.log, "the hint in the log")


def test_a_new_certificate_is_taken_while_a_session_is_open(secured):
    with smtplib.SMTP_SSL("127.0.0.1", IMPLICIT, timeout=30, context=context()) as before:
        first = before.sock.getpeercert()["subject"]
        make_certificate("renewed.corp.example")
        result = secured.run("reload")
        assert result.returncode == 0, result.stderr
        assert result.stdout == "the certificate was read again\n"
        with smtplib.SMTP_SSL("127.0.0.1", IMPLICIT, timeout=30, context=context()) as after:
            assert after.sock.getpeercert()["subject"] != first
            assert after.noop()[0] == 250
        assert before.noop()[0] == 250, "the old session goes on"
        make_certificate("again.corp.example")
        secured.process.send_signal(signal.SIGHUP)
        wait_for(lambda: secured.log.count(" reloaded what=") == 2, "the reload by SIGHUP")
        with smtplib.SMTP("127.0.0.1", 2525, timeout=30) as after:
            after.starttls(context=context())
        assert before.noop()[0] == 250


def test_a_bad_reload_changes_nothing_and_says_why(secured):
    good = context()
    KEY.chmod(0o644)
    result = secured.run("reload")
    assert result.returncode == 78 and "chmod o= " in result.stderr, result.stderr
    CERTIFICATE.write_text("nothing")
    KEY.chmod(0o600)
    secured.process.send_signal(signal.SIGHUP)
    wait_for(lambda: secured.log.count(" reload-failed what=") == 2, "a failed reload by SIGHUP")
    with smtplib.SMTP_SSL("127.0.0.1", IMPLICIT, timeout=30, context=good) as client:
        assert client.noop()[0] == 250


def test_a_reload_names_what_needs_a_restart(secured):
    secured.configure(listen=LISTENERS[:2], allow="127.0.0.1", tls_cert=CERTIFICATE, tls_key=KEY)
    result = secured.run("reload")
    assert "these changed and need a restart: listen, allow" in result.stdout, result.stdout
    path = secured.directory / "ptrelay.conf"
    path.write_text(path.read_text() + "nonsense\n")
    result = secured.run("reload")
    assert result.returncode == 78 and "has no '='" in result.stderr


def test_a_certificate_that_cannot_be_used_stops_the_start(relay):
    make_certificate()
    KEY.chmod(0o604)
    relay.configure(tls_cert=CERTIFICATE, tls_key=KEY)
    for command in ("serve",), ("config", "check"):
        result = relay.run(*command)
        assert result.returncode == 78, result.stderr
        assert "others may read it; chmod o= " in result.stderr


def test_without_a_certificate_nothing_is_offered(relay):
    relay.start()
    with smtplib.SMTP("127.0.0.1", 2525, timeout=30) as client:
        client.ehlo()
        assert not client.has_extn("starttls")
        assert client.docmd("STARTTLS")[0] == 502


def test_plain_smtp_at_an_implicit_port_gets_an_end_and_the_log_a_hint(secured):
    with socket.create_connection(("127.0.0.1", IMPLICIT), timeout=30) as client:
        client.sendall(b"EHLO exchange.corp.local\r\n")
        heard = b""
        while some := client.recv(100):
            heard += some
    assert not heard.startswith(b"220"), heard
    wait_for(lambda: "plain SMTP wants another port" in secured.log, "the hint in the log")


@pytest.mark.parametrize("with_notice", (True, False))
def test_what_is_cut_off_is_not_accepted(secured, with_notice):
    with smtplib.SMTP_SSL("127.0.0.1", IMPLICIT, timeout=30, context=context()) as client:
        client.ehlo("exchange.corp.local")
        for command, code in (("MAIL FROM:<ann@corp.example>", 250), ("RCPT TO:<bob@dest.example>", 250), ("DATA", 354)):
            assert client.docmd(command)[0] == code
        client.send("Subject: cut\r\n\r\nhello\r\n")
        if with_notice:
            client.sock = client.sock.unwrap()
        client.sock.shutdown(socket.SHUT_RDWR)
        wait_for(lambda: " aborted client=127.0.0.1" in secured.log, "the abort in the log")
        client.close()
    assert not secured.queue()
