#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Tier 4: lives of the spool on a disk that logs its writes (logdisk.c), then every disk that a power cut could have
left behind: each one that ends at a flush, and between two flushes the first of them with some of the later writes.
Each is mounted and checked (logged_life.c) against what was acknowledged by then.

Usage: replay.py DIRECTORY-OF-THE-PROGRAMS    STATES=1000 FILE_SYSTEMS="ext4 xfs" SEED=1 LIVES=3 OPS=150"""

import collections
import ctypes
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import time

STATES = int(os.environ.get("STATES", 1000))
SEED = int(os.environ.get("SEED", 1))
LIVES, OPS = int(os.environ.get("LIVES", 3)), int(os.environ.get("OPS", 150))
FILE_SYSTEMS = os.environ.get("FILE_SYSTEMS", "ext4 xfs").split()
MIB_OF = {"ext4": 96, "xfs": 320}  # XFS does not come smaller

RECORD, RANGE = struct.Struct("=IIQ"), struct.Struct("=II")  # of logdisk.h, of logged_life.c
WRITE, ZERO, FLUSH, MARK = 1, 2, 3, 4
PAGE = 4096  # a disk may keep a part of a write: whole pages of it
KEPT = 3     # failed states whose disk is kept for somebody to look at
WORDS = ["lost", "half", "twice", "back", "other"]

Item = collections.namedtuple("Item", "kind offset len data")
libc = ctypes.CDLL(None, use_errno=True)


def run(*command):
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True)


def wait_for(path):
    deadline = time.monotonic() + 10
    while not path.exists():
        if time.monotonic() > deadline:
            sys.exit(f"replay: no {path}")
        time.sleep(0.01)


def read_log(path):
    with open(path, "rb") as log:
        while head := log.read(RECORD.size):
            kind, size, offset = RECORD.unpack(head)
            yield Item(kind, offset, size, log.read(size) if kind in (WRITE, MARK) else b"")


class Journal:
    """The journal's bytes as the marks tell them. A mark that is not whole yet does not count."""

    def __init__(self, size):
        self.bytes, self.waiting = bytearray(size), b""

    def copy(self):
        other = Journal(0)
        other.bytes, other.waiting = bytearray(self.bytes), self.waiting
        return other

    def hear(self, data):
        self.waiting += data
        at, ranges = 0, []
        while at + RANGE.size <= len(self.waiting):
            offset, size = RANGE.unpack_from(self.waiting, at)
            at += RANGE.size
            if size:
                ranges.append((offset, self.waiting[at:at + size]))
                at += size
                continue
            for offset, changed in ranges:
                self.bytes[offset:offset + len(changed)] = changed
            self.waiting, at, ranges = self.waiting[at:], 0, []


class Image:
    """A disk in a file, thin where nothing was written."""

    def __init__(self, path):
        self.path, self.fd = path, os.open(path, os.O_RDWR)

    @classmethod
    def make(cls, path, size):
        with open(path, "wb") as empty:
            empty.truncate(size)
        return cls(path)

    def apply(self, item):
        if item.kind == WRITE:
            os.pwrite(self.fd, item.data, item.offset)
        elif item.kind == ZERO:
            keep_size, punch_hole = 1, 2
            if libc.fallocate(self.fd, keep_size | punch_hole, ctypes.c_long(item.offset), ctypes.c_long(item.len)):
                sys.exit(f"replay: no hole in {self.path}: {os.strerror(ctypes.get_errno())}")

    def copy_to(self, path):
        path.unlink(missing_ok=True)
        run("cp", "--sparse=auto", self.path, path)

    def close(self):
        os.close(self.fd)


def pages_of(item):
    """A write in the pieces that a disk may keep or lose one by one."""
    at = 0
    while item.kind == WRITE and at < item.len:
        end = min(item.len, (item.offset + at) // PAGE * PAGE + PAGE - item.offset)
        yield Item(WRITE, item.offset + at, end - at, item.data[at:end])
        at = end
    if item.kind == ZERO:
        yield item


class Lives:
    """Records the lives on one file system."""

    def __init__(self, programs, place, file_system):
        self.programs, self.place, self.file_system = programs, place, file_system
        self.log, self.journal = place / "log", place / "journal"
        self.size = MIB_OF[file_system] << 20

    def record(self):
        fuse, mount = self.place / "fuse", self.place / "mount"
        for directory in (fuse, mount):
            directory.mkdir()
        disk = subprocess.Popen([self.programs / "logdisk", fuse, str(MIB_OF[self.file_system]), self.log])
        wait_for(fuse / "disk")
        run(f"mkfs.{self.file_system}", "-q", fuse / "disk")
        run("mount", "-o", "loop", fuse / "disk", mount)
        os.sync()  # what is there before the first life is there for good
        try:
            self._live(mount / "spool", fuse / "mark")
        finally:  # else the disk outlives us
            run("umount", mount)
            run("umount", fuse)
        if disk.wait():
            sys.exit("replay: the log is not whole")

    def _live(self, spool, mark):
        for life in range(LIVES):
            result = subprocess.run([self.programs / "logged_life", "run", spool, self.journal, mark,
                                     str(SEED + life), str(OPS)], capture_output=True, text=True)
            if result.returncode:
                sys.exit(f"replay: life {life + 1} fails without any cut: {result.stdout}{result.stderr}")


class Replay:
    """Makes the states of one log and checks them."""

    def __init__(self, lives):
        self.lives, self.place = lives, lives.place
        self.base = Image.make(self.place / "base", lives.size)
        self.journal = Journal(lives.journal.stat().st_size)
        self.epoch = []      # what came after the last flush
        self.recording = False  # from the first mark on
        self.findings = collections.Counter()
        self.at_flushes = self.partial = self.failed = self.seconds = 0

    def count_epochs(self):
        """Flushes with something before them, from the first mark on."""
        count, begun, anything = 0, False, False
        for item in read_log(self.lives.log):
            begun |= item.kind == MARK
            if item.kind == FLUSH:
                count += begun and anything
                anything = False
            else:
                anything = True
        return count

    def run(self, states):
        epochs = self.count_epochs()
        each = max(1, -(-(states - epochs) // epochs))
        started, number = time.monotonic(), 0
        for item in read_log(self.lives.log):
            self.recording |= item.kind == MARK
            if item.kind != FLUSH:
                self.epoch.append(item)
                continue
            is_other = self.recording and self.epoch  # than at the last flush
            number += bool(is_other)
            for part in range(each if is_other else 0):
                self._try_part(number, part)
            self._flush()
            if is_other:
                self.at_flushes += 1
                self._check(self.base, self.journal, f"{self.lives.file_system} flush {number}")
        self.seconds = time.monotonic() - started
        self.base.close()

    def _flush(self):
        for item in self.epoch:
            if item.kind == MARK:
                self.journal.hear(item.data)
            else:
                self.base.apply(item)
        self.epoch = []

    def _try_part(self, number, part):
        """The power is cut at some write; of those since the last flush the disk has kept some pages."""
        chance = random.Random(f"{SEED} {number} {part}")
        cut, share = chance.randint(1, len(self.epoch)), chance.choice((0.1, 0.5, 0.9, 1))
        journal, state = self.journal.copy(), self.place / "state"
        self.base.copy_to(state)
        image = Image(state)
        for item in self.epoch[:cut]:
            if item.kind == MARK:
                journal.hear(item.data)
            for page in pages_of(item):
                if chance.random() < share:
                    image.apply(page)
        self.partial += 1
        self._check(image, journal,
                    f"{self.lives.file_system} flush {number - 1} and {share:.0%} of {cut} later writes")
        image.close()

    def _check(self, image, journal, name):
        """Mounts a copy and lets logged_life look."""
        disk, told, mount = self.place / "disk", self.place / "told", self.place / "mount"
        image.copy_to(disk)
        told.write_bytes(journal.bytes)
        try:
            run("mount", "-o", "loop", disk, mount)
        except subprocess.CalledProcessError as error:
            self._report(image, journal, name, {"other": 1}, error.stderr)
            return
        result = subprocess.run([self.lives.programs / "logged_life", "check", mount / "spool", told],
                                capture_output=True, text=True)
        run("umount", mount)
        counts = result.stdout.split(":")[0].split()
        if len(counts) != len(WORDS) + 1:
            self._report(image, journal, name, {"other": 1}, f"exit {result.returncode} {result.stderr}")
            return
        self.findings["sent again"] += int(counts[-1])
        if result.returncode:
            self._report(image, journal, name, dict(zip(WORDS, map(int, counts))), result.stdout.split(":", 1)[1])

    def _report(self, image, journal, name, findings, text):
        self.findings.update(findings)
        self.failed += 1
        print(f"replay: {name}: {text.strip()[:600]}", flush=True)
        if self.failed <= KEPT:
            kept = self.lives.programs / f"cut-{self.lives.file_system}-{self.failed}"
            image.copy_to(kept.with_suffix(".disk"))
            kept.with_suffix(".journal").write_bytes(journal.bytes)
            print(f"  kept: {kept}.disk, .journal (mount it, then logged_life check MOUNT/spool JOURNAL)")


def try_file_system(programs, base, file_system, states):
    place = base / file_system
    place.mkdir()
    lives = Lives(programs, place, file_system)
    lives.record()
    replay = Replay(lives)
    replay.run(states)
    found = ", ".join(f"{replay.findings[word]} {word}" for word in [*WORDS, "sent again"])
    print(f"{file_system}: {LIVES} lives of {OPS} transactions, {lives.log.stat().st_size / 1048576:.1f} MiB of log; "
          f"{replay.at_flushes + replay.partial} states ({replay.at_flushes} at a flush, {replay.partial} between): "
          f"{replay.failed} bad; {found}; {replay.seconds:.0f} s", flush=True)
    shutil.rmtree(place)
    return replay


def main():
    if os.environ.get("PTRELAY_REPLAY") != "inside":  # what is mounted here ends with us
        os.environ["PTRELAY_REPLAY"] = "inside"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child",
                              "--mount-proc", sys.executable, *sys.argv])
    programs, base = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path("/tmp/ptrelay-replay")
    base.mkdir(exist_ok=True)
    run("mount", "-t", "tmpfs", "tmpfs", base)
    each = -(-STATES // len(FILE_SYSTEMS))
    replays = [try_file_system(programs, base, name, each) for name in FILE_SYSTEMS]
    states, failed = (sum(figures) for figures in zip(*((r.at_flushes + r.partial, r.failed) for r in replays)))
    print(f"replay: {states} states, {'BROKEN: ' if failed else ''}{failed} bad")
    sys.exit(1 if failed else 0)


main()
