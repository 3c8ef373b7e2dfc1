# SPDX-License-Identifier: ISC
"""ptrelay itself, started with the world's configuration, and its commands."""

import json
import os
import re
import shutil
import signal
import smtplib
import subprocess

from support import BASE, is_listening, wait_for

CONFIG = {
    "hostname": "mail.corp.example",
    "public_ip": "192.0.2.25",
    "listen": "127.0.0.1:2525",
    "allow": "127.0.0.0/8",
    "resolver": "127.0.0.3",
    "route": "corp.example 127.0.0.2:2526",
    "hold_recheck_min": "1s",
    "hold_recheck_max": "2s",
    "retry_first": "1s",
    "retry_max": "2s",
    "spool_reserve": "1M",
    "spool_dir": str(BASE / "relay" / "spool"),
    "control_socket": str(BASE / "relay" / "control.sock"),
    "log_level": "debug",
}
OUTCOME = re.compile(r"^\S+ \w+ (deferred|held|bounced|delivered) id=(\w+) to=<(\S+)> reason=(\S+) what=\"(.*)\"$", re.M)


class Relay:
    def __init__(self, binary):
        self.binary = binary
        self.directory = BASE / "relay"
        self.process = None
        self.environment = {}  # beside ours
        self.watcher = []  # a command that runs the daemon
        self.log_path = self.directory / "log"

    def configure(self, **changes):
        """Writes a configuration: the world's, with changes (None takes a key out, a list repeats it)."""
        settings = {**CONFIG, **{k.replace("__", "."): v for k, v in changes.items()}}
        self.directory.mkdir(exist_ok=True)
        path = self.directory / "ptrelay.conf"
        lines = [(k, v) for k, values in settings.items() for v in (values if isinstance(values, list) else [values])]
        path.write_text("".join(f"{k} = {v}\n" for k, v in lines if v is not None))
        return path

    def launch(self, **changes):
        """Starts it and waits until it listens: it may still have to find out its own name."""
        path = self.configure(**changes)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([*self.watcher, self.binary, "-c", str(path), "serve"], stderr=log,
                                            env={**os.environ, **self.environment})
        wait_for(lambda: is_listening("127.0.0.1", 2525) or self.process.poll() is not None, "the relay")
        assert self.process.poll() is None, self.log

    def start(self, **changes):
        """The same, and waits until it is ready."""
        before = self.log.count(" ready host=")
        self.launch(**changes)
        wait_for(lambda: self.log.count(" ready host=") > before, "the relay to be ready")
        return self

    def stop(self):
        """An orderly end; a sanitizer's report or a crash shows in the exit code."""
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            code = self.process.wait(timeout=30)
            self.process = None
            assert code == 0, f"exit {code}\n{self.log[-4000:]}"

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def wipe(self):
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def run(self, *arguments, config=True):
        command = [self.binary] + (["-c", str(self.directory / "ptrelay.conf")] if config else [])
        return subprocess.run(command + list(arguments), capture_output=True, text=True, timeout=60)

    def queue(self, *filters):
        """The messages of `queue list --json`."""
        result = self.run("queue", "list", "--json", *filters)
        assert result.returncode == 0, result.stderr
        return [json.loads(line) for line in result.stdout.splitlines()]

    def recipients(self):
        return [r for m in self.queue() for r in m["recipients"]]

    def outcomes(self, queue_id=r"\w+"):
        """What the log tells of the attempts so far: (state, id, recipient, reason, words)."""
        return [match.groups() for match in OUTCOME.finditer(self.log) if re.fullmatch(queue_id, match[2])]

    def wait_for_outcomes(self, queue_id, count=1, seconds=10):
        """The first count of them for this message."""
        return wait_for(lambda: (lambda found: len(found) >= count and found[:count])(self.outcomes(queue_id)),
                        f"{count} outcomes of {queue_id}; {self.log[-3000:]}", seconds)

    def wait_for_state(self, state, count=1):
        def reached():
            found = [r for r in self.recipients() if r["state"] == state]
            return found if len(found) >= count else None
        return wait_for(reached, f"{count} recipients {state}; {self.run('queue', 'list').stdout}")

    def wait_until_empty(self, seconds=30):
        wait_for(lambda: not self.queue(), "an empty queue", seconds)


def send(sender="ann@corp.example", to=("bob@dest.example",), text="Subject: hello\r\n\r\nhello\r\n"):
    """Hands in a message with Python's smtplib. Returns the queue id."""
    with smtplib.SMTP("127.0.0.1", 2525, timeout=30) as client:
        client.ehlo("exchange.corp.local")
        code, answer = client.mail(sender)
        assert code == 250, answer
        for recipient in to:
            code, answer = client.rcpt(recipient)
            assert code == 250, answer
        code, answer = client.data(text)
        assert code == 250, answer
        return answer.decode().split()[-1]
