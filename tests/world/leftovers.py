# SPDX-License-Identifier: ISC
"""What a client may leave behind: nothing. A clean session takes less than a second, descriptors are exactly those of
before, memory is within 5 % (under a sanitizer, whose memory is its own affair, it is not looked at)."""

import os
import pathlib
import smtplib
import time

from support import wait_for

CLEAN = "127.0.0.1"
SUBJECT = b"\r\nSubject: clean\r\n"


def outgoing():
    """Inodes of connections to a server's port 25: one may be kept for the next message."""
    rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {row[9] for row in rows if row[2].endswith(":0019")}


def descriptors(relay):
    kept, count = outgoing(), 0
    for link in pathlib.Path(f"/proc/{relay.process.pid}/fd").iterdir():
        try:
            name = os.readlink(link)
        except FileNotFoundError:  # closed while we look
            continue
        count += name.removeprefix("socket:[").removesuffix("]") not in kept
    return count


def memory(relay):
    status = pathlib.Path(f"/proc/{relay.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])  # KiB


def is_sanitized(relay):
    return "libasan" in pathlib.Path(f"/proc/{relay.process.pid}/maps").read_text()


def clean_session():
    """Hands in a message; no more than a second may pass."""
    start = time.monotonic()
    with smtplib.SMTP("127.0.0.1", 2525, timeout=10, source_address=(CLEAN, 0)) as client:
        client.sendmail("ann@corp.example", ["bob@dest.example"], "Subject: clean\r\n\r\nclean\r\n")
    took = time.monotonic() - start
    assert took < 1, f"a clean session took {took:.2f} s"


def settle(relay):
    """Until what was handed in has left, and who has left is gone. Returns the descriptors then."""
    wait_for(lambda: not relay.queue(), "an empty queue")
    counts = [descriptors(relay)]

    def is_steady():
        counts.append(descriptors(relay))
        return len(counts) > 10 and len(set(counts[-10:])) == 1
    wait_for(is_steady, "steady descriptors")
    return counts[-1]


def baseline(relay):
    """The descriptors of a relay that has served one client."""
    clean_session()
    return settle(relay)


def check_none(relay, before):
    """before: what baseline() gave."""
    clean_session()
    wait_for(lambda: settle(relay) == before, f"{before} descriptors", 15)


ROUNDS_MAX = 4


def check_memory(relay, attack):
    """The attack comes again and again: the first rounds warm up, but memory must stop growing; a leak would not."""
    attack()
    after = memory(relay)
    for _ in range(ROUNDS_MAX - 1):
        before = after
        attack()
        after = memory(relay)
        if is_sanitized(relay) or after <= before * 1.05:
            return
    raise AssertionError(f"{before} KiB became {after} in round {ROUNDS_MAX}")
