# SPDX-License-Identifier: ISC
"""Does one destination delay another? First 1,000 domains of which 100 are dead, against the living 900 alone, in
turn; then a single message to one domain beside a hundred thousand to another."""

import asyncio
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import time

from names import Names
from parts import Client, DiskRelay
from relay import send
from sink import Sink
from support import wait_for

COUNT = int(os.environ.get("COUNT", 10_000))
DOMAINS, DEAD, REFUSED = 1000, 100, 20  # of the dead, so many refuse the connection at once
SINKS = 20
ROUNDS = 3
RATIO_MAX, DELAY_MAX = 1.2, 1.0
BULK, PROBES = min(10 * COUNT, 100_000), 20
SESSIONS = 20
RESUMED = 1.1  # seconds: what was deferred is due so long after the start, by retry_first
BLACK_HOLE, NOBODY = "198.51.100.198", "198.51.100.197"


class BlackHole:
    """A listener that is full: the kernel drops whatever else wants to connect."""

    def __init__(self, address):
        self.listener = socket.create_server((address, 25), backlog=0)
        self.guests = []
        while self._fill(address):
            pass

    def _fill(self, address):
        guest = socket.socket()
        guest.settimeout(0.5)
        self.guests.append(guest)
        try:
            guest.connect((address, 25))
        except TimeoutError:
            return False
        return True


def records():
    for number in range(SINKS):
        yield f"mx{number}.example. A 198.51.100.{100 + number}"
    yield f"blackhole.example. A {BLACK_HOLE}"
    yield f"nobody.example. A {NOBODY}"
    yield "bulk.example. MX 10 mx0.example."
    for number in range(DOMAINS):
        host = "nobody" if number < REFUSED else "blackhole" if number < DEAD else f"mx{number % SINKS}"
        yield f"d{number}.example. MX 10 {host}.example."


class Filling:
    """Hands in messages that cannot leave yet."""

    def __init__(self, recipients):
        self.recipients = iter(enumerate(recipients))

    async def _client(self):
        client = await Client().open()
        for number, domain in self.recipients:
            await client.send("ann@corp.example", [f"now-{number}@{domain}"], message(number).encode())
        client.writer.close()

    async def _run(self):
        await asyncio.gather(*(self._client() for _ in range(SESSIONS)))

    def run(self):
        asyncio.run(self._run())


def message(number):
    return f"From: ann@corp.example\r\nSubject: hello\r\n\r\n{'x' * 70}\r\nend {number}\r\n.\r\n"


def fill(relay, recipients):
    """A queue of messages, all deferred, and due at the same moment when the relay is started next."""
    shutil.rmtree(relay.spool, ignore_errors=True)
    relay.start(smarthost=f"{NOBODY}:25", retry_first="1h")
    Filling(recipients).run()
    relay.stop()


def measure(relay, sink, with_dead):
    """Seconds until the living are served, and milliseconds of processor time for each."""
    first = 0 if with_dead else DEAD
    domains = [f"d{n}.example" for _ in range(COUNT // DOMAINS) for n in range(first, DOMAINS)]
    living = COUNT // DOMAINS * (DOMAINS - DEAD)
    fill(relay, domains)
    before = sink.served()
    relay.start()
    started, cpu = time.monotonic(), relay.cpu()
    wait_for(lambda: sink.served() - before >= living, f"{living} messages served; {relay.status()}", 300)
    took = time.monotonic() - started - RESUMED
    cpu = (relay.cpu() - cpu) * 1000 / living
    relay.stop()
    return took, cpu


def check_dead(relay, sink):
    took = {False: [], True: []}
    for _ in range(ROUNDS):
        for with_dead in (False, True):
            seconds, cpu = measure(relay, sink, with_dead)
            took[with_dead].append(seconds)
            print(f"{'with' if with_dead else 'without'} the dead: {seconds:.2f} s, {cpu:.2f} ms CPU a message",
                  flush=True)
    ratio = statistics.median(took[True]) / statistics.median(took[False])
    worst = max(with_dead / alone for with_dead, alone in zip(took[True], took[False]))
    print(f"{COUNT:,} messages to {DOMAINS:,} domains, {DEAD} of them dead: the living take {ratio:.2f} times as long "
          f"as alone (at most {RATIO_MAX}), {worst:.2f} in the worst round")
    if ratio > RATIO_MAX:
        yield f"the dead delay the living: {ratio:.2f} times as long, at most {RATIO_MAX} wanted"


def delay_of(sink, number):
    """Seconds from handing in until it is served."""
    started = time.monotonic()
    send(to=[f"quick-{number}@d{DEAD + number % (DOMAINS - DEAD)}.example"],
         text=f"Subject: quick\r\n\r\nhello\r\nend {number}\r\n")
    wait_for(lambda: sink.has_served(f"quick-{number}"), "a single message served", 60)
    return time.monotonic() - started


def check_fair(relay, sink):
    fill(relay, ["bulk.example"] * BULK)
    before = sink.served()
    relay.start()
    delays, left = [], BULK
    while left > BULK // 20 and len(delays) < PROBES:
        delays.append(delay_of(sink, len(delays)))
        left = BULK - (sink.served() - before)
        time.sleep(0.2)  # the one is to meet the many at different moments
    relay.stop()
    print(f"{BULK:,} messages to one domain, {left:,} of them left at the end: {len(delays)} single ones took "
          f"{statistics.median(delays):.3f} s, {max(delays):.3f} at the worst (at most {DELAY_MAX})")
    if max(delays) > DELAY_MAX:
        yield f"many delay one by {max(delays):.2f} s, at most {DELAY_MAX} wanted"


def main():
    binary, spools = sys.argv[1], pathlib.Path(sys.argv[2])
    subprocess.run(["sysctl", "-qw", "net.ipv4.ip_local_port_range=2600 65000"], check=True)
    names = Names(ttl=3600)
    names.start()
    names.add(*records())
    hole = BlackHole(BLACK_HOLE)
    sink = Sink([("127.0.0.2", 2526)] + [(f"198.51.100.{100 + n}", 25) for n in range(SINKS)])
    relay = DiskRelay(binary, spools / "ptrelay", resolver="127.0.0.1", retry_first="1s", retry_max="4h")
    broken = [*check_dead(relay, sink), *check_fair(relay, sink)]
    for words in broken:
        print(f"dead: BROKEN: {words}")
    hole.listener.close()
    names.stop()
    sys.exit(1 if broken else 0)


main()
