# SPDX-License-Identifier: ISC
"""A queue of a million messages, all held because our address has no PTR: the start, its memory, the commands
that look at all of it and the one that ends it, and whoever hands in a message meanwhile."""

import math
import os
import pathlib
import shutil
import smtplib
import socket
import subprocess
import sys
import threading
import time

from names import Names
from parts import MIB, DiskRelay, Source
from support import wait_for

COUNT = int(os.environ.get("COUNT", 1_000_000))
MESSAGE_SIZE, CHUNK = 1024, 20_000
START_MAX, START_FLOOR = 5 / 1_000_000, 0.5  # seconds a message; seconds for 100,000, and for fewer
RSS_MAX, RSS_FROM = 400, 100_000  # bytes a message; with fewer of them the rest of the process weighs too much
PATIENCE = 1  # seconds that one who hands in a message may have to wait
SEGMENT, SETTLING = 64 * MIB, 120
DISK = 4096  # bytes a message that must be free, compaction and all
LONG = 600  # no command may take longer


class Bounds:
    """Each figure is shown beside its bound; the broken ones are told again at the end."""

    def __init__(self):
        self.broken = []

    def show(self, what, value, bound, unit):
        line = f"{what}: {value:,.2f} {unit} (bound {bound:,.2f})"
        print("  " + line, flush=True)
        if value > bound:
            self.broken.append(line)

    def fail(self, line):
        print("  " + line, flush=True)
        self.broken.append(line)

    def end(self):
        for line in self.broken:
            print(f"million: BROKEN: {line}")
        sys.exit(1 if self.broken else 0)


def drop_caches():
    os.sync()
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")


def wait_for_banner(started, seconds):
    """Until the first 220. It listens early, and may say so late."""
    while True:
        try:
            with socket.create_connection(("127.0.0.1", 2525), timeout=60) as client:
                if client.recv(512).startswith(b"220"):
                    seconds.append(time.monotonic() - started)
                    return
        except ConnectionError:
            time.sleep(0.002)


def start(relay, count, bounds, empty_rss):
    """From a cold cache. Returns its memory when it was ready."""
    drop_caches()
    started, banner = time.monotonic(), []
    watcher = threading.Thread(target=wait_for_banner, args=(started, banner))
    watcher.start()
    relay.start()
    ready = time.monotonic() - started
    rss, peak = relay.rss(), relay.rss("VmHWM")
    watcher.join()
    if empty_rss is not None:
        found = relay.status()["queue"]["messages"]
        print(f"{count:,} messages, cold cache ({found:,} found):", flush=True)
        bound = max(START_FLOOR, START_MAX * count)
        bounds.show("ready", ready, bound, "s")
        bounds.show("first 220", banner[0], bound, "s")
        rss_max = RSS_MAX if count >= RSS_FROM else math.inf
        bounds.show("memory a message", (rss - empty_rss) / count, rss_max, "bytes")
        print(f"  memory {rss / MIB:.0f} MiB, {peak / MIB:.0f} at most while it started, {empty_rss / MIB:.0f} empty")
        if found != count:
            bounds.fail(f"{count:,} messages were taken, {found:,} are there after the start")
    return rss


def fill(relay, source, have, count):
    """Up to so many messages, of many senders; all of them held in the end."""
    started, begun = time.monotonic(), have
    while have < count:
        part = min(CHUNK, count - have)
        source.send(part, f"s{have // CHUNK}@corp.example", "bob@script.example", MESSAGE_SIZE)
        have += part
    wait_for(lambda: relay.status()["queue"]["held"] == count, f"{count} messages held", LONG)
    seconds = time.monotonic() - started
    print(f"{count - begun:,} more messages taken in and held: {seconds:.0f} s, "
          f"{(count - begun) / seconds:,.0f} a second", flush=True)


class Visitor(threading.Thread):
    """Hands in one small message after the other; remembers the longest wait."""

    def __init__(self):
        super().__init__()
        self.sent, self.longest, self.over = 0, 0, threading.Event()

    def run(self):
        with smtplib.SMTP("127.0.0.1", 2525, timeout=LONG) as client:
            client.ehlo("visitor.corp.local")
            while not self.over.wait(0.01):  # a guest, not a load
                before = time.monotonic()
                client.sendmail("visitor@corp.example", "bob@script.example", "Subject: hello\r\n\r\nhello\r\n")
                self.longest = max(self.longest, time.monotonic() - before)
                self.sent += 1

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()


def run_command(relay, pipe, *arguments):
    """The command, into a pipe. Returns what comes out, and the most memory the command took."""
    command = subprocess.Popen([relay.binary, "-c", str(relay.directory / "ptrelay.conf"), *arguments],
                               stdout=subprocess.PIPE)
    with subprocess.Popen(pipe, stdin=command.stdout, stdout=subprocess.PIPE, text=True) as reader:
        command.stdout.close()
        output = reader.communicate()[0].strip()
    _, code, usage = os.wait4(command.pid, 0)
    command.returncode = os.waitstatus_to_exitcode(code)
    if command.returncode:
        sys.exit(f"million: {' '.join(arguments)}: exit {command.returncode}")
    return output, usage.ru_maxrss * 1024


def try_command(relay, bounds, pipe, *arguments):
    """Returns its output. What it costs, and what it costs others."""
    relay.reset_peak()
    before = relay.rss()
    with Visitor() as visitor:
        started = time.monotonic()
        output, own = run_command(relay, pipe, *arguments)
        seconds = time.monotonic() - started
    shown = output.splitlines()[-1][:60] if output else ""
    print(f"{' '.join(arguments)} | {' '.join(pipe)}: {seconds:.2f} s, {shown}")
    print(f"  memory: daemon {relay.rss('VmHWM') / MIB:.0f} MiB at most, {before / MIB:.0f} before; "
          f"command {own / MIB:.0f} MiB; {visitor.sent} messages handed in meanwhile")
    bounds.show("longest wait to hand one in", visitor.longest, PATIENCE, "s")
    return output


def expect_rows(bounds, output, count, is_table):
    """At least that many, besides those handed in meanwhile; a table has a line of heads."""
    if int(output) - (1 if is_table else 0) < count:
        bounds.fail(f"{output} lines, {count} wanted")


def is_small(relay):
    """At most 2 x live + 4 segments on the disk?"""
    spool = relay.status()["spool"]
    return relay.spool_bytes() <= 2 * spool["live_bytes"] + 4 * SEGMENT


def look_and_end(relay, bounds):
    """The commands, the last of which deletes everything."""
    expect_rows(bounds, try_command(relay, bounds, ["wc", "-l"], "queue", "list"), COUNT, True)
    expect_rows(bounds, try_command(relay, bounds, ["wc", "-l"], "queue", "list", "--reason", "ptr-missing"),
                COUNT, True)
    try_command(relay, bounds, ["tail", "-1"], "queue", "list", "--json")
    try_command(relay, bounds, ["head", "-3"], "status")
    before = relay.spool_bytes()
    try_command(relay, bounds, ["tail", "-1"], "queue", "delete", "--all", "--yes")
    left = relay.status()["queue"]["messages"]
    if left > COUNT / 10:
        bounds.fail(f"{left:,} messages are left")
    try:
        wait_for(lambda: is_small(relay), "a small spool", SETTLING)
    except AssertionError:
        bounds.fail(f"the spool has not shrunk within {SETTLING} s: {relay.status()['spool']}")
    print(f"the spool: {before / MIB:,.0f} MiB before, {relay.spool_bytes() / MIB:,.0f} MiB after")


def main():
    binary, spools = sys.argv[1], pathlib.Path(sys.argv[2])
    if shutil.disk_usage(spools).free < COUNT * DISK:
        sys.exit(f"million: {spools} has less than {COUNT * DISK / MIB:,.0f} MiB free; say COUNT=100000, or where else")
    names, source, bounds = Names(ttl=3600), Source(), Bounds()
    names.start()
    names.remove("25.2.0.192")
    relay = DiskRelay(binary, spools / "ptrelay", resolver="127.0.0.1", client_session_limit=200,
                      spool_segment=str(SEGMENT), hold_recheck_min="60s", hold_recheck_max="1h", retry_max="4h")
    try:
        empty_rss, have = start(relay, 0, bounds, None), 0
        for count in (COUNT // 10, COUNT):
            fill(relay, source, have, count)
            relay.stop()
            start(relay, count, bounds, empty_rss)
            have = count
        look_and_end(relay, bounds)
        relay.stop()
    finally:
        names.stop()
    bounds.end()


main()
