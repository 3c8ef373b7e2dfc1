# SPDX-License-Identifier: ISC
"""What a message costs on its whole way: smtp-source -> ptrelay -> smtp-sink, from the first connection until the
queue is empty; and the same through Postfix, in turn on one disk. ptrelay runs its whole pre-flight, by MX and with
a real resolver; Postfix is told where to go and looks nothing up. Then, by callgrind, what of it is the pre-flight."""

import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

from names import Names
from parts import POSTFIX_AT_ITS_BEST, DiskRelay, PostfixServer
from support import BASE, wait_for, wait_for_port

SESSIONS, WARM_UP, ROUNDS, MESSAGE_SIZE = 50, 2, 5, 4096
RATIO_MIN, CPU_MAX, JUDGING_MAX = 5, 0.3, 3  # of issue 6; ms of CPU a message, percent of its instructions
COUNTED = 1000  # messages whose instructions are counted, once as many have been sent
# Where a message is judged, and what its attempt does with the verdict; none of them inside of another.
JUDGING = ("attempt_judge", "fitness_rank", "fitness_closest", "fitness_left_out", "fitness_free")
SINK = "198.51.100.8"
TICKS = os.sysconf("SC_CLK_TCK")

MAIN = POSTFIX_AT_ITS_BEST + f"""\
smtpd_relay_restrictions = permit_mynetworks, reject
relayhost = [{SINK}]
smtp_host_lookup = native
default_destination_concurrency_limit = {SESSIONS}
initial_destination_concurrency = {SESSIONS}
qmgr_message_active_limit = 100000
"""


class ThroughPostfix(PostfixServer):
    messages = 2500  # of a round: a few seconds

    def __init__(self, queue):
        super().__init__(queue, MAIN)

    def is_empty(self):
        """Every message is a file; deferred ones would be a mistake, and never go away."""
        return not any(path.is_file() for name in ("maildrop", "incoming", "active", "deferred")
                       for path in (self.queue / name).rglob("*"))

    def cpu(self):
        """Seconds of CPU of all its processes, those that have ended among them."""
        master, *children = self.pids()
        return _cpu(master, with_dead=True) + sum(_cpu(pid) for pid in children)


class ThroughRelay(DiskRelay):
    address, port = "127.0.0.1", 2525
    messages = 20000

    def is_empty(self):
        return not self.status()["queue"]["messages"]

    def cpu(self):
        return _cpu(self.process.pid)


class CountedRelay(ThroughRelay):
    """Run by callgrind, which counts when it is told to."""

    messages = COUNTED

    def __init__(self, binary, spool, **settings):
        super().__init__(binary, spool, **settings)
        self.counts = BASE / "callgrind"
        self.watcher = ["valgrind", "-q", "--tool=callgrind", "--instr-atstart=no",
                        f"--callgrind-out-file={self.counts}"]

    def count(self, switch):
        subprocess.run(["callgrind_control", "-i", switch, str(self.process.pid)], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def read_counts(self):
        """Instructions of all, and of each function with what it calls, once the relay has ended."""
        report = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", str(self.counts)],
                                check=True, capture_output=True, text=True).stdout
        found = re.findall(r"^ *([\d,]+)(?: \([ \d.]+%\))?  (?:\S*:)?(PROGRAM TOTALS|\w+)", report, re.MULTILINE)
        return {name: int(number.replace(",", "")) for number, name in reversed(found)}


def _cpu(pid, with_dead=False):
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except FileNotFoundError:  # it ended just now: its parent has the figure
        return 0
    return sum(map(int, fields[11:15 if with_dead else 13])) / TICKS


def hand_in(source, server, messages):
    source.run("/usr/sbin/smtp-source", "-d", "-s", str(SESSIONS), "-m", str(messages), "-l", str(MESSAGE_SIZE),
               "-f", "ann@corp.example", "-t", "bob@script.example", f"{server.address}:{server.port}")


def measure(source, server):
    """Messages a second, milliseconds of CPU a message."""
    cpu, start = server.cpu(), time.monotonic()
    hand_in(source, server, server.messages)
    wait_for(server.is_empty, "an empty queue", 120)
    seconds = time.monotonic() - start
    return server.messages / seconds, (server.cpu() - cpu) / server.messages * 1000


def compare(relay, postfix):
    """In turn, so that whatever else the machine does falls upon both. Returns the bounds that are broken."""
    for server in (relay, postfix) * WARM_UP:
        measure(postfix, server)
    rounds = [[measure(postfix, server) for server in (relay, postfix)] for _ in range(ROUNDS)]
    speed, cpu = ([statistics.median(r[i][figure] for r in rounds) for i in (0, 1)] for figure in (0, 1))
    ratio = statistics.median(r[0][0] / r[1][0] for r in rounds)
    print(f"{SESSIONS} sessions: ptrelay {speed[0]:,.0f} messages/s, Postfix {speed[1]:,.0f}; "
          f"ratio {ratio:.1f} (bound {RATIO_MIN})")
    print(f"  CPU a message: ptrelay {cpu[0]:.2f} ms (bound {CPU_MAX}), Postfix {cpu[1]:.2f} ms", flush=True)
    bounds = [(ratio < RATIO_MIN, f"{ratio:.2f} times Postfix, at least {RATIO_MIN} wanted"),
              (cpu[0] > CPU_MAX, f"{cpu[0]:.3f} ms of CPU a message, at most {CPU_MAX} wanted")]
    return [words for broken, words in bounds if broken]


def weigh_judging(source, relay):
    """The instructions of warm messages, and how many of them judge. Returns the bounds that are broken."""
    relay.start()
    measure(source, relay)
    relay.count("on")
    measure(source, relay)
    relay.count("off")
    relay.stop()
    counts = relay.read_counts()
    judging = sum(counts[name] for name in JUDGING if name in counts)
    share = 100 * judging / counts["PROGRAM TOTALS"]
    print(f"callgrind: {counts['PROGRAM TOTALS'] / COUNTED:,.0f} instructions a message, of which the pre-flight "
          f"{judging / COUNTED:,.0f}, {share:.1f} % (bound {JUDGING_MAX} %)", flush=True)
    if "attempt_judge" not in counts:
        return ["nothing was judged"]
    return [f"the pre-flight takes {share:.2f} % of the instructions, at most {JUDGING_MAX} wanted"] \
        if share > JUDGING_MAX else []


def main():
    binary, spools = sys.argv[1], pathlib.Path(sys.argv[2])
    spools.chmod(0o755)  # Postfix is not root everywhere
    names = Names(ttl=3600)
    names.start()
    names.add('corp.example. TXT "v=spf1 mx -all"', '_dmarc.corp.example. TXT "v=DMARC1; p=reject"')
    settings = {"client_session_limit": 200, "destination_concurrency": SESSIONS, "resolver": "127.0.0.1"}
    relay, postfix = ThroughRelay(binary, spools / "ptrelay", **settings), ThroughPostfix(spools / "postfix")
    postfix.start()
    sink = postfix.spawn("/usr/sbin/smtp-sink", "-u", "postfix", f"{SINK}:25", "1024")
    wait_for_port(SINK, 25)
    relay.start()
    broken = compare(relay, postfix)
    relay.stop()
    broken += weigh_judging(postfix, CountedRelay(binary, spools / "counted", **settings))
    for words in broken:
        print(f"through: BROKEN: {words}")
    sink.kill()
    names.stop()
    sys.exit(1 if broken else 0)


main()
