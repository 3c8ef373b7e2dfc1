# SPDX-License-Identifier: ISC
"""Rows J of reliability.md: what a hostile receiver does, and what becomes of the message then. Deadlines of minutes are the
matter of tests/relay."""

import re
from dataclasses import dataclass, field
from typing import Callable

from hostile import NUL

BODY = b"Subject: hostile\r\n\r\n.dot\r\nhello\r\n"


@dataclass(frozen=True)
class Row:
    name: str
    acts: dict = field(repr=False)  # see hostile.py
    state: str  # what becomes of the message: deferred, held, bounced, delivered
    words: str = ""  # a regular expression of what is told about it
    reason: str = "-"
    recipients: tuple = ("bob",)
    body: bytes = BODY
    sender: str = "ann@corp.example"
    options: tuple = ()  # of MAIL
    connections: int | None = 1  # None: any
    extensions: tuple = (b"PIPELINING", b"8BITMIME")
    tls: Callable | None = field(default=None, repr=False)  # makes the context with which TLS is offered
    level: str = "may"  # what we are told to want of it
    logged: str = ""  # an event of the log that names the server
    stays: bool = False  # the receiver never closes
    check: Callable | None = field(default=None, repr=False)  # more, of the server


def close(wire):
    wire.end()


def reset(wire):
    wire.reset()


def say_and_close(data):
    def act(wire):
        wire.say(data)
        wire.end()
    return act


def endless(data):
    """Until it is shut out, which it must be soon."""
    def act(wire):
        for _ in range(200):
            wire.say(data * (100_000 // len(data)))
        wire.server.failures.append(AssertionError("20 MB were read"))
    return act


def silent_until_the_end(wire):
    wire.hear_to_the_end()
    wire.end()


def flood_after_quit(wire):
    wire.say(b"221 bye\r\n")
    wire.say(b"250 more\r\n" * 200_000)


def reordered(wire):
    wire.say(b"354 go\r\n250 ok\r\n250 ok\r\n")


def nothing_of_a_message(server):
    assert not server.messages
    assert not [line for line in server.commands() if line.upper().startswith((b"MAIL", b"RCPT", b"DATA"))]


def no_body(server):
    assert not server.messages


def lone_dot_or_reset(server):
    """Whoever says 354 with nobody to write to gets the end of it, and no message."""
    assert all(body == b"" for _, body in server.messages)


def the_same_bytes(server):
    (_, body), = server.messages
    assert body.endswith(server.row.body), body


def said_helo(server):
    the_same_bytes(server)
    assert [line[:4] for line in server.commands()[:2]] == [b"EHLO", b"HELO"]


def without_size(server):
    the_same_bytes(server)
    (mail,) = [line for line in server.commands() if line.startswith(b"MAIL")]
    assert not re.search(rb"SIZE=-|SIZE=\d{7}", mail), mail


def ehlo(*lines):
    return b"".join(b"250-" + line + b"\r\n" for line in (b"mx.hostile.example", *lines)) + b"250 HELP\r\n"


NO_REPLY_LINES = {"000": b"000 x", "99": b"99 x", "2x0": b"2x0 x", "blank": b" 250 x", "25": b"25", "1000": b"1000 x",
                  "empty": b"", "600": b"600 x", "100": b"100 x", "letters": b"hello", "no-blank": b"250x"}
NO_SMTP = r"not? |no SMTP|reply"
DOT_LOST = "may be delivered twice"
LISTED = b"550 5.7.1 Service unavailable; client [192.0.2.25] blocked using bl.example\r\n"

J1 = [
    Row("J1-reset", {"banner": reset}, "deferred", "greeting|connection reset"),
    Row("J1-closed", {"banner": close}, "deferred", "greeting"),
    Row("J1-half-a-banner", {"banner": say_and_close(b"220 mx")}, "deferred", "greeting"),
]
J2 = [
    Row("J2-banner-lines", {"banner": endless(b"220-more\r\n")}, "deferred", NO_SMTP, check=nothing_of_a_message),
    Row("J2-ehlo-lines", {"EHLO": endless(b"250-MORE\r\n")}, "deferred", NO_SMTP, check=nothing_of_a_message),
    Row("J2-banner-line", {"banner": endless(b"220 " + b"x" * 50_000)}, "deferred", NO_SMTP, check=nothing_of_a_message),
    Row("J2-rcpt-lines", {"RCPT": endless(b"250-more\r\n")}, "deferred", NO_SMTP, check=no_body),
]
J3 = [
    *(Row(f"J3-ehlo-{name}", {"EHLO": line + b"\r\n"}, "deferred", NO_SMTP, check=nothing_of_a_message)
      for name, line in NO_REPLY_LINES.items()),
    *(Row(f"J3-rcpt-{name}", {"RCPT": line + b"\r\n"}, "deferred", NO_SMTP, check=no_body)
      for name, line in NO_REPLY_LINES.items()),
    Row("J3-banner-000", {"banner": b"000 x\r\n"}, "deferred", NO_SMTP, check=nothing_of_a_message),
    Row("J3-bare-250", {"MAIL": b"250\r\n", "RCPT": b"250\r\n", "END": b"250\r\n"}, "delivered", check=the_same_bytes),
]
J4 = [
    Row("J4-ehlo", {"EHLO": b"250-a\r\n550 b\r\n"}, "deferred", NO_SMTP, check=nothing_of_a_message),
    Row("J4-rcpt", {"RCPT": b"250-a\r\n550 b\r\n"}, "deferred", NO_SMTP, check=no_body),
    Row("J4-end", {"END": b"250-a\r\n550 b\r\n"}, "deferred", NO_SMTP),
]
J5 = [
    Row("J5-nul", {"RCPT": b"450 4.2.0 a" + NUL + b"b\r\n"}, "deferred"),
    Row("J5-escape", {"RCPT": b"450 4.2.0 a\x1b[31mb\x07\x08\x7f\r\n"}, "deferred", "450 4.2.0 a"),
    Row("J5-8bit", {"RCPT": b"450 4.2.0 k\xe4se \xff\xfe \xc3\xa4\r\n"}, "deferred", "450 4.2.0 k"),
    Row("J5-long", {"RCPT": b"450 " + b"x" * 10_000 + b"\r\n"}, "deferred"),
    Row("J5-long-lines", {"RCPT": b"".join(b"450%c" % c + b"y" * 500 + b"\r\n" for c in b"-" * 60 + b" ")}, "deferred", "450"),
    Row("J5-cr-only", {"RCPT": b"450 first\r450 second\r\n"}, "deferred"),
    Row("J5-bounced", {"RCPT": b"550-5.1.1 a\x1b[31mb\x07\xff\r\n550 5.1.1 \"quotes\" and \\ \r\n"}, "bounced", "550 5.1.1 a"),
]
FORGED = (b"550-5.1.1 no\r\n550-\r\n550---boundary\r\n550-Content-Type: message/delivery-status\r\n550-\r\n"
          b"550-Final-Recipient: rfc822; eve@evil.example\r\n550-Action: delivered\r\n550-Status: 2.0.0\r\n"
          b"550-\r\n550-A0001 state=delivered\r\n550 <html><script>alert(1)</script>\r\n")
J6 = [
    Row("J6-report", {"RCPT": FORGED}, "bounced", "550 5.1.1 no"),
    Row("J6-log", {"RCPT": b"550 5.1.1 no\" what=\"delivered id=A\r\n"}, "bounced", "550 5.1.1 no"),
]
J7 = [
    Row("J7-banner", {"banner": b"220 hello\r\n250 mx\r\n"}, "deferred", NO_SMTP, check=nothing_of_a_message),
    Row("J7-ehlo", {"EHLO": ehlo() + b"250 ok\r\n250 ok\r\n354 go\r\n250 taken\r\n"}, "deferred", NO_SMTP, check=no_body),
    Row("J7-rcpt", {"RCPT": b"250 ok\r\n354 go\r\n250 taken\r\n"}, "deferred", NO_SMTP, extensions=(), check=no_body),
]
J8 = [
    Row("J8-missing", {"RCPT": b"", "DATA": close}, "deferred", "lost", check=no_body),
    Row("J8-reordered", {"MAIL": b"", "RCPT": b"", "DATA": reordered}, "deferred", check=no_body),
    Row("J8-too-many", {"MAIL": b"250 ok\r\n" * 5}, "deferred", NO_SMTP, check=no_body),
]
J9 = [
    Row("J9-354-and-250", {"DATA": b"354 go\r\n250 taken\r\n"}, "deferred"),
    Row("J9-250-to-data", {"DATA": b"250 taken\r\n"}, "deferred", check=no_body),
    Row("J9-554-after-data", {"END": b"554 5.6.0 we do not like it\r\n"}, "bounced", "554 5.6.0 we do not like it"),
    Row("J9-354-at-the-end", {"END": b"354 more\r\n"}, "deferred"),
]
J10 = [
    Row("J10-all-refused-354", {"RCPT": b"550 5.1.1 no\r\n"}, "bounced", "550 5.1.1 no", check=lone_dot_or_reset),
    Row("J10-all-busy-354", {"RCPT": b"450 4.2.1 busy\r\n"}, "deferred", "450 4.2.1 busy", check=lone_dot_or_reset),
]
J11 = [
    Row("J11-lost-after-dot", {"END": close}, "deferred", DOT_LOST, logged="in-doubt"),
    Row("J11-reset-after-dot", {"END": reset}, "deferred", DOT_LOST, logged="in-doubt"),
    Row("J11-half-a-reply", {"END": say_and_close(b"250 tak")}, "deferred", DOT_LOST, logged="in-doubt"),
    Row("J11-half-of-two-lines", {"END": say_and_close(b"250-taken\r\n")}, "deferred", DOT_LOST, logged="in-doubt"),
]
J12 = [
    *(Row(f"J12-421-{at}", {at: say_and_close(b"421 4.3.2 closing down\r\n")}, "deferred", "421 4.3.2 closing down")
      for at in ("banner", "EHLO", "MAIL", "RCPT", "DATA", "END")),
    Row("J12-554-banner", {"banner": b"554 5.3.2 no mail here\r\n"}, "bounced", "554 5.3.2 no mail here",
        check=nothing_of_a_message),
    Row("J12-502-ehlo", {"EHLO": b"502 5.5.1 what?\r\n"}, "delivered", check=said_helo),
    Row("J12-550-helo", {"EHLO": b"502 5.5.1 what?\r\n", "HELO": b"550 5.7.1 go away\r\n"}, "bounced", "550 5.7.1 go away"),
]
J13 = [
    Row("J13-100000-keywords", {"EHLO": ehlo(*(b"X%d" % i for i in range(100_000)))}, "deferred", NO_SMTP,
        check=nothing_of_a_message),
    Row("J13-90-keywords", {"EHLO": ehlo(*(b"X%d" % i for i in range(90)))}, "delivered", check=the_same_bytes),
    *(Row(f"J13-{line.decode().replace(' ', '')}", {"EHLO": ehlo(line, b"8BITMIME")}, "delivered", check=without_size)
      for line in (b"SIZE -1", b"SIZE 0", b"SIZE 18446744073709551616", b"SIZE", b"SIZE 9999999999999999999999", b"SIZE many")),
    Row("J13-twice", {"EHLO": ehlo(b"PIPELINING", b"pipelining", b"8BITMIME", b"8bitmime", b"SIZE 0", b"SIZE 1000000")},
        "delivered", check=the_same_bytes),
    Row("J13-control-bytes", {"EHLO": ehlo(b"\x1b[2J", b"X" + NUL, b"\xff\xfe", b"", b" ", b"8BITMIME")}, "delivered",
        check=the_same_bytes),
]
J14 = [
    Row("J14-too-small", {"EHLO": ehlo(b"SIZE 20")}, "bounced", "552 5.3.4|5.3.4", check=nothing_of_a_message),
]
EIGHT_BIT = b"Subject: hostile\r\n\r\nk\xe4se\r\n"
J15 = [
    Row("J15-no-8bitmime", {}, "delivered", extensions=(), body=EIGHT_BIT, check=the_same_bytes),
    Row("J15-8bitmime", {}, "delivered", body=EIGHT_BIT, check=the_same_bytes),
    Row("J15-no-smtputf8", {}, "bounced", "5.6.7", recipients=("bøb",), options=("SMTPUTF8",), check=nothing_of_a_message),
]
J17 = [
    Row("J17-quit-unanswered", {"QUIT": silent_until_the_end}, "delivered", check=the_same_bytes, stays=True),
    Row("J17-never-closes", {"QUIT": lambda wire: wire.server.released.wait(60)}, "delivered", check=the_same_bytes,
        stays=True),
    Row("J18-flood-after-quit", {"QUIT": flood_after_quit}, "delivered", check=the_same_bytes, stays=True),
    Row("J18-flood-after-the-dot", {"END": lambda wire: wire.say(b"250 taken\r\n" + b"250 more\r\n" * 200_000)}, "delivered",
        check=the_same_bytes),
]
J19 = [
    Row("J19-greylist", {"RCPT": b"450 4.2.0 Greylisted, come back in 60 seconds\r\n"}, "deferred", "Greylisted"),
    Row("J19-250-5.7.1", {"END": b"250 5.7.1 refused\r\n"}, "delivered", "250 5.7.1"),
    Row("J19-550-4.2.0", {"RCPT": b"550 4.2.0 who knows\r\n"}, "bounced", "550 4.2.0"),
    Row("J19-450-5.7.1", {"RCPT": b"450 5.7.1 who knows\r\n"}, "deferred", "450 5.7.1"),
]
J20 = [
    Row("J20-looks-listed", {"RCPT": LISTED}, "held", "blocked using bl.example", reason="dnsbl-ip"),
    Row("J20-no-such-user", {"RCPT": b"550 5.1.1 no such user; PTR DNS SPF DMARC\r\n"}, "bounced|held", "no such user",
        reason=".*"),
    Row("J20-regex-killer", {"RCPT": b"".join(b"550%c" % c + b"reverse dns ptr " * 80 + b"\r\n" for c in b"-" * 20 + b" ")},
        "held|bounced", reason=".*"),
]

# First those that take long to be over, behind the scenes.
PLAIN_ROWS = J17 + J1 + J2 + J3 + J4 + J5 + J6 + J7 + J8 + J9 + J10 + J11 + J12 + J13 + J14 + J15 + J19 + J20
