# SPDX-License-Identifier: ISC
"""What receiving keeps and acts on: trouble of ours is never the client's, DSN requests are honoured, and
addresses beyond ASCII go where they are understood."""

import email
import email.policy
import smtplib
import time

import pytest

from relay import send
from support import wait_for

BODY = "Subject: a request\r\nFrom: ann@corp.example\r\n\r\nthe body\r\n"


def hand_in(mail_options, recipients, sender="ann@corp.example", text=BODY):
    """recipients: (address, options of RCPT). Every reply must be a yes. Returns the queue id."""
    with smtplib.SMTP("127.0.0.1", 2525, timeout=30) as client:
        client.command_encoding = "utf-8"
        client.ehlo("exchange.corp.local")
        code, answer = client.docmd("MAIL", f"FROM:<{sender}> {mail_options}".rstrip())
        assert code == 250, answer
        for address, options in recipients:
            code, answer = client.docmd("RCPT", f"TO:<{address}> {options}".rstrip())
            assert code == 250, answer
        code, answer = client.data(text.encode())
        assert code == 250, answer
        return answer.decode().split()[-1]


def read_report(message):
    """The parts of a DSN, as Python's email package reads them: (envelope, whole, words, per message, per
    recipient, original)."""
    envelope, raw = message
    report = email.message_from_bytes(raw, policy=email.policy.SMTP)
    assert envelope["from"] == "", "a report has the null sender"
    assert report.get_content_type() == "multipart/report"
    assert report.get_param("report-type") == "delivery-status"
    assert report["Auto-Submitted"] == "auto-replied"
    assert not [part.defects for part in report.walk() if part.defects]
    words, status, original = report.get_payload()
    assert words.get_content_type() == "text/plain"
    assert status.get_content_type() == "message/delivery-status"
    of_message, *of_recipients = status.get_payload()
    assert of_message["Reporting-MTA"] == "dns; mail.corp.example"
    assert email.utils.parsedate_to_datetime(of_message["Arrival-Date"])
    return report, words.get_content(), of_message, of_recipients, original


def wait_for_report(exchange):
    wait_for(lambda: exchange.messages, "a report at the sender's server")
    return read_report(exchange.messages[0])


DNS_TROUBLE = [
    ("resolver silent", lambda names, resolver: setattr(resolver, "mode", "silent"), "ann@corp.example",
     "deferred", "dns-tempfail"),
    ("resolver fails", lambda names, resolver: setattr(resolver, "mode", "servfail"), "ann@corp.example",
     "deferred", "dns-tempfail"),
    ("no PTR", lambda names, resolver: names.remove("25.2.0.192"), "ann@corp.example", "held", "ptr-missing"),
    ("sender does not exist", lambda names, resolver: None, "ann@nowhere.example", "held",
     "sender-domain-unresolvable"),
    ("sender .local", lambda names, resolver: None, "ann@corp.local", "held", "sender-domain-unresolvable"),
    ("sender without a dot", lambda names, resolver: None, "ann@exchange", "held", "sender-domain-unresolvable"),
    ("sender's DNS fails", lambda names, resolver: None, "ann@corp.broken", "deferred", "dns-tempfail"),
]


@pytest.mark.parametrize("what, damage, sender, state, reason", DNS_TROUBLE, ids=[t[0] for t in DNS_TROUBLE])
def test_trouble_with_the_dns_is_not_the_clients(relay, names, resolver, exchange, what, damage, sender, state, reason):
    damage(names, resolver)
    relay.start()
    started = time.monotonic()
    queue_id = send(sender=sender)  # every reply is 250
    assert time.monotonic() - started < 1, "nothing is looked up while the client waits"
    (recipient,) = relay.wait_for_state(state)
    assert recipient["reason"] == reason
    assert reason in relay.run("explain", queue_id).stdout
    assert not exchange.messages
    resolver.mode = "pass"


@pytest.mark.parametrize("domain", ["corp.local", "corp.lan", "corp.internal", "exchange"])
def test_a_senders_domain_of_the_site_is_explained(relay, domain):
    relay.start()
    queue_id = send(sender=f"ann@{domain}")
    relay.wait_for_state("held")
    explained = relay.run("explain", queue_id).stdout
    assert f"the sender's domain {domain} has neither MX nor address" in explained
    assert f"sender_map = {domain} your-domain.example" in explained
    assert "publish" not in explained.replace("nothing can be published", "")


def test_a_failure_is_reported_as_was_asked(relay, scripted, exchange):
    scripted.replies["RCPT"] = "550 5.1.1 <bob@script.example>: no such user"
    relay.start()
    queue_id = hand_in("RET=FULL ENVID=QQ+2B314", [
        ("bob@script.example", "NOTIFY=FAILURE,DELAY ORCPT=rfc822;Bob+2BSmith@old.example"),
        ("eve@script.example", "NOTIFY=NEVER"), ("joe@script.example", "NOTIFY=SUCCESS"),
        ("sue@script.example", "")])
    report, words, of_message, of_recipients, original = wait_for_report(exchange)
    assert report["Subject"] == "Undelivered mail returned to sender"
    assert report["To"] == "ann@corp.example"
    assert of_message["Original-Envelope-Id"] == "QQ+314"
    assert of_message["X-Ptrelay-Queue-ID"] == queue_id
    bob, sue = of_recipients
    assert bob["Original-Recipient"] == "rfc822;Bob+Smith@old.example"
    assert bob["Final-Recipient"] == "rfc822; bob@script.example"
    assert bob["Action"] == "failed" and bob["Status"] == "5.1.1"
    assert bob["Remote-MTA"] == "dns; mx.script.example"
    assert bob["Diagnostic-Code"].startswith("smtp; 550 5.1.1 <bob@script.example>")
    assert sue["Final-Recipient"] == "rfc822; sue@script.example" and sue["Original-Recipient"] is None
    assert "bob@script.example" in words and "eve@" not in words and "joe@" not in words
    assert original.get_content_type() == "message/rfc822"
    assert original.get_content()["Subject"] == "a request"
    assert original.get_content().get_content().strip() == "the body"
    relay.wait_until_empty()
    assert relay.log.count(" not-told ") == 2
    assert len(exchange.messages) == 1


@pytest.mark.parametrize("ret, size", [("", 10), ("RET=HDRS", 10), ("RET=FULL", 110 * 1024)])
def test_the_header_alone_is_returned(relay, scripted, exchange, ret, size):
    scripted.replies["RCPT"] = "550 5.1.1 no such user"
    relay.start()
    hand_in(ret, [("bob@script.example", "")], text=BODY + ("y" * 70 + "\r\n") * (size // 72))
    _, _, of_message, _, original = wait_for_report(exchange)
    assert of_message["Original-Envelope-Id"] is None
    assert original.get_content_type() == "text/rfc822-headers"
    assert "Subject: a request" in original.get_content() and "the body" not in original.get_content()
    relay.wait_until_empty()


def test_success_is_reported_as_relayed(relay, scripted, exchange):
    scripted.replies["RCPT TO:<eve"] = "550 5.1.1 no such user"
    relay.start()
    hand_in("RET=FULL", [("bob@script.example", "NOTIFY=SUCCESS,FAILURE"), ("eve@script.example", "NOTIFY=NEVER"),
                         ("joe@script.example", "NOTIFY=FAILURE")])
    report, words, _, of_recipients, original = wait_for_report(exchange)
    assert report["Subject"] == "Your message was handed on"
    (bob,) = of_recipients
    assert bob["Final-Recipient"] == "rfc822; bob@script.example"
    assert bob["Action"] == "relayed" and bob["Status"] == "2.0.0"
    assert bob["Diagnostic-Code"] == "smtp; 250 taken"
    assert "handed on" in words
    assert original.get_content_type() == "text/rfc822-headers", "RET=FULL is about failures"
    relay.wait_until_empty()
    assert len(exchange.messages) == 1


def test_a_report_is_told_to_nobody_who_has_no_address(relay, scripted, exchange):
    relay.start()
    hand_in("", [("bob@script.example", "NOTIFY=SUCCESS,FAILURE")], sender="")
    relay.wait_until_empty()
    assert len(scripted.messages) == 1 and not exchange.messages


def test_a_request_survives_a_restart(relay, names, scripted, exchange):
    names.remove("25.2.0.192")
    relay.start()
    hand_in("RET=HDRS ENVID=over", [("bob@script.example", "NOTIFY=SUCCESS ORCPT=rfc822;bob@old.example"),
                                    ("eve@script.example", "NOTIFY=NEVER")])
    relay.wait_for_state("held", 2)
    relay.stop()
    names.reset()
    relay.start()
    _, _, of_message, (bob,), _ = wait_for_report(exchange)
    assert of_message["Original-Envelope-Id"] == "over"
    assert bob["Original-Recipient"] == "rfc822;bob@old.example" and bob["Action"] == "relayed"
    relay.wait_until_empty()


def test_utf8_goes_to_a_server_that_takes_it(relay, scripted):
    scripted.replies["EHLO"] = "250-scripted\r\n250-8BITMIME\r\n250 SMTPUTF8"
    lines = []
    reply_to = scripted.reply_to
    scripted.reply_to = lambda verb, line: (lines.append(line), reply_to(verb, line))[1]
    try:
        relay.start()
        hand_in("BODY=8BITMIME SMTPUTF8", [("bj\u00f6rn@script.example", "")],
                text=BODY.replace("a request", "ein Gr\u00fc\u00df"))
        relay.wait_until_empty()
        hand_in("SMTPUTF8", [("bob@script.example", "")])
        relay.wait_until_empty()
    finally:
        scripted.reply_to = reply_to
    (first, raw), (_, plain) = scripted.messages
    assert first["to"] == ["bj\u00f6rn@script.example"]
    assert b"with UTF8SMTP id" in raw and b"\tfor <" not in raw
    assert b"with UTF8SMTP id" in plain and b"\tfor <bob@script.example>" in plain
    mails = [line.decode() for line in lines if line.startswith(b"MAIL")]
    assert "BODY=8BITMIME SMTPUTF8" in mails[0] and "SMTPUTF8" not in mails[1], "what needs none asks for none"


def test_utf8_that_the_server_does_not_take_is_a_clear_failure(relay, scripted, exchange):
    relay.start()
    hand_in("SMTPUTF8", [("bj\u00f6rn@script.example", "")])
    report, words, _, (bjorn,), _ = wait_for_report(exchange)
    assert bjorn["Final-Recipient"] == r"utf-8; bj\x{F6}rn@script.example"
    assert bjorn["Action"] == "failed" and bjorn["Status"] == "5.6.7"
    assert "bj\u00f6rn@script.example" in words and "SMTPUTF8" in words
    assert not scripted.messages
    relay.wait_until_empty()
    assert "to=<bj\u00f6rn@script.example>" in relay.log_path.read_text("utf-8")


def test_a_domain_that_is_not_ascii_is_one_like_others(relay, names, scripted):
    names.add("xn--bcher-kva.example. MX 10 mx.script.example.")
    relay.start()
    hand_in("SMTPUTF8", [("bob@b\u00fccher.example", "")], sender="ann@B\u00dcCHER.example")
    relay.wait_until_empty()
    ((envelope, _),) = scripted.messages  # it does not know SMTPUTF8
    assert envelope == {"from": "ann@xn--bcher-kva.example", "to": ["bob@xn--bcher-kva.example"]}


def loop_of(hops):
    """A header that has passed so many servers, which spell the field as they like."""
    forms = ["Received: from a by b; date\r\n", "RECEIVED: from a\r\n\tby b;\r\n date\r\n", "received : x\r\n"]
    return ("".join(forms[i % 3] for i in range(hops)) + "Subject: around\r\n\r\nx\r\n").encode()


@pytest.mark.parametrize("hops, code", [(49, 250), (50, 250), (51, 554), (1000, 554)])
def test_a_loop_ends(relay, hops, code):
    relay.start(preflight="off")
    with smtplib.SMTP("127.0.0.1", 2525, timeout=30) as client:
        client.ehlo("exchange.corp.local")
        client.mail("ann@corp.example")
        client.rcpt("bob@script.example")
        answer = client.data(loop_of(hops))
        assert answer[0] == code
        assert code == 250 or answer[1].startswith(b"5.4.6")
        assert client.noop()[0] == 250


def nested(depth):
    head = "".join(f"Content-Type: multipart/mixed; boundary=b{i}\r\n\r\n--b{i}\r\n" for i in range(depth))
    return ("MIME-Version: 1.0\r\n" + head + "\r\nx\r\n").encode()


HEAD = b"Subject: content\r\n"
MANY = 100_000
CONTENT = {
    "nothing": b"",
    "a header without a body": HEAD,
    "a body without a header": b"\r\njust text\r\n",
    "no header and no blank line": b"just text\r\n",
    "a first line that is a continuation": b" folded\r\n" + HEAD + b"\r\nx\r\n",
    "continuations only": b" folded\r\n\tand again\r\n" * 10,
    "a field without a colon": b"Subject\r\n" + HEAD + b"\r\nx\r\n",
    "a field without a name": b": x\r\n" + HEAD + b"\r\nx\r\n",
    "a name that is not ASCII": b"S\xfcbject: x\r\n\r\nx\r\n",
    "the line of a mailbox file": b"From ann@corp.example Tue Nov 24 11:30:00 2026\r\n" + HEAD + b"\r\nx\r\n",
    "NUL and other control bytes": HEAD + b"X: a\0b\r\n\r\nc\0d\x01\x1b[31m\x7f\r\n",
    "a field of 998 bytes": HEAD + b"X: " + b"y" * 995 + b"\r\n\r\nx\r\n",
    "a field of 999 bytes": HEAD + b"X: " + b"y" * 996 + b"\r\n\r\nx\r\n",
    "a field of 100 KB": HEAD + b"X: " + b"y" * 102_400 + b"\r\n\r\nx\r\n",
    "a field of 10 MB": HEAD + b"From: " + b"y" * 10_000_000 + b"\r\n\r\nx\r\n",
    "many continuation lines": HEAD + b"From: a\r\n" + b" y\r\n" * MANY + b"\r\nx\r\n",
    "many fields": HEAD + b"X: y\r\n" * 10 * MANY + b"\r\nx\r\n",
    "many From fields": HEAD + b"From: a@b.example\r\n" * MANY + b"\r\nx\r\n",
    "a line of 999 bytes": HEAD + b"\r\n" + b"y" * 999 + b"\r\n",
    "a line of 64 KB": HEAD + b"\r\n" + b"y" * 65_536 + b"\r\n",
    "a line of 10 MB": HEAD + b"\r\n" + b"y" * 10_000_000 + b"\r\n",
    "dots": HEAD + b"\r\n" + b".\r\n" * MANY + b"..\r\n.x\r\n",
    "empty lines": HEAD + b"\r\n" + b"\r\n" * 10 * MANY,
    "parts within parts": nested(10_000),
    "a part without an end": HEAD + b"Content-Type: multipart/mixed; boundary=\"\r\n\r\n--\r\n--\"--\r\n",
}


@pytest.mark.parametrize("what", CONTENT)
def test_content_is_passed_on_byte_for_byte(relay, scripted, what):
    """We read From:, Received: and DKIM-Signature: of it, and change nothing."""
    relay.start(preflight="off")
    send(to=("bob@script.example",), text=CONTENT[what])
    wait_for(lambda: scripted.messages, "the message")
    (_, raw), = scripted.messages
    end = raw.index(b"+0000\r\n") + len(b"+0000\r\n")
    assert raw.startswith(b"Received: from ") and raw[end:] == (CONTENT[what] or b"\r\n")
    relay.wait_until_empty()
