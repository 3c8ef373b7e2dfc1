# SPDX-License-Identifier: ISC
"""kill -9: what was acknowledged is there; who was served twice is bounded."""

import collections
import concurrent.futures
import smtplib
import threading

from relay import send
from support import wait_for

MESSAGES = 200


def hand_in(number, acknowledged, lock):
    try:
        send(to=("b@script.example",), text=f"Subject: number {number}\r\n\r\n{number}\r\n")
    except (OSError, smtplib.SMTPException, AssertionError, IndexError):
        return
    with lock:
        acknowledged.add(number)


def hand_in_and_kill(relay, kill_when):
    """Hands in MESSAGES concurrently and kills the relay when kill_when(acknowledged) is true."""
    acknowledged, lock = set(), threading.Lock()
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        work = [pool.submit(hand_in, n, acknowledged, lock) for n in range(MESSAGES)]
        wait_for(lambda: kill_when(acknowledged), "enough messages to kill it over")
        relay.kill()
        concurrent.futures.wait(work)
    return acknowledged


def copies(scripted):
    numbers = (int(body.split(b"\r\n\r\n")[1]) for _, body in scripted.messages)
    return collections.Counter(numbers)


def test_without_deliveries_exactly_once(relay, scripted):
    scripted.replies["banner"] = "421 4.3.2 closed"
    relay.start(client_session_limit="200")
    acknowledged = hand_in_and_kill(relay, lambda a: len(a) >= MESSAGES // 2)
    scripted.reset()
    relay.start()
    relay.wait_until_empty()
    counted = copies(scripted)
    assert acknowledged <= set(counted), f"lost: {acknowledged - set(counted)}"
    assert set(counted.values()) == {1}


def test_with_deliveries_at_most_one_more_per_connection(relay, scripted):
    relay.start(client_session_limit="200", destination_concurrency="10")
    acknowledged = hand_in_and_kill(relay, lambda a: len(scripted.messages) >= MESSAGES // 4)
    relay.start()
    relay.wait_until_empty()
    counted = copies(scripted)
    assert acknowledged <= set(counted), f"lost: {acknowledged - set(counted)}"
    assert sum(counted.values()) - len(counted) <= 10
    assert max(counted.values()) <= 2
