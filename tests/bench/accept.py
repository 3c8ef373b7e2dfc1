# SPDX-License-Identifier: ISC
"""What accepting mail costs: messages a second, syncs and KiB written, ptrelay and Postfix in turn on one disk.

Nothing is delivered meanwhile. ptrelay's only way out is a host that takes connections and never says a word;
Postfix puts everything on hold, which costs it least: its queue manager does not even hear of it."""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import sys
import time

from parts import POSTFIX_AT_ITS_BEST, PostfixServer
from relay import Relay
from support import BASE, wait_for

SESSIONS, WARM_UP, ROUNDS, WATCHED, MESSAGE_SIZE = (10, 50), 4, 5, 500, 4096
RATIO_MIN, SYNCS_MAX, KIB_MAX = 4, 0.1, 6  # of issue 4; the last two with the most sessions
SILENT_HOST, SINK_DOMAIN = "198.51.100.8", "sink.example"

MAIN = POSTFIX_AT_ITS_BEST + """\
smtpd_relay_restrictions = check_client_access static:HOLD, permit_mynetworks, reject
"""


class HoldingPostfix(PostfixServer):
    messages = 2500  # of a round: a second or two

    def __init__(self, queue):
        super().__init__(queue, MAIN)

    def count_accepted(self):
        """Every message has a file of its own."""
        return sum(1 for path in (self.queue / "hold").iterdir())

    def count_syncs(self):
        """It does not tell: see count_by_strace."""
        return 0

    def empty(self):
        """As if all had been delivered."""
        self.run("/usr/sbin/postsuper", "-d", "ALL")


class RelayServer(Relay):
    """ptrelay with its spool in a directory of ours."""

    address, port = "127.0.0.1", 2525
    messages = 7500

    def __init__(self, binary, spool):
        super().__init__(binary)
        self.spool = spool

    def start(self, **changes):
        return super().start(spool_dir=str(self.spool), route=f"{SINK_DOMAIN} {SILENT_HOST}:25", preflight="off",
                             destination_concurrency=1, client_session_limit=200, log_level="info", **changes)

    def status(self):
        return json.loads(self.run("status", "--json").stdout)

    def count_accepted(self):
        return self.status()["counters"]["accepted"]

    def count_syncs(self):
        return self.status()["spool"]["syncs"]

    def empty(self):
        """As if all had been delivered."""
        self.run("queue", "delete", "--all", "--yes")

    def pids(self):
        return [self.process.pid]


class Disk:
    """The block device below a directory: how much has been written to it, by whomever."""

    def __init__(self, directory):
        number = os.stat(directory).st_dev
        self.figures = pathlib.Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/stat")
        if not self.figures.exists():
            sys.exit(f"accept: {directory} is not on a block device; name a directory that is")

    def kib_written(self):
        """With the file system's journal, and with what still waits in memory."""
        os.sync()
        return int(self.figures.read_text().split()[6]) * 512 / 1024


def load(source, server, sessions, messages):
    """Hands in that many messages; returns the seconds it took. All of them must then be there."""
    expected = server.count_accepted() + messages
    start = time.monotonic()
    source.run("/usr/sbin/smtp-source", "-d", "-s", str(sessions), "-m", str(messages), "-l", str(MESSAGE_SIZE),
               "-f", "ann@corp.example", "-t", f"bob@{SINK_DOMAIN}", f"{server.address}:{server.port}")
    seconds = time.monotonic() - start
    wait_for(lambda: server.count_accepted() == expected, f"{expected} messages at {server.address}:{server.port}")
    return seconds


def measure(source, server, disk, sessions):
    """Messages a second; KiB written and syncs a message."""
    syncs, written = server.count_syncs(), disk.kib_written()
    seconds = load(source, server, sessions, server.messages)
    syncs, written = server.count_syncs() - syncs, disk.kib_written() - written
    server.empty()
    return server.messages / seconds, written / server.messages, syncs / server.messages


def watch_syncs(source, server, sessions):
    """Syncs as strace counts them, of a few messages: being watched, both are slow."""
    report = BASE / "syncs"
    pids = [argument for pid in server.pids() for argument in ("-p", str(pid))]
    with subprocess.Popen(["strace", "-f", "-c", "-U", "name,calls", "-e", "trace=fsync,fdatasync",
                           "-o", str(report), *pids], stderr=subprocess.PIPE, text=True) as tracer:
        for _ in server.pids():
            tracer.stderr.readline()  # "Process 123 attached"
        load(source, server, sessions, WATCHED)
        tracer.send_signal(signal.SIGINT)
    calls = re.findall(r"^\s*(?:fsync|fdatasync)\s+(\d+)", report.read_text(), re.MULTILINE)
    return sum(map(int, calls))


def compare(source, relay, postfix, disk, sessions):
    """In turn, so that whatever else the machine does falls upon both. A queue is worked off before the next
    round: so files are used again, as in daily life. Returns the bounds that are broken, in words."""
    for server in (relay, postfix) * WARM_UP:  # not counted: processes start, memory comes back, segments are made
        measure(source, server, disk, sessions)
    rounds = [[measure(source, server, disk, sessions) for server in (relay, postfix)] for _ in range(ROUNDS)]
    ours, theirs = (statistics.median(r[i][0] for r in rounds) for i in (0, 1))
    our_kib, their_kib = (statistics.mean(r[i][1] for r in rounds) for i in (0, 1))
    ratio = statistics.median(r[0][0] / r[1][0] for r in rounds)
    syncs = statistics.mean(r[0][2] for r in rounds)
    print(f"{sessions} sessions: ptrelay {ours:,.0f} messages/s, Postfix {theirs:,.0f}; "
          f"ratio {ratio:.1f} (bound {RATIO_MIN})")
    print(f"  a message: ptrelay {our_kib:.1f} KiB written, {syncs:.3f} syncs "
          f"(bounds at {SESSIONS[-1]} sessions: {KIB_MAX}, {SYNCS_MAX}); Postfix {their_kib:.1f} KiB", flush=True)
    bounds = [(ratio < RATIO_MIN, f"{ratio:.2f} times Postfix, at least {RATIO_MIN} wanted")]
    if sessions == SESSIONS[-1]:
        bounds += [(syncs > SYNCS_MAX, f"{syncs:.3f} syncs a message, at most {SYNCS_MAX} wanted"),
                   (our_kib > KIB_MAX, f"{our_kib:.1f} KiB written a message, at most {KIB_MAX} wanted")]
    return [f"{sessions} sessions: {words}" for broken, words in bounds if broken]


def count_by_strace(source, relay, postfix, sessions):
    """Is ptrelay's own count of syncs true, and how many are Postfix's?"""
    own = relay.count_syncs()
    seen = watch_syncs(source, relay, sessions)
    own = relay.count_syncs() - own
    print(f"strace, {WATCHED} messages in {sessions} sessions: ptrelay {seen} syncs, by its own count {own}; "
          f"Postfix {watch_syncs(source, postfix, sessions)}")


def main():
    binary, spools = sys.argv[1], pathlib.Path(sys.argv[2])
    spools.chmod(0o755)  # Postfix is not root everywhere
    disk = Disk(spools)
    relay, postfix = RelayServer(binary, spools / "ptrelay"), HoldingPostfix(spools / "postfix")
    with contextlib.closing(socket.create_server((SILENT_HOST, 25))):
        postfix.start()
        relay.start()
        broken = [words for sessions in SESSIONS for words in compare(postfix, relay, postfix, disk, sessions)]
        count_by_strace(postfix, relay, postfix, SESSIONS[-1])
        relay.stop()
    for words in broken:
        print(f"accept: BROKEN: {words}")
    sys.exit(1 if broken else 0)


main()
