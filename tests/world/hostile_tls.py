# SPDX-License-Identifier: ISC
"""Rows K of reliability.md: what a hostile receiver does under TLS, and on the way there. What it costs to
shake hands slowly, to renegotiate and to send keys for ever is the matter of tests/relay."""

import ssl
import warnings

from authority import server_context
from hostile_rows import DOT_LOST, Row, close, ehlo, nothing_of_a_message, reset, say_and_close, the_same_bytes


def good(authority, name):
    """A certificate of another name, from the authority."""
    return authority.shared


def named(**how):
    """A certificate of names, "" for the server's own."""
    def make(authority, name):
        names = [name if label == "" else label for label in how.get("names", ("",))]
        return authority.context(*names, label=name, **{k: v for k, v in how.items() if k != "names"})
    return make


def nul_in_the_name(authority, name):
    """The good name, a NUL, another name: who compares C strings is taken in."""
    value = name.encode() + bytes(1) + b".evil.example"
    inner = bytes([0x82, len(value)]) + value
    names = bytes([0x30, len(inner)]) + inner
    return authority.context(f"{name}.evil.example", label=name, alternative="DER:" + names.hex(":"))


def long_chain(authority, name):
    certificate, key = authority.issue(name)
    certificate.write_text(certificate.read_text() + authority.certificate.read_text() * 300)
    return server_context(certificate, key)


def limited(version=None, ciphers=None, tickets=None):
    def make(authority, name):
        made = named()(authority, name)
        made.set_ciphers((ciphers or "DEFAULT") + ":@SECLEVEL=0")
        if version:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                made.minimum_version = made.maximum_version = version
        if tickets is not None:
            made.num_tickets = tickets
        return made
    return make


def encrypted(server):
    the_same_bytes(server)
    (wire, _), = server.messages
    assert wire.tls


def fell_back(server):
    """On a new connection, which does not try TLS again."""
    the_same_bytes(server)
    first, second = server.wires
    assert any(line == b"STARTTLS" for line, _ in first.commands)
    assert not any(line == b"STARTTLS" for line, _ in second.commands) and not second.tls


def not_even_asked(server):
    the_same_bytes(server)
    assert not [line for line in server.commands() if line == b"STARTTLS"]


def size_is_forgotten(server):
    encrypted(server)
    (mail,) = [line for line in server.commands() if line.startswith(b"MAIL")]
    assert mail == b"MAIL FROM:<ann@corp.example>", "nothing of what was offered in the clear"


def other_offers_before(wire):
    wire.say(ehlo() if wire.tls else ehlo(b"SIZE 20", b"8BITMIME", b"DSN", b"PIPELINING", b"STARTTLS"))


def cut(data, with_notice):
    def act(wire):
        wire.say(data)
        if with_notice:
            wire.socket.settimeout(1)
            wire.socket = wire.socket.unwrap()
        wire.end()
    return act


def nothing_over_the_first(server):
    """What came behind the 220 spoils the connection; whether another one is tried in the clear is a matter of taste."""
    assert not any(line.startswith((b"MAIL", b"EHLO")) for line, _ in server.wires[0].commands[2:])


def no_handshake(wire):
    wire.say(b"220 go on\r\n")
    wire.hear_some()
    wire.say(b"250 hello\r\n" * 20)


INJECTED = b"220 go on\r\n250-mx\r\n250 SIZE 20\r\n"
NO_TLS = {
    "454": b"454 4.7.0 not now\r\n",
    "501": b"501 5.5.4 what?\r\n",
    "closed": close,
    "reset": reset,
    "garbage": no_handshake,
    "220-and-closed": say_and_close(b"220 go on\r\n"),
}
CERTIFICATES = {
    "other-name": (good, "is for "),
    "expired": (named(days=-1), "expired"),
    "self-signed": (named(self_signed=True), "self-signed|authority|issuer"),
    "wildcard-of-all": (named(names=("*.example",)), "is for "),
    "wildcard-of-half": (named(names=("mx.*.hostile.example",)), "is for "),
    "nul": (nul_in_the_name, "is for |certificate"),
}
BELIEVED = {
    "own-name": named(),
    "one-of-100-names": named(names=(*(f"mx{i}.hostile.example" for i in range(100)), "")),
}
TOO_MUCH = {
    "10000-names": named(names=tuple(f"mx{i}.hostile.example" for i in range(10_000))),
    "long-chain": long_chain,
    "tls-1.0": limited(ssl.TLSVersion.TLSv1),
    "no-encryption": limited(ssl.TLSVersion.TLSv1_2, "eNULL"),
}

TLS_ROWS = [
    Row("K1-may", {"STARTTLS": INJECTED}, "deferred|delivered", tls=good, connections=None, check=nothing_over_the_first),
    Row("K1-encrypt", {"STARTTLS": INJECTED}, "deferred", tls=good, level="encrypt", check=nothing_of_a_message),
    *(Row(f"K2-{what}-may", {"STARTTLS": act}, "delivered", tls=good, connections=2, check=fell_back, logged="tls-fallback")
      for what, act in NO_TLS.items()),
    *(Row(f"K2-{what}-encrypt", {"STARTTLS": act}, "deferred", tls=good, level="encrypt", check=nothing_of_a_message)
      for what, act in NO_TLS.items()),
    Row("K3-may", {}, "delivered", check=not_even_asked),
    *(Row(f"K3-{level}", {}, "deferred", "TLS", level=level, check=nothing_of_a_message) for level in ("encrypt", "verify")),
    Row("K3-none", {}, "delivered", tls=good, level="none", check=not_even_asked),
    *(Row(f"K4-{what}-may", {}, "delivered", tls=make, check=encrypted) for what, (make, _) in CERTIFICATES.items()),
    *(Row(f"K4-{what}-verify", {}, "deferred", words, tls=make, level="verify", check=nothing_of_a_message)
      for what, (make, words) in CERTIFICATES.items()),
    *(Row(f"K4-{what}-verify", {}, "delivered", tls=make, level="verify", check=encrypted) for what, make in BELIEVED.items()),
    *(Row(f"K5-{what}-may", {}, "delivered", tls=make, connections=2, check=fell_back, logged="tls-fallback")
      for what, make in TOO_MUCH.items()),
    *(Row(f"K5-{what}-encrypt", {}, "deferred", tls=make, level="encrypt", check=nothing_of_a_message)
      for what, make in TOO_MUCH.items()),
    Row("K7-100-tickets", {}, "delivered", tls=limited(tickets=100), level="verify", check=encrypted),
    Row("K7-50000-tickets", {}, "delivered|deferred", tls=limited(tickets=50_000), level="encrypt"),
    *(Row(f"K8-{what}-{with_notice}", {"END": cut(data, with_notice)}, "deferred", DOT_LOST, tls=good)
      for what, data in (("nothing", b""), ("half-a-reply", b"250 tak"), ("half-of-two-lines", b"250-taken\r\n"))
      for with_notice in (True, False)),
    Row("K10-other-offers", {"EHLO": other_offers_before}, "delivered", tls=good, check=size_is_forgotten),
]
