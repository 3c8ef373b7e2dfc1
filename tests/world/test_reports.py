# SPDX-License-Identifier: ISC
"""What senders and the administrator hear: failures in plain words, delay notices, the digest, and never a
bounce of a bounce. Every report is read with Python's email package."""

import email
import email.policy
import email.utils
import time

import pytest

from relay import send
from support import wait_for
from test_hold import no_ptr
from test_receiving import hand_in, read_report, wait_for_report

RECORD = "25.2.0.192.in-addr.arpa. PTR mail.corp.example."
ADMIN = {"report_to": "admin@admin.example",
         "route": ["corp.example 127.0.0.2:2526", "admin.example 198.51.100.8:25"]}


def paragraphs(words):
    """The one for the sender, and the one for the administrator."""
    sender, administrator = words.split("For the administrator:")
    return " ".join(sender.split()), " ".join(administrator.split())


def read_summary(message):
    """The subject and the text of a digest."""
    envelope, raw = message
    assert envelope["from"] == ""
    summary = email.message_from_bytes(raw, policy=email.policy.SMTP)
    assert summary.get_content_type() == "text/plain"
    assert summary["Auto-Submitted"] == "auto-generated"
    assert not summary.defects
    return summary["Subject"], summary.get_content()


def digests(receiver):
    return [m for m in receiver.messages if m[0]["to"] == ["admin@admin.example"]]


def test_a_delay_is_told_once_and_to_those_who_want_it(relay, scripted, exchange):
    scripted.replies["RCPT"] = "450 4.2.0 greylisted, come back later"
    relay.start(delay_warning="3s")
    hand_in("ENVID=late", [("bob@script.example", ""), ("eve@script.example", "NOTIFY=FAILURE"),
                           ("joe@script.example", "NOTIFY=DELAY ORCPT=rfc822;joe@old.example"),
                           ("sue@script.example", "NOTIFY=NEVER")])
    started = time.time()
    report, words, of_message, of_recipients, original = wait_for_report(exchange)
    assert report["Subject"] == "Your message is delayed"
    assert of_message["Original-Envelope-Id"] == "late"
    bob, joe = of_recipients
    assert bob["Final-Recipient"] == "rfc822; bob@script.example"
    assert joe["Original-Recipient"] == "rfc822;joe@old.example"
    for recipient in of_recipients:
        assert recipient["Action"] == "delayed" and recipient["Status"] == "4.2.0"
        assert recipient["Diagnostic-Code"].startswith("smtp; 450 4.2.0 greylisted")
        until = email.utils.parsedate_to_datetime(recipient["Will-Retry-Until"]).timestamp()
        assert abs(until - started - 5 * 86400) < 60
    sender, administrator = paragraphs(words.replace("joe@script.example", "").split("bob@script.example")[1]
                                       .rsplit("Your message takes longer", 1)[0])
    assert "need not send it again" in sender and "tried again by itself" in sender
    assert "450 4.2.0 greylisted" in administrator
    assert original.get_content_type() == "text/rfc822-headers"
    time.sleep(3)  # two more attempts: nobody is told twice
    assert len(exchange.messages) == 1
    del scripted.replies["RCPT"]
    relay.wait_until_empty()
    assert len(exchange.messages) == 1 and relay.log.count(" delay-told ") == 2


def test_what_is_held_is_told_with_the_missing_record_in_one_notice(relay, names, scripted, exchange):
    no_ptr(names)
    names.add("other.example. MX 10 mx.script.example.")
    relay.start(delay_warning="2s")
    send(to=("bob@script.example", "ann@other.example"))
    report, words, _, of_recipients, _ = wait_for_report(exchange)
    assert report["Subject"] == "Your message is delayed"
    assert {r["Final-Recipient"] for r in of_recipients} == {"rfc822; bob@script.example", "rfc822; ann@other.example"}
    assert all(r["Status"] == "4.7.25" and r["Will-Retry-Until"] for r in of_recipients)
    assert words.count(RECORD) == 2 and "goes out by itself" in " ".join(words.split())
    relay.stop()
    relay.start(delay_warning="1s")
    relay.wait_for_state("held", 2)
    time.sleep(2)
    assert len(exchange.messages) == 1, "that it was told survives a restart"
    names.reset()
    names.add("other.example. MX 10 mx.script.example.")
    relay.wait_until_empty()


def test_what_an_administrator_holds_is_not_told(relay, names, exchange):
    no_ptr(names)
    relay.start(delay_warning="3s")
    send(to=("bob@script.example",))
    relay.wait_for_state("held")
    assert relay.run("queue", "hold", "--all").returncode == 0
    time.sleep(4)
    assert not exchange.messages
    names.reset()
    relay.run("queue", "delete", "--all", "--yes")
    relay.wait_until_empty()


def test_an_expired_hold_names_the_record_and_its_zone(relay, names, exchange):
    no_ptr(names)
    relay.start(hold_lifetime="2s")
    hand_in("", [("bob@script.example", "")])
    report, words, _, (bob,), _ = wait_for_report(exchange)
    assert report["Subject"] == "Undelivered mail returned to sender"
    assert bob["Action"] == "failed" and bob["Status"] == "5.4.7"
    sender, administrator = paragraphs(words)
    assert "kept back all this time" in sender and "forward this report to your administrator" in sender
    assert "PTR" not in sender
    assert "192.0.2.25 has no PTR record" in administrator and RECORD in administrator
    assert "Who can mend it: owner of the zone" in administrator and "2.0.192.in-addr.arpa" in administrator
    relay.wait_until_empty()


FAILURES = [
    ("refused", {"RCPT": "550 5.7.1 we do not like you"}, {}, "5.7.1", "refused your message for good",
     "550 5.7.1 we do not like you"),
    ("no such user", {"RCPT": "550 5.1.1 unknown"}, {}, "5.1.1", "no such mailbox", "550 5.1.1 unknown"),
    ("queue_lifetime", {"RCPT": "450 4.2.2 full"}, {"queue_lifetime": "2s"}, "5.4.7", "again and again",
     "450 4.2.2 full"),
    ("refused_hold_lifetime", {"MAIL": "550 5.7.20 no passing DKIM signature found"}, {"refused_hold_lifetime": "2s"}, "5.4.7",
     "how the sending side is set up", "no passing DKIM signature found"),
    ("too large", {"EHLO": "250-scripted\r\n250 SIZE 10"}, {}, "5.3.4", "smaller attachments", "5.3.4"),
]


@pytest.mark.parametrize("what, replies, settings, status, told, fact", FAILURES, ids=[f[0] for f in FAILURES])
def test_a_failure_in_plain_words(relay, scripted, exchange, what, replies, settings, status, told, fact):
    scripted.replies.update(replies)
    relay.start(**settings)
    hand_in("", [("bob@script.example", "")])
    _, words, _, (bob,), _ = wait_for_report(exchange)
    assert bob["Action"] == "failed" and bob["Status"] == status
    sender, administrator = paragraphs(words)
    assert told in sender and fact in administrator
    relay.wait_until_empty()


def test_what_an_administrator_returns(relay, names, exchange):
    no_ptr(names)
    relay.start()
    send(to=("bob@script.example",))
    relay.wait_for_state("held")
    relay.run("queue", "bounce", "--all", "--yes")
    _, words, _, (bob,), _ = wait_for_report(exchange)
    sender, administrator = paragraphs(words)
    assert bob["Status"] == "5.0.0" and "An administrator" in sender and RECORD in administrator
    relay.wait_until_empty()


def test_a_null_mx_is_told(relay, names, exchange):
    names.add("takesnone.example. MX 0 .")
    relay.start()
    send(to=("bob@takesnone.example",))
    _, words, _, (bob,), _ = wait_for_report(exchange)
    assert bob["Status"] == "5.1.10" and "takes no mail at all" in paragraphs(words)[0]
    relay.wait_until_empty()


def test_what_nobody_can_be_told_of_comes_in_a_digest_that_survives(relay, scripted, exchange):
    scripted.replies["RCPT TO:<bob"] = "550 5.1.1 no such user"
    exchange.replies["RCPT"] = "550 5.1.1 ann has left"
    relay.start(**ADMIN)
    first = send(sender="", to=("bob@script.example",))
    second = send(to=("bob@script.example",))  # its NDR fails
    wait_for(lambda: relay.log.count(" told-later ") == 2, "two failures without anybody to tell")
    assert not digests(scripted)
    relay.kill()
    relay.start(**ADMIN)
    wait_for(lambda: digests(scripted), "the digest", 30)
    subject, text = read_summary(digests(scripted)[0])
    assert subject == "2 undelivered messages"
    assert first in text and second not in text, "the NDR failed, not what it was about"
    assert "from: <>" in text and "to:   <bob@script.example>" in text and "550 5.1.1 no such user" in text
    assert "(a notification)" in text and "to:   <ann@corp.example>" in text and "550 5.1.1 ann has left" in text
    relay.wait_until_empty()
    send(sender="", to=("bob@script.example",))
    wait_for(lambda: relay.log.count(" told-later ") == 3, "one more")
    time.sleep(1)
    assert len(digests(scripted)) == 1, "the next one comes in an hour"
    assert not exchange.messages


def test_a_digest_that_fails_is_logged(relay, scripted, exchange):
    scripted.replies["RCPT"] = "550 5.1.1 no such user"
    relay.start(**ADMIN)
    send(sender="", to=("bob@script.example",))
    wait_for(lambda: " digest id=" in relay.log, "the digest", 30)
    relay.wait_until_empty()
    assert relay.log.count(" double-bounce ") == 1 and "to=<admin@admin.example>" in relay.log
    assert not scripted.messages and not exchange.messages


def test_without_report_to_a_double_bounce_is_logged_and_gone(relay, scripted, exchange):
    scripted.replies["RCPT"] = "550 5.1.1 no such user"
    relay.start()
    send(sender="", to=("bob@script.example",))
    relay.wait_until_empty()
    assert relay.log.count(" double-bounce ") == 1 and not exchange.messages


def test_senders_who_are_not_to_hear_hear_nothing(relay, scripted, exchange):
    scripted.replies["RCPT TO:<bob"] = "550 5.1.1 no such user"
    scripted.replies["RCPT TO:<eve"] = "450 4.2.0 later"
    relay.start(notify_sender="off", delay_warning="1s", **ADMIN)
    hand_in("", [("bob@script.example", "NOTIFY=FAILURE"), ("eve@script.example", ""),
                 ("joe@script.example", "NOTIFY=SUCCESS")])
    wait_for(lambda: digests(scripted), "the digest", 30)
    subject, text = read_summary(digests(scripted)[0])
    assert subject == "1 undelivered message" and "from: <ann@corp.example>" in text
    assert not exchange.messages
    scripted.replies.clear()
    relay.run("queue", "retry", "--all")
    relay.wait_until_empty()


def test_a_storm_of_failures_is_gathered(relay, scripted, exchange):
    scripted.replies["RCPT"] = "550 5.1.1 no such user"
    relay.start()
    for _ in range(60):
        send(to=("bob@script.example",))
    wait_for(lambda: relay.log.count(" bounced id=") == 60, "60 failures")
    wait_for(lambda: len(exchange.messages) == 20, "the first reports")
    told = relay.log.count(" told-later ")
    assert told == 40 and len(exchange.messages) == 20
    relay.stop()
    relay.start()
    assert relay.log.count(" messages=40 ") == 1, "what is to be told yet stays in the spool"
    assert len(exchange.messages) == 20


def test_a_report_whose_only_way_would_be_held_waits(relay, names, scripted, exchange):
    scripted.replies["RCPT TO:<bob"] = "550 5.1.1 no such user"
    no_ptr(names)
    names.remove("corp.example. MX")
    names.add("corp.example. MX 10 mx.script.example.")
    relay.start(route=None, **{"preflight__ptr-missing": "off", "preflight_for": "corp.example ptr-missing hold"})
    send(to=("bob@script.example",))
    report = wait_for(lambda: [m for m in relay.queue("--state", "held") if m["from"] == ""] or None,
                      "the report, held")[0]
    assert f"held id={report['id']}" in relay.log
    names.reset()


def test_success_is_told_by_who_delivers(relay, scripted, exchange):
    scripted.replies["EHLO"] = "250-scripted\r\n250 DSN"
    relay.start()
    hand_in("RET=HDRS ENVID=x", [("bob@script.example", "NOTIFY=SUCCESS ORCPT=rfc822;bob@old.example")])
    relay.wait_until_empty()
    assert len(scripted.messages) == 1
    assert not exchange.messages, "it was asked to report itself"


def test_success_where_nobody_else_tells(relay, scripted, exchange):
    relay.start()
    hand_in("", [("bob@script.example", "NOTIFY=SUCCESS")])
    _, words, _, (bob,), _ = wait_for_report(exchange)
    assert bob["Action"] == "relayed" and "handed on" in words
    relay.wait_until_empty()


CRAFTED = [
    "550 5.7.1 blocked using zen.spamhaus.org, see http://x/",
    "550 5.7.25 " + "no PTR " * 60,
    "550 5.1.8 \x1b[31m sender domain must resolve",
]


@pytest.mark.parametrize("reply", CRAFTED, ids=range(len(CRAFTED)))
def test_a_crafted_refusal_holds_its_own_destination_for_a_while(relay, scripted, exchange, postfix, reply):
    """J20: others are served meanwhile, and it ends in an NDR."""
    scripted.replies["MAIL"] = reply
    relay.start(refused_hold_lifetime="4s", hold_lifetime="4s")
    send(to=("bob@script.example",))
    relay.wait_for_state("held")
    before = len(postfix.messages())
    send(to=("bob@dest.example",))
    wait_for(lambda: len(postfix.messages()) > before, "mail to another domain")
    _, words, _, (bob,), _ = wait_for_report(exchange)
    assert bob["Status"] == "5.4.7"
    assert "\x1b" not in words
    relay.wait_until_empty()


CONTRADICTIONS = [("END", "250 5.7.1 taken", "delivered"), ("RCPT", "550 4.2.0 later", "bounced"),
                  ("RCPT", "450 5.1.1 later", "deferred")]


@pytest.mark.parametrize("stage, reply, event", CONTRADICTIONS, ids=[c[1][:9] for c in CONTRADICTIONS])
def test_the_basic_code_rules(relay, scripted, stage, reply, event):
    """J19: the enhanced code is told, and decides nothing."""
    scripted.replies[stage] = reply
    relay.start()
    queue_id = send(to=("bob@script.example",))
    wait_for(lambda: f" {event} id={queue_id} " in relay.log, event)
    assert reply in relay.log
    scripted.replies.clear()
    relay.run("queue", "retry", "--all")
    relay.wait_until_empty()
