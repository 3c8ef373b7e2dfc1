# SPDX-License-Identifier: ISC
"""Power cuts through the whole daemon: daemon.py PTRELAY-CRASH POINTS DIRECTORY [MUTANT...].

Of each point: accepted is what a client has read 250 for, delivered what the receiver has said 250 for. rules.py has what is
handed in, and what must have become of it. Then each mutant (the same daemon with a bug) is run until it is found.
Runs in name spaces of its own (see run). Prints a line of figures; exit 1: a rule was broken, or a mutant was not found."""

import concurrent.futures
import json
import os
import pathlib
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "world"))
import rules  # noqa: E402
from postbox import Postbox  # noqa: E402
from support import is_listening, wait_for  # noqa: E402

CLIENTS, LANES = 3, 4
MUTANT_POINTS = 300  # looked at for a mutant, at most
MOMENTS = ("before", "after", "torn")
BASE = pathlib.Path(sys.argv[3])
CONFIG = """\
hostname = mail.corp.example
public_ip = 192.0.2.25
resolver = 127.0.0.3
preflight = off
listen = {address}:2525
allow = 127.0.0.0/8
route = corp.example {address}:2526
destination_concurrency = 3
retry_first = 1s
retry_max = 1s
delay_warning = 1s
report_to = admin@corp.example
spool_dir = {spool}
spool_segment = 256K
spool_inline = 16K
spool_reserve = 1M
control_socket = {directory}/control.sock
"""


class Lane:
    """A disk, a relay on it and a receiver; points one after another."""

    def __init__(self, binary, number):
        self.binary, self.address = binary, f"127.0.1.{number + 1}"
        self.directory = BASE / str(number)
        self.mount = self.directory / "mount"
        self.mount.mkdir(parents=True)
        self.kind = ("ext4", "xfs")[number % 2]
        image = self.directory / "image"
        with open(image, "wb") as file:
            file.truncate((64 if self.kind == "ext4" else 320) << 20)
        subprocess.run([f"mkfs.{self.kind}", "-q", str(image)], check=True)
        self.device = subprocess.run(["losetup", "--find", "--show", str(image)], check=True, capture_output=True,
                                     text=True).stdout.strip()
        self.hold = os.open(self.device, os.O_RDONLY)  # while it is open, to detach means: when it is closed
        subprocess.run(["losetup", "--detach", self.device], check=True)
        self.mount_disk()
        self.postbox = Postbox(self.address, 2526)

    def mount_disk(self):
        subprocess.run(["mount", self.device, str(self.mount)], check=True)

    def unmount_disk(self):
        wait_for(lambda: subprocess.run(["umount", str(self.mount)], capture_output=True).returncode == 0, "umount")

    def close(self):
        self.postbox.stop()
        self.unmount_disk()
        os.close(self.hold)

    def start(self, **environment):
        config = self.directory / "ptrelay.conf"
        config.write_text(CONFIG.format(address=self.address, spool=self.mount / "spool", directory=self.directory))
        with open(self.directory / "log", "ab") as log:
            process = subprocess.Popen([self.binary, "-c", str(config), "serve"], stderr=log,
                                       env={**os.environ, "CRASH_MOUNT": str(self.mount), **environment})
        wait_for(lambda: (is_listening(self.address, 2525) and self.ask("list", all=True) is not None) or
                 process.poll() is not None, "the relay")
        return process

    def ask(self, verb, **selection):
        """The lines of the answer, or None: it was cut off."""
        try:
            with socket.socket(socket.AF_UNIX) as control:
                control.settimeout(30)
                control.connect(str(self.directory / "control.sock"))
                control.sendall(json.dumps({"verb": verb, "filter": selection}).encode() + b"\n")
                with control.makefile() as answer:
                    lines = [json.loads(line) for line in iter(answer.readline, "")]
        except (OSError, ValueError):
            return None
        return lines[:-1] if lines and lines[-1].get("done") else None

    def is_held(self, number, history):
        listed = self.ask("list", ids=[history.ids[number]])
        return bool(listed) and listed[0]["state"] == "held"

    def hand_in(self, numbers, history):
        try:
            with smtplib.SMTP(self.address, 2525, timeout=30) as client:
                client.ehlo()
                for number in numbers:
                    client.mail(rules.sender(number))
                    for address in rules.recipients(number):
                        client.rcpt(address)
                    code, words = client.data(rules.text(number))
                    if code == 250:
                        history.ids[number] = words.split()[-1].decode()
        except (OSError, smtplib.SMTPException):
            pass  # it was cut off

    def administer(self, process, history):
        """One command after another; done is what was answered."""
        for number, verbs in rules.COMMANDS.items():
            wait_for(lambda: process.poll() is not None or
                     (number in history.ids and (number not in rules.DURING_ATTEMPT or number in self.postbox.met)),
                     "a message to look after", 30)
            for verb in verbs if number in history.ids else ():
                history.asked.add((number, verb))
                if self.ask(verb, ids=[history.ids[number]]) is None:
                    return
                history.done.add((number, verb))

    def load(self, process, history):
        """Hands in everything; ends when the relay has, or when all is done that can be."""
        with concurrent.futures.ThreadPoolExecutor(CLIENTS + 1) as pool:
            work = [pool.submit(self.hand_in, range(n, rules.MESSAGES, CLIENTS), history) for n in range(CLIENTS)]
            work.append(pool.submit(self.administer, process, history))
        for one in work:
            one.result()
        others = set(range(rules.MESSAGES)) - set(rules.STAYING)
        wait_for(lambda: process.poll() is not None or
                 (self.is_done(others) and {"stay5@corp.example", "stay23@corp.example"} <=
                  set(rules.read_reports(self.postbox.taken())[1])), "the end of the load", 30)

    def is_done(self, numbers):
        """These are delivered, or their failure is told."""
        taken = self.postbox.taken()
        served, failed = rules.wanted(numbers)
        return (served <= {(t.name(), address) for t in taken for address in t.to}
                and failed <= set(rules.read_reports(taken)[0]))

    def stop(self, process):
        process.send_signal(signal.SIGTERM)
        return process.wait(timeout=30)

    def last_words(self):
        return (self.directory / "log").read_text(errors="replace")[-1500:]

    def clean(self):
        shutil.rmtree(self.mount / "spool", ignore_errors=True)
        (self.mount / "spool").mkdir(mode=0o700)
        os.sync()
        self.postbox.reset()

    def count_calls(self):
        self.clean()
        history, count = rules.History(), self.directory / "count"
        process = self.start(CRASH_COUNT=str(count))
        self.load(process, history)
        assert self.stop(process) == 0 and len(history.ids) == rules.MESSAGES, self.last_words()
        return int(count.read_text())

    def finish(self, history, problems):
        """The second life, until the queue is empty."""
        wanted = set(history.ids) - {n for n, verb in history.asked if verb == "delete"}
        held = {n for n in wanted if history.is_held(n)}
        wait_for(lambda: self.is_done(wanted - set(rules.STAYING)) or self.is_idle(), "the delivery of what is not held", 20)
        lost_holds = [n for n in held if not self.is_held(n, history)]
        if lost_holds:
            problems.append(f"held, and not any more: {lost_holds}")
        self.ask("release", to="stay*")
        wait_for(lambda: self.is_done(wanted) or self.is_idle(), "the delivery of the rest", 20)
        wait_for(lambda: self.ask("list", all=True) == [], "an empty queue", 20)

    def is_idle(self):
        """Nothing is on its way for so long: what is not done will not be."""
        deadline = time.monotonic() + 3
        while all(message["state"] == "held" for message in self.ask("list", all=True) or ()):
            if time.monotonic() > deadline:
                return True
            time.sleep(0.1)
        return False

    def run(self, at, tier, moment):
        """(was cut, lost, repeats, problems in words)"""
        self.clean()
        history = rules.History()
        process = self.start(CRASH_AT=str(at), CRASH_TIER=str(tier), CRASH_MOMENT=str(moment))
        self.load(process, history)
        was_cut = (self.stop(process) if process.poll() is None else process.poll()) != 0  # or while it ends
        if was_cut and tier == 2:
            self.unmount_disk()
            self.mount_disk()
        history.connections = next(self.postbox.numbers)
        self.postbox.is_open = True
        process = self.start()
        problems = []
        try:
            self.finish(history, problems)
        except AssertionError as error:
            problems.append(str(error))
        code = self.stop(process)
        if code:
            problems.append(f"the relay ends with {code}; its last words: {self.last_words()}")
        lost, repeats, broken = rules.judge(history, list(self.postbox.transactions))
        return was_cut, lost, repeats, problems + broken


def describe(lane, point, problems):
    tier, moment, at = point
    return (f"in the daemon on {lane.kind}: CRASH_TIER={tier} CRASH_MOMENT={moment} CRASH_AT={at} ({MOMENTS[moment]}): "
            + "; ".join(problems))


def run_lane(lane, points):
    results = []
    for point in points:
        tier, moment, at = point
        was_cut, lost, repeats, problems = lane.run(at, tier, moment)
        results.append((was_cut, lost, repeats, len(problems)))
        if problems:
            print("found " + describe(lane, point, problems), flush=True)
    return results


def find_mutant(pool, lanes, binary, points):
    """True when one of the points finds it; the lanes share them."""
    name, found = binary.rsplit("/", 1)[1].removeprefix("crash_"), []

    def look(lane, points):
        lane.binary = binary
        for point in points:
            if found:
                return
            tier, moment, at = point
            problems = lane.run(at, tier, moment)[3]
            if problems:
                found.append(describe(lane, point, problems))
    list(pool.map(look, lanes, [points[n::LANES] for n in range(LANES)]))
    print(f"mutant {name}: " + (f"found {found[0][:200]}" if found else "NOT FOUND"), flush=True)
    return bool(found)


def main():
    binary, count, mutants = sys.argv[1], int(sys.argv[2]), sys.argv[4:]
    start = time.monotonic()
    lanes = [Lane(binary, n) for n in range(LANES)]
    calls = lanes[0].count_calls()
    # One in five is a kill; the rest are power cuts at the three moments.
    points = [(1 if n % 5 == 4 else 2, n % 3, 1 + n * calls // count) for n in range(count)]
    with concurrent.futures.ThreadPoolExecutor(LANES) as pool:
        results = sum(pool.map(run_lane, lanes, [points[n::LANES] for n in range(LANES)]), [])
        cut, lost, repeats, problems = (sum(column) for column in zip(*results))
        print(f"whole daemon: {calls} durable calls; {len(results)} points, {cut} cut, lost {lost}, served again within "
              f"the rule {repeats}, problems {problems}; {time.monotonic() - start:.1f} s", flush=True)
        # Every moment of every call, until it is found: from where most is under way.
        around = sorted(((2, moment, at) for at in range(1, calls) for moment in range(3)),
                        key=lambda point: abs(point[2] - calls * 2 // 3))[:MUTANT_POINTS]
        found = [find_mutant(pool, lanes, mutant, around) for mutant in mutants]
    for lane in lanes:
        lane.close()
    sys.exit(1 if problems or not all(found) else 0)


if __name__ == "__main__":
    main()
