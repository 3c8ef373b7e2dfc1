# SPDX-License-Identifier: ISC
"""What the benchmarks on a disk share: ptrelay and Postfix with their queues on that disk, what their processes
use, a client, and Postfix's smtp-source."""

import asyncio
import json
import os
import pathlib
import subprocess

from postfix import COMMON, Postfix
from private_root import PrivateRoot
from relay import Relay
from support import wait_for

KIB, MIB = 1024, 1024 * 1024


class DiskRelay(Relay):
    """ptrelay with its spool in a directory of ours, and a log for each of its lives."""

    def __init__(self, binary, spool, **settings):
        super().__init__(binary)
        self.spool, self.settings = spool, settings

    def configure(self, **changes):
        return super().configure(spool_dir=str(self.spool), log_level="info", **{**self.settings, **changes})

    def start(self, seconds=60, **changes):
        self.log_path.unlink(missing_ok=True)
        self.launch(**changes)
        wait_for(lambda: " ready host=" in self.log, "the relay to be ready", seconds)
        return self

    def status(self):
        return json.loads(self.run("status", "--json").stdout)

    def rss(self, key="VmRSS"):
        """Bytes; VmHWM: the most since reset_peak()."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(text.split(key + ":")[1].split()[0]) * KIB

    def reset_peak(self):
        pathlib.Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def cpu(self):
        """Seconds of processor time so far."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def files_open(self):
        """What its file descriptors are, by name; sockets and the like have a number in theirs."""
        names = []
        for link in pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir():
            try:
                names.append(os.readlink(link))
            except FileNotFoundError:  # closed while we look
                pass
        return names

    def spool_bytes(self):
        """Of all files of the spool, by their sizes: what the file system adds is its own affair."""
        total = 0
        for directory, _, names in os.walk(self.spool):
            for name in names:
                try:
                    total += os.stat(os.path.join(directory, name)).st_size
                except FileNotFoundError:  # removed while we look
                    pass
        return total


# Set in its favour: no delays of its own, no look-ups, no process that ends for having served enough or
# waited long.
POSTFIX_AT_ITS_BEST = COMMON + """\
myhostname = mail.corp.example
inet_interfaces = 127.0.0.4
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
in_flow_delay = 0
max_use = 100000
max_idle = 1h
default_process_limit = 200
"""


class PostfixServer(Postfix):
    """Postfix with its queue in a directory of ours."""

    def __init__(self, queue, main):
        super().__init__("postfix", main, "127.0.0.4", 2600)
        self.queue = queue
        self.packages = ["postfix"]

    def unpack(self, *names, users=None):
        super().unpack(*names, users=users)
        self.queue.mkdir()
        subprocess.run(["mount", "--bind", str(self.queue), str(self.root / "var/spool/postfix")], check=True)

    def pids(self):
        """The master and what it has started."""
        master = int((self.queue / "pid/master.pid").read_text())
        return [master, *map(int, pathlib.Path(f"/proc/{master}/task/{master}/children").read_text().split())]


class Client:
    """A session of Exchange's: one message after the other."""

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", 2525)
        await self._expect("220")
        await self._say(b"EHLO exchange.corp.local\r\n", "250")
        return self

    async def _expect(self, code):
        while True:
            line = (await self.reader.readline()).decode()
            if not line.startswith(code):
                raise AssertionError(f"{code} wanted: {line!r}")
            if line[3] == " ":
                return

    async def _say(self, text, code):
        self.writer.write(text)
        await self._expect(code)

    async def send(self, sender, recipients, text):
        await self._say(f"MAIL FROM:<{sender}>\r\n".encode(), "250")
        for recipient in recipients:
            await self._say(f"RCPT TO:<{recipient}>\r\n".encode(), "250")
        await self._say(b"DATA\r\n", "354")
        await self._say(text, "250")


class Source(PrivateRoot):
    """smtp-source out of Debian's package; no Postfix runs."""

    def __init__(self):
        super().__init__("source", "127.0.0.4")
        self.unpack("postfix", users={"postfix": 5101})
        self.write("etc/postfix/main.cf", COMMON)

    def send(self, count, sender, recipient, size, sessions=50):
        """Each message has a recipient of its own: a number in front of that one."""
        self.run("/usr/sbin/smtp-source", "-d", "-N", "-s", str(sessions), "-m", str(count), "-l", str(size),
                 "-f", sender, "-t", recipient, "127.0.0.1:2525")
