# SPDX-License-Identifier: ISC
"""What the pre-flight costs, in questions to the DNS and in rounds of waiting for it."""

import smtplib
import sys
import time

from names import FaultyResolver, Names
from receiver import Receiver
from relay import Relay
from support import wait_for

MESSAGES, WARM_UP, SENDERS, QUESTIONS_MAX = 1000, 50, 5, 30
DELAY, ROUNDS_MAX = 0.2, 5


class SlowResolver(FaultyResolver):
    """Every answer takes a while; they take it side by side."""

    ADDRESS = "127.0.0.5"

    def _pass_on(self, query, client):
        time.sleep(DELAY)
        super()._pass_on(query, client)


def make_world():
    names = Names(ttl=300)
    names.start()
    names.add("corp.example. TXT \"v=spf1 mx -all\"")
    for number in range(SENDERS):
        names.add(f"s{number}.example. MX 10 mail.corp.example.")
        names.add(f"s{number}.example. TXT \"v=spf1 include:corp.example -all\"")
        names.add(f"_dmarc.s{number}.example. TXT \"v=DMARC1; p=reject\"")
    return names


def hand_in(count):
    with smtplib.SMTP("127.0.0.1", 2525, timeout=30) as client:
        client.ehlo("exchange.corp.local")
        for number in range(count):
            sender = f"ann@s{number % SENDERS}.example"
            client.sendmail(sender, "bob@script.example", f"From: {sender}\r\nSubject: {number}\r\n\r\nhello\r\n")


def measure_many(binary):
    """1,000 messages of 5 senders to one destination: how often is the DNS asked, and how often once it
    has been asked for the first ones?"""
    resolver, receiver = FaultyResolver(), Receiver("198.51.100.8", 25)
    relay = Relay(binary).start(log_level="info")
    try:
        start = time.monotonic()
        hand_in(WARM_UP)
        wait_for(lambda: len(receiver.messages) >= WARM_UP, "the first deliveries", 120)
        cold = resolver.asked
        hand_in(MESSAGES - WARM_UP)
        wait_for(lambda: len(receiver.messages) >= MESSAGES, "all deliveries", 120)
        seconds = time.monotonic() - start
    finally:
        relay.stop()
    print(f"{MESSAGES} messages, {SENDERS} senders, 1 destination: {resolver.asked} questions "
          f"(bound {QUESTIONS_MAX}), {resolver.asked - cold} of them warm (bound 0), {seconds:.1f} s")
    return resolver.asked <= QUESTIONS_MAX and resolver.asked == cold


def measure_cold(binary):
    """One cold evaluation behind a slow resolver: does it ask side by side?"""
    resolver = SlowResolver()
    relay = Relay(binary)
    start = time.monotonic()
    result = relay.run("check", "--ip", "192.0.2.25", "--ehlo", "mail.corp.example", "--from", "ann@s1.example",
                       "--to", "bob@script.example", "--resolver", resolver.ADDRESS, config=False)
    seconds = time.monotonic() - start
    assert result.returncode == 0, result.stdout + result.stderr
    print(f"cold: {resolver.asked} questions, {seconds / DELAY:.1f} round trips (bound {ROUNDS_MAX})")
    return seconds / DELAY <= ROUNDS_MAX


def main():
    binary = sys.argv[1]
    names = make_world()
    try:
        fine = [measure_many(binary), measure_cold(binary)]
    finally:
        names.stop()
    sys.exit(0 if all(fine) else 1)


main()
