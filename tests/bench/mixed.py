# SPDX-License-Identifier: ISC
"""Days of mail in minutes, through small segments: most of it is delivered, some at the second attempt, some
is refused and reported to its sender, and a hundredth is held by the administrator and stays. At rest: is everybody
served exactly once, is the spool as small as it should be, has the process grown?"""

import asyncio
import collections
import os
import pathlib
import random
import subprocess
import sys
import time

from parts import KIB, MIB, Client, DiskRelay
from sink import Sink
from support import wait_for

COUNT = int(os.environ.get("COUNT", 200_000))
# After the warm-up memory and descriptors should not grow. It is more of a rush than what follows: what malloc
# once got for the worst moment it hardly ever gives back.
WARM_UP = COUNT // 5
RUSH, CALM = (60, 8000), (20, 3000)  # sessions, and messages that wait
DOMAINS = 20  # so many sinks: the ports of one address would run short
SEGMENT = 4 * MIB
LARGEST = 200  # KiB; half of the messages have less than 2, a tenth more than 30
SETTLING = 180
# Of 160,000 messages that each left the smallest block of malloc behind (32 bytes), it would be 5 MB. What is
# held may take the 400 bytes a message that a queue may cost.
GROWTH_MAX, GROWTH_SHARE, HELD_COST = 4 * MIB, 0.05, 400

# Of a hundred messages: how many, and the names of their recipients.
KINDS = [(84, ["now"]), (5, ["later"]), (5, ["never"]), (5, ["now", "later"]), (1, ["held"])]


class Traffic:
    """Messages by number: who they are for, how large they are. The same in each run."""

    LINES = (b"x" * 78 + b"\r\n") * (LARGEST * KIB // 80)

    def __init__(self, count):
        self.random = random.Random(4)
        kinds = [names for share, names in KINDS for _ in range(count * share // 100)]
        self.kinds = kinds + [["now"]] * (count - len(kinds))
        self.random.shuffle(self.kinds)

    def recipients(self, number):
        """Their names, with the domain; held ones live where nobody answers."""
        for place, name in enumerate(self.kinds[number]):
            domain = "nowhere" if name == "held" else f"d{(number + place) % DOMAINS}"
            yield f"{name}-{number}@{domain}.example"

    def text(self, number):
        size = int(KIB * LARGEST ** (self.random.random() ** 4))
        return (b"From: sender@corp.example\r\nSubject: %d\r\n\r\n" % number + self.LINES[:size // 80 * 80]
                + b"end %d\r\n.\r\n" % number)

    def count(self, name, end):
        """How many of the messages before that number have such a recipient."""
        return sum(name in names for names in self.kinds[:end])


class Load:
    """Hands in messages, never too far ahead of their delivery; holds what is to be held."""

    def __init__(self, relay, traffic):
        self.relay, self.traffic = relay, traffic
        self.next, self.end, self.most_used, self.backlog = 0, 0, 0, 0

    async def _client(self):
        client = await Client().open()
        while self.next < self.end:
            number, self.next = self.next, self.next + 1
            await self.free.wait()
            await client.send(f"sender-{number}@corp.example", self.traffic.recipients(number),
                              self.traffic.text(number))
        client.writer.close()

    async def _watch(self):
        """Keeps the backlog short, and sees how much of the disk is used at the worst."""
        while True:
            queue = (await asyncio.to_thread(self.relay.status))["queue"]
            if queue["messages"] - queue["held"] < self.backlog:
                self.free.set()
            else:
                self.free.clear()
            self.most_used = max(self.most_used, self.relay.spool_bytes())
            await asyncio.sleep(0.1)

    async def _administrator(self):
        while True:
            await asyncio.to_thread(hold, self.relay)
            await asyncio.sleep(2)

    async def _run(self, sessions):
        self.free = asyncio.Event()
        others = [asyncio.create_task(task) for task in (self._watch(), self._administrator())]
        await asyncio.gather(*(self._client() for _ in range(sessions)))
        for task in others:
            task.cancel()

    def run_to(self, end, pace):
        sessions, self.backlog = pace
        self.end, started, done = end, time.monotonic(), self.next
        asyncio.run(self._run(sessions))
        print(f"{end - done:,} messages handed in: {(end - done) / (time.monotonic() - started):,.0f} a second; "
              f"{self.most_used / MIB:,.0f} MiB on the disk at the most", flush=True)


def hold(relay):
    """What cannot be delivered is held for good, unless it is already."""
    result = relay.run("queue", "hold", "--domain", "nowhere.example", "--state", "deferred")
    assert result.returncode == 0, result.stderr


def is_at_rest(relay, held):
    hold(relay)
    queue = relay.status()["queue"]
    return queue["messages"] == queue["held"] == held and relay.status()["attempts"] == 0


def is_small(relay):
    return relay.spool_bytes() <= 2 * relay.status()["spool"]["live_bytes"] + 4 * SEGMENT


def kinds_of_files(relay):
    """Open descriptors by kind, those of the log left out: how many segments there are differs."""
    log = str(relay.spool / "log")
    return collections.Counter(name.split(":")[0] for name in relay.files_open() if not name.startswith(log))


class Rest:
    """What is used once everything is done. Fails when it does not come to rest."""

    def __init__(self, relay, held, start):
        wait_for(lambda: is_at_rest(relay, held), f"{held} messages held and no other; {relay.status()}", SETTLING)
        try:
            wait_for(lambda: is_small(relay), "a small spool", SETTLING)
            wait_for(lambda: kinds_of_files(relay) == start, "no links that wait for more", SETTLING)
        except AssertionError:
            pass  # it is told with its figures
        spool = relay.status()["spool"]
        self.held, self.rss, self.files = held, relay.rss(), kinds_of_files(relay)
        self.log_files = [name for name in relay.files_open() if name.startswith(str(relay.spool / "log"))]
        self.live, self.told, self.used = spool["live_bytes"], spool["disk_bytes"], relay.spool_bytes()


def check_space(rest):
    bound = 2 * rest.live + 4 * SEGMENT
    print(f"at rest: {rest.used / MIB:.1f} MiB on the disk (bound {bound / MIB:.1f}: 2 x {rest.live / MIB:.1f} live "
          f"+ 4 segments), {rest.told / MIB:.1f} by its own count")
    if rest.used > bound:
        yield f"{rest.used:,} bytes on the disk, {bound:,} wanted"
    if abs(rest.used - rest.told) > 64 * KIB:
        yield f"its own count says {rest.told:,} bytes, there are {rest.used:,}"


def check_process(start, warm, rest):
    further = (rest.held - warm.held) * HELD_COST
    bound = max(GROWTH_MAX, int(GROWTH_SHARE * warm.rss)) + further
    print(f"memory: {warm.rss / MIB:.1f} MiB after {WARM_UP:,} messages, {rest.rss / MIB:.1f} after {COUNT:,}; "
          f"grown by {(rest.rss - warm.rss) / KIB:,.0f} KiB (bound {bound / KIB:,.0f})")
    print(f"descriptors: {start.total()} at the start, {rest.files.total()} at rest, "
          f"and {len(rest.log_files)} of the log")
    if rest.rss - warm.rss > bound:
        yield f"memory has grown by {rest.rss - warm.rss:,} bytes, at most {bound:,} wanted"
    if rest.files != start:
        yield f"descriptors: {dict(start)} at the start, {dict(rest.files)} at rest"
    if any(name.endswith(" (deleted)") for name in rest.log_files) or len(set(rest.log_files)) < len(rest.log_files):
        yield f"descriptors of the log: {rest.log_files}"


def check_mail(relay, sink, traffic):
    """Everybody exactly once; who was refused, its sender has a report."""
    taken, torn = sink.taken()
    wanted = collections.Counter()
    for number, names in enumerate(traffic.kinds):
        wanted.update(f"{'sender' if name == 'never' else name}-{number}" for name in names if name != "held")
    held = {r["address"].split("@")[0] for r in relay.recipients() if r["state"] == "held"}
    missing, more = wanted - taken, taken - wanted
    lost = {f"held-{n}" for n, names in enumerate(traffic.kinds) if "held" in names} - held
    bounced = traffic.count("never", COUNT)
    print(f"{COUNT:,} messages accepted: {taken.total() - bounced:,} recipients served, {bounced:,} refused "
          f"and reported, {len(held):,} held; {missing.total() + len(lost)} lost, {more.total()} too many, {torn} torn")
    for what, names in (("lost", missing), ("lost", lost), ("served too often", more)):
        if names:
            yield f"{len(names)} {what}: {', '.join(sorted(names)[:5])}..."
    if torn:
        yield f"{torn} messages did not end as they should"


def make_relay(binary, spool):
    routes = [f"d{n}.example 198.51.100.{100 + n}:25" for n in range(DOMAINS)]
    return DiskRelay(binary, spool, preflight="off", spool_segment=str(SEGMENT), client_session_limit=200,
                     route=[*routes, "nowhere.example 198.51.100.199:25", "corp.example 127.0.0.2:2526"],
                     retry_first="2s", retry_max="8s")


def main():
    binary, spools = sys.argv[1], pathlib.Path(sys.argv[2])
    subprocess.run(["sysctl", "-qw", "net.ipv4.ip_local_port_range=2600 65000"], check=True)
    sink = Sink([("127.0.0.2", 2526)] + [(f"198.51.100.{100 + n}", 25) for n in range(DOMAINS)])
    relay, traffic = make_relay(binary, spools / "ptrelay"), Traffic(COUNT)
    relay.start()
    start = kinds_of_files(relay)
    load = Load(relay, traffic)
    load.run_to(WARM_UP, RUSH)
    warm = Rest(relay, traffic.count("held", WARM_UP), start)
    load.run_to(COUNT, CALM)
    rest = Rest(relay, traffic.count("held", COUNT), start)
    broken = [*check_space(rest), *check_process(start, warm, rest), *check_mail(relay, sink, traffic)]
    relay.stop()
    for words in broken:
        print(f"mixed: BROKEN: {words}")
    sys.exit(1 if broken else 0)


main()
