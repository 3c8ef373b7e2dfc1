# SPDX-License-Identifier: ISC
"""DANE (RFC 7672): what DNSSEC vouches for decides which certificate is the right one, whatever its name, whoever
issued it."""

import functools
import hashlib
import re
import subprocess

import pytest

from authority import server_context
from hostile import Hostile
from relay import Relay, send
from support import wait_for
from test_delivery import below_our_line


@functools.cache
def digest(certificate, selector):
    """SHA-256 of the whole certificate (0) or of its key (1)."""
    whole = ["x509", "-in", certificate, "-outform", "DER"]
    key = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"], check=True, capture_output=True).stdout
    command = ["pkey", "-pubin", "-outform", "DER"] if selector else whole
    made = subprocess.run(["openssl", *map(str, command)], input=key, check=True, capture_output=True).stdout
    return hashlib.sha256(made).hexdigest()


OTHER = "00" * 32
STRANGE = "strange.example"  # the name in the certificates
# What stands in TLSA for the server, what it has, what becomes of the message, and what is told of it.
CASES = {
    "its-key": (["3 1 1 {key}"], "issued", "delivered", ""),
    "its-certificate": (["3 0 1 {certificate}"], "self-signed", "delivered", ""),
    "one-of-two": ([f"3 1 1 {OTHER}", "3 1 1 {key}"], "self-signed", "delivered", ""),
    "expired-but-named": (["3 1 1 {key}"], "expired", "delivered", ""),
    "another-key": ([f"3 1 1 {OTHER}"], "issued", "deferred", "TLSA"),
    "the-authority": (["2 0 1 {authority}"], "issued-to-it", "delivered", ""),
    "the-authority-another-name": (["2 0 1 {authority}"], "issued", "deferred", "certificate|TLSA"),
    "no-use": (["1 1 1 {key}", "3 1 9 abcd"], "self-signed", "delivered", ""),
    "no-use-no-tls": (["1 1 1 {key}"], None, "deferred", "TLS"),
    "no-tls": (["3 1 1 {key}"], None, "deferred", "TLS"),
    "none": ([], "self-signed", "delivered", ""),
    "none-no-tls": ([], None, "delivered", ""),
}
ADDRESSES = {case: f"198.51.100.{number}" for number, case in enumerate(CASES, 100)}
INSECURE = "198.51.100.199"


@pytest.fixture(scope="module")
def pairs(authority):
    """The certificate and key of each case's server; those whose name does not matter are shared."""
    def issue(label, *names, **how):
        certificate, key = authority.issue(*names, label=label, **how)
        certificate.write_text(certificate.read_text() + authority.certificate.read_text())
        return certificate, key

    shared = {"issued": issue("dane-issued", STRANGE), "expired": issue("dane-expired", STRANGE, days=-1),
              "self-signed": authority.issue(STRANGE, label="dane-self-signed", self_signed=True),
              "issued-to-it": issue("dane-to-it", "mx.the-authority.signed.example")}
    return {case: shared[kind or "self-signed"] for case, (_, kind, _, _) in CASES.items()}


def tlsa(case, authority, pairs):
    certificate = pairs[case][0]
    for record in CASES[case][0]:
        yield f"_25._tcp.mx.{case}.signed.example. TLSA " + record.format(
            key=digest(certificate, 1), certificate=digest(certificate, 0), authority=digest(authority.certificate, 0))


@pytest.fixture(scope="module")
def dane(request, names, resolver, authority, pairs, postfix):
    names.reset()
    for case in CASES:
        names.records += [f"{case}.signed.example. MX 10 mx.{case}.signed.example.",
                          f"mx.{case}.signed.example. A {ADDRESSES[case]}", *tlsa(case, authority, pairs)]
    names.add("insecure.dest.example. MX 10 mx.insecure.dest.example.", f"mx.insecure.dest.example. A {INSECURE}",
              f"_25._tcp.mx.insecure.dest.example. TLSA 3 1 1 {OTHER}",
              "signed.example. MX 10 mx.signed.example.", "mx.signed.example. A 198.51.100.7",
              f"_25._tcp.mx.signed.example. TLSA 3 1 1 {digest(authority.directory / 'mx.dest.example.pem', 1)}")
    made = Relay(request.config.getoption("--binary"))
    made.wipe()
    made.start(tls_policy=["signed.example dane", ".signed.example dane", ".dest.example dane"], retry_first="1h",
               retry_max="1h")
    yield made
    made.stop()


@pytest.mark.parametrize("case", CASES)
def test_case(dane, pairs, case):
    _, kind, expected, told = CASES[case]
    server = Hostile(ADDRESSES[case], tls=server_context(*pairs[case]) if kind else None)
    queue_id = send(to=[f"bob@{case}.signed.example"])
    (state, _, _, reason, words), = dane.wait_for_outcomes(queue_id)
    server.close()
    assert (state, reason) == (expected, "-"), words
    if expected == "delivered":
        (wire, _), = server.messages
        assert wire.tls == bool(kind)
    else:
        assert re.search(told, words), words
        assert not [line for line in server.commands() if line.startswith(b"MAIL")]


def test_what_dnssec_does_not_vouch_for_says_nothing(dane, authority):
    server = Hostile(INSECURE, tls=authority.shared)
    (state, *_, words), = dane.wait_for_outcomes(send(to=["bob@insecure.dest.example"]))
    server.close()
    assert state == "delivered", words
    assert server.messages[0][0].tls


def test_postfix(postfix, dane):
    text = "Subject: by dane\r\n\r\nhello\r\n"
    (state, *_, words), = dane.wait_for_outcomes(send(to=["bob@signed.example"], text=text))
    assert state == "delivered", words
    (raw,) = wait_for(lambda: [m for m in postfix.messages() if b"by dane" in m], "the message")
    assert below_our_line(raw) == text.replace("\r\n", "\n").encode()
    assert b" with ESMTPS id" in raw
