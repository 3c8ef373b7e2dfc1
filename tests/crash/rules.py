# SPDX-License-Identifier: ISC
"""What daemon.py hands in, and what must have become of it in the end."""

import collections
import re

MESSAGES = 36
STAYING = range(5, MESSAGES, 6)  # an administrator looks after them
COMMANDS = {5: ("hold", "release"), 11: ("delete",), 17: ("hold",), 23: ("retry",), 29: ("hold", "delete"), 35: ("hold", "delete")}
DURING_ATTEMPT = (11, 17, 29)


def sender(number):
    """Who cannot be told ("gone", "") is told of in the digest, who was told much in a summary."""
    return {4: f"gone{number}@corp.example", 10: "much@corp.example", 16: "", 22: "much@corp.example",
            28: f"gone{number}@corp.example"}.get(number, "ann@corp.example")


def recipients(number):
    names = {1: ("bob", "later"), 3: ("bob", "never", "later"), 4: ("never",), 5: ("stay",)}.get(number % 6, ("bob",))
    return [f"{name}{number}@corp.example" for name in names]


def text(number):
    size = 40000 if number % 10 == 0 else 500 * (number % 7)
    return f"Subject: x\r\n\r\n{number} {'x' * 70}\r\n" + "y" * 70 + "\r\n" + ("z" * 70 + "\r\n") * (size // 72)


def wanted(numbers):
    """{(message, recipient)} that must be served, and the failures that must be told."""
    served, failed = set(), set()
    for number in numbers:
        for address in recipients(number):
            if not address.startswith("never"):
                served.add((number, address))
            elif sender(number).startswith("gone"):
                failed.add(sender(number))  # the report fails
            else:
                failed.add(address)
    return served, failed


def read_reports(taken):
    """Of all different reports: ({who failed: how often told}, {who is late: how often told})."""
    failed, late = collections.Counter(), collections.Counter()
    for body in {t.name(): t.body for t in taken if not t.sender}.values():
        blocks = re.findall(rb"Final-Recipient: *rfc822; *(\S+)\r\n(?:[^\r]+\r\n)*?Action: *(\w+)", body)
        for address, action in blocks:
            (late if action == b"delayed" else failed)[address.decode()] += 1
        if not blocks:  # a summary or digest
            failed.update(address.decode() for address in re.findall(rb"^    to:   <([^>]*)>", body, re.MULTILINE))
    return failed, late


class History:
    """What happened to a relay: what clients and administrators were promised, and how far its first life went."""

    def __init__(self):
        self.ids = {}  # of what a client has read 250 for, by number
        self.asked, self.done = set(), set()  # (number, verb)
        self.connections = 0  # of the first life

    def was_deleted(self, number):
        return (number, "delete") in self.done

    def is_held(self, number):
        """Nothing but a release ends it."""
        return (number, "hold") in self.done and not {(number, "release"), (number, "delete")} & self.asked


def is_last_of_connection(transaction, transactions):
    return [t for t in transactions if t.connection == transaction.connection][-1] is transaction


def judge(history, transactions):
    """(lost, repeats, problems in words)"""
    taken = [t for t in transactions if t.is_taken]
    served = collections.defaultdict(list)
    for transaction in taken:
        for address in transaction.to:
            served[transaction.name(), address].append(transaction)
    must, must_tell = wanted(history.ids)
    must = {(number, address) for number, address in must if (number, "delete") not in history.asked}
    lost, problems = must - set(served), []
    if lost:
        problems.append(f"lost: {sorted(lost)}")
    back = [number for number, _ in served if number in STAYING and history.was_deleted(number)]
    if back:
        problems.append(f"deleted, and came back: {back}")
    again = {item: copies for item, copies in served.items() if len(copies) > 1}
    wrong = [item for item, copies in again.items()
             if len(copies) > 2 or copies[0].connection >= history.connections
             or not is_last_of_connection(copies[0], transactions)]
    if wrong:
        problems.append(f"served again, and was not under way: {wrong[:5]}")
    failed, late = read_reports(taken)
    if must_tell - set(failed):
        problems.append(f"failed, and nobody was told: {sorted(must_tell - set(failed))}")
    too_often = [address for told in (failed, late) for address, count in told.items() if count > 1]
    if too_often:
        problems.append(f"told more than once: {too_often[:5]}")
    return len(lost), len({id(copies[0]) for copies in again.values()}), problems
