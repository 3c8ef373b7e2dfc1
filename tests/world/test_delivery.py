# SPDX-License-Identifier: ISC
"""With good DNS everything arrives, byte for byte below our Received line."""

import email
import subprocess

from relay import send
from support import wait_for

OURS = b"Received: from "


def below_our_line(raw):
    """What stands below the Received line that ptrelay added."""
    at = raw.index(b"by mail.corp.example with ESMTP")
    start = raw.rindex(OURS, 0, at)
    end = raw.index(b"+0000\n", start) + len(b"+0000\n")
    return raw[end:]


def arrived(postfix, marker):
    return wait_for(lambda: [m for m in postfix.messages() if marker in m], f"{marker} at Postfix")


def test_swaks(relay, postfix):
    relay.start()
    message = "Subject: from swaks\n\n.leading dot\n..two\nend\n"
    result = subprocess.run(
        ["swaks", "--server", "127.0.0.1:2525", "--from", "ann@corp.example", "--to", "bob@dest.example",
         "--data", message.replace("\n", "\\n")], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
    (raw,) = arrived(postfix, b"from swaks")
    assert below_our_line(raw).rstrip(b"\n") == message.encode().rstrip(b"\n")
    relay.wait_until_empty()


def test_three_recipients_in_two_domains(relay, postfix):
    relay.start()
    text = "Subject: three of them\r\nX-Long: " + "y" * 900 + "\r\n\r\nb\xf6dy\r\n"
    send(to=("a@dest.example", "b@dest.example", "c@dest2.example"), text=text.encode("latin-1"))
    raws = wait_for(lambda: (lambda r: len(r) == 3 and r)(
        [m for m in postfix.messages() if b"three of them" in m]), "three copies")
    for raw in raws:
        assert below_our_line(raw) == text.encode("latin-1").replace(b"\r\n", b"\n")
    relay.wait_until_empty()


def without_first_field(text):
    """What Postfix hands in begins with its own Received field; the message is below it."""
    lines = text.split(b"\n")
    rest = 1
    while lines[rest].startswith((b" ", b"\t")):
        rest += 1
    return b"\n".join(lines[rest:])


def test_postfix_as_client(relay, postfix, postfix_client):
    relay.start()
    message = ("Subject: through two Postfixes\nFrom: ann@corp.example\nTo: bob@dest.example\n"
               "Date: Tue, 24 Nov 2026 12:00:00 +0000\nMessage-Id: <1@corp.example>\n\n.dot\nend\n")
    subprocess.run(["swaks", "--server", "127.0.0.4:2527", "--from", "ann@corp.example", "--to",
                    "bob@dest.example", "--data", message.replace("\n", "\\n")],
                   check=True, capture_output=True)
    (raw,) = arrived(postfix, b"through two Postfixes")
    handed_in = below_our_line(raw)
    assert handed_in.startswith(b"Received: from ")
    assert b"by exchange.corp.example (Postfix)" in handed_in
    assert without_first_field(handed_in).rstrip(b"\n") == message.encode().rstrip(b"\n")
    relay.wait_until_empty()


def test_permanent_refusal_is_reported_to_the_sender_by_route(relay, scripted, exchange):
    scripted.replies["RCPT"] = "550 5.1.1 no such user"
    relay.start()
    send(to=("nobody@script.example",))
    (envelope, body) = wait_for(lambda: exchange.messages, "an NDR")[0]
    assert envelope == {"from": "", "to": ["ann@corp.example"]}
    report = email.message_from_bytes(body)
    assert report.get_content_type() == "multipart/report"
    assert report["Auto-Submitted"] == "auto-replied"
    words, status, original = report.get_payload()
    assert "550 5.1.1 no such user" in words.get_payload()
    assert status.get_content_type() == "message/delivery-status"
    fields = status.get_payload()[1]
    assert fields["Final-Recipient"] == "rfc822; nobody@script.example"
    assert fields["Action"] == "failed" and fields["Status"] == "5.1.1"
    assert "Subject: hello" in original.get_payload()
    relay.wait_until_empty()


def test_each_recipient_has_its_own_fate(relay, scripted, exchange):
    scripted.replies = {"RCPT TO:<gone": "550 5.1.1 no", "RCPT TO:<busy": "450 4.2.1 later"}
    relay.start()
    send(to=("ok@script.example", "gone@script.example", "busy@script.example"))
    wait_for(lambda: exchange.messages, "the NDR")
    assert scripted.messages[0][0]["to"] == ["ok@script.example"]
    scripted.replies = {}
    relay.wait_until_empty()
    assert scripted.messages[1][0]["to"] == ["busy@script.example"]
    assert len(exchange.messages) == 1


def test_null_mx_bounces_at_once(relay, names, exchange):
    names.add("nomail.example. MX 0 .")
    relay.start()
    send(to=("x@nomail.example",))
    wait_for(lambda: exchange.messages, "an NDR")
    assert b"Status: 5.1.10" in exchange.messages[0][1]
    relay.wait_until_empty()
