# SPDX-License-Identifier: ISC
"""Power cuts through the whole daemon: daemon.py PTRELAY-CRASH POINTS DIRECTORY.

Of each point: accepted is what a client has read 250 for, delivered what the receiver has said 250 for. Runs in
name spaces of its own (see run). Prints a line of figures; exit 1: something was lost, or served against the rule."""

import collections
import concurrent.futures
import os
import pathlib
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "world"))
from receiver import Receiver  # noqa: E402
from support import is_listening, wait_for  # noqa: E402

MESSAGES, CLIENTS, CONCURRENCY, LANES = 30, 3, 3, 4
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
destination_concurrency = {concurrency}
retry_first = 1s
retry_max = 1s
spool_dir = {spool}
spool_segment = 256K
spool_inline = 16K
spool_reserve = 1M
control_socket = {directory}/control.sock
"""


class Script(Receiver):
    """Takes everything, but for "later" (once) and "never"."""

    def __init__(self, address):
        self.seen_later = set()
        super().__init__(address, 2526)
        self.server.handle_error = lambda request, client: None  # a relay that is killed resets its connections

    def reply_to(self, verb, line):
        if verb == "RCPT" and b"<never" in line:
            return "550 5.1.1 no such user"
        if verb == "RCPT" and b"<later" in line and line not in self.seen_later:
            self.seen_later.add(line)
            return "451 4.2.1 not now"
        return super().reply_to(verb, line)

    def counted(self):
        """How often each message came, by the number in its body."""
        with self.lock:
            messages = list(self.messages)
        return collections.Counter(int(body.split(b"\r\n\r\n", 1)[1].split()[0])
                                   for envelope, body in messages if envelope["from"])

    def notified(self):
        """The numbers of the messages that somebody was told about that they are not delivered."""
        with self.lock:
            messages = list(self.messages)
        return {int(body.split(b"<never", 1)[1].split(b"@")[0]) for envelope, body in messages if not envelope["from"]}


def recipient(number):
    return {5: f"never{number}", 3: f"later{number}"}.get(number % 6, "bob") + "@corp.example"


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
        self.receiver = Script(self.address)

    def mount_disk(self):
        subprocess.run(["mount", self.device, str(self.mount)], check=True)

    def unmount_disk(self):
        wait_for(lambda: subprocess.run(["umount", str(self.mount)], capture_output=True).returncode == 0, "umount")

    def close(self):
        self.receiver.stop()
        self.unmount_disk()
        os.close(self.hold)

    def start(self, **environment):
        config = self.directory / "ptrelay.conf"
        config.write_text(CONFIG.format(address=self.address, concurrency=CONCURRENCY, spool=self.mount / "spool",
                                        directory=self.directory))
        with open(self.directory / "log", "ab") as log:
            process = subprocess.Popen([self.binary, "-c", str(config), "serve"], stderr=log,
                                       env={**os.environ, "CRASH_MOUNT": str(self.mount), **environment})
        wait_for(lambda: is_listening(self.address, 2525) or process.poll() is not None, "the relay")
        return process

    def hand_in(self, numbers, accepted):
        try:
            with smtplib.SMTP(self.address, 2525, timeout=30) as client:
                for number in numbers:
                    size = 40000 if number % 10 == 0 else 500 * (number % 7)
                    text = f"Subject: x\r\n\r\n{number} {'x' * 70}\r\n" + "y" * 70 + "\r\n" + ("z" * 70 + "\r\n") * (size // 72)
                    client.sendmail("ann@corp.example", [recipient(number)], text)
                    accepted.add(number)
        except (OSError, smtplib.SMTPException):
            pass  # it was cut off

    def load(self, process, accepted):
        """Hands in everything; ends when the relay has, or when all is delivered."""
        clients = [threading.Thread(target=self.hand_in, args=(range(n, MESSAGES, CLIENTS), accepted))
                   for n in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        wait_for(lambda: process.poll() is not None or self.is_done(accepted), "the end of the load", 30)

    def is_done(self, accepted):
        never = {n for n in accepted if recipient(n).startswith("never")}
        return accepted - never <= set(self.receiver.counted()) and never <= self.receiver.notified()

    def stop(self, process):
        process.send_signal(signal.SIGTERM)
        return process.wait(timeout=30)

    def last_words(self):
        return (self.directory / "log").read_text(errors="replace")[-1500:]

    def clean(self):
        shutil.rmtree(self.mount / "spool", ignore_errors=True)
        (self.mount / "spool").mkdir(mode=0o700)
        os.sync()
        self.receiver.reset()
        self.receiver.seen_later.clear()

    def count_calls(self):
        self.clean()
        accepted, count = set(), self.directory / "count"
        process = self.start(CRASH_COUNT=str(count))
        self.load(process, accepted)
        assert self.stop(process) == 0 and len(accepted) == MESSAGES, self.last_words()
        return int(count.read_text())

    def run(self, at, tier, moment):
        """(was cut, lost, repeats, problems in words)"""
        self.clean()
        accepted = set()
        process = self.start(CRASH_AT=str(at), CRASH_TIER=str(tier), CRASH_MOMENT=str(moment))
        self.load(process, accepted)
        was_cut = (self.stop(process) if process.poll() is None else process.poll()) != 0  # or while it ends
        if was_cut and tier == 2:
            self.unmount_disk()
            self.mount_disk()
        process = self.start()
        problems = []
        try:
            wait_for(lambda: self.is_done(accepted), "the delivery of all that was accepted", 20)
        except AssertionError:
            problems.append("not delivered")
        code = self.stop(process)
        if code:
            problems.append(f"the relay ends with {code}; its last words: {self.last_words()}")
        counted = self.receiver.counted()
        lost = {n for n in accepted if not recipient(n).startswith("never")} - set(counted)
        repeats = sum(counted.values()) - len(counted)
        if lost:
            problems.append(f"lost: {sorted(lost)}")
        if repeats > CONCURRENCY or max(counted.values(), default=0) > 2:
            problems.append(f"served again: {counted.most_common(5)}")
        return was_cut, len(lost), repeats, problems


def run_lane(lane, points):
    results = []
    for tier, moment, at in points:
        was_cut, lost, repeats, problems = lane.run(at, tier, moment)
        results.append((was_cut, lost, repeats, len(problems)))
        for words in problems:
            print(f"found in the daemon on {lane.kind}: CRASH_TIER={tier} CRASH_MOMENT={moment} CRASH_AT={at} "
                  f"({MOMENTS[moment]}): {words}", flush=True)
    return results


def main():
    binary, count = sys.argv[1], int(sys.argv[2])
    start = time.monotonic()
    lanes = [Lane(binary, n) for n in range(LANES)]
    calls = lanes[0].count_calls()
    # One in five is a kill; the rest are power cuts at the three moments.
    points = [(1 if n % 5 == 4 else 2, n % 3, 1 + n * calls // count) for n in range(count)]
    with concurrent.futures.ThreadPoolExecutor(LANES) as pool:
        results = sum(pool.map(run_lane, lanes, [points[n::LANES] for n in range(LANES)]), [])
    for lane in lanes:
        lane.close()
    cut, lost, repeats, problems = (sum(column) for column in zip(*results))
    print(f"whole daemon: {calls} durable calls; {len(results)} points, {cut} cut, lost {lost}, served again within "
          f"the rule {repeats}, problems {problems}; {time.monotonic() - start:.1f} s")
    sys.exit(1 if problems else 0)


main()
