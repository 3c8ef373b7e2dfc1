# SPDX-License-Identifier: ISC
"""Reads the dialogues of tests/transcripts, whose README tells the form, and plays them over a socket."""

import fnmatch
import pathlib
import re
import socket
import ssl
import threading

DIRECTORY = pathlib.Path(__file__).parent.parent / "transcripts"
SHORTHANDS = {
    "hello": ["S: 220 mail.corp.example ESMTP", "C: EHLO client.example", "S: 250 mail.corp.example"],
    "envelope": ["C: MAIL FROM:<ann@corp.example>", "S: 250", "C: RCPT TO:<bob@dest.example>", "S: 250"],
    "data": ["C: DATA", "S: 354"],
    "quit": ["C: QUIT", "S: 221", "close"],
}
ESCAPES = {"r": "\r", "n": "\n", "t": "\t", "0": "\0", "\\": "\\", "{": "{"}
REPEAT = re.compile(r"\{([^{}]*)\*(\d+)\}")
PATIENCE = 20  # seconds


def expand(text):
    """Repeats and escapes, the inner ones first; an escaped brace is none."""
    text = text.replace("\\\\", "\\x5c").replace("\\{", "\\x7b")
    while (wider := REPEAT.sub(lambda m: m[1] * int(m[2]), text)) != text:
        text = wider
    raw = re.sub(r"\\(x..|.)", lambda m: chr(int(m[1][1:], 16)) if len(m[1]) == 3 else ESCAPES[m[1]], text)
    return raw.encode("latin-1")


class Transcript:
    """One connection. steps: (kind, count, value); arrivals: (sender, recipients, body)."""

    def __init__(self, name, before=None):
        self.name = name
        self.needs, self.players = (before.needs, before.players) if before else ("", "machine session binary")
        self.options, self.answered = (dict(before.options), before.answered) if before else ({}, False)
        self.steps, self.arrivals = [], []

    def read(self, line):
        key, _, value = line.partition(":")
        key, value = key.strip(), value.removeprefix(" ")
        key, _, count = key.partition("*")
        count = int(count or 1)
        if key in SHORTHANDS:
            for step in SHORTHANDS[key]:
                self.read(step)
        elif key in ("C", "B"):
            self.steps.append(("say", count, expand(value) + (b"\r\n" if key == "C" else b"")))
        elif key in ("S", "S!", "TLS", "cut", "reset", "close"):
            self.steps.append((key, count, value))
        elif key == "MAIL":
            sender, recipients = re.fullmatch(r"(.*?) ?> (.*)", value).groups()
            self.arrivals.append([expand(sender).decode(), sorted(expand(recipients).decode().split(", ")), b""])
        elif key in ("BODY", "PART"):
            self.arrivals[-1][2] += (expand(value) + (b"\r\n" if key == "BODY" else b"")) * count
        elif key in ("needs", "players"):
            setattr(self, key, value)
        elif key == "options":
            self.options.update(word.split("=") for word in value.split())
        elif key == "answer":
            self.answered = True
        else:
            assert key == "row", f"{self.name}: what is {key!r}?"

    @property
    def is_ours(self):
        return "binary" in self.players and not self.answered


def load():
    """All connections that the real binary is to play."""
    found = []
    for path in sorted(DIRECTORY.glob("*.txt")):
        transcript = Transcript(path.stem)
        for number, line in enumerate(path.read_text().split("\n"), 1):
            if line == "----":
                found.append(transcript)
                transcript = Transcript(f"{path.stem}:{number}", transcript)
            elif line and not line.startswith("#"):
                transcript.read(line)
        found.append(transcript)
    return [t for t in found if t.is_ours]


class Player:
    """packets: "steps" (as a client that waits), "whole" (one write) or "dribble" (a byte at a time)."""

    def __init__(self, transcript, packets, port=2525):
        self.transcript, self.packets = transcript, packets
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.heard, self.reply = b"", ""

    def fail(self, what):
        raise AssertionError(f"{self.transcript.name} ({self.packets}): {what}")

    def send(self, data):
        """From a thread: a server that is told much may want to be heard first. Not under TLS, where Python lets
        nobody read meanwhile; there is little to say there."""
        step = 1 if len(data) < 4000 else 1000
        pieces = [data[i:i + step] for i in range(0, len(data), step)] if self.packets == "dribble" else [data]

        def push(connection):
            try:
                for piece in pieces:
                    connection.sendall(piece)
            except OSError:
                pass  # it has closed; what it said tells whether it should have
        thread = threading.Thread(target=push, args=(self.socket,))
        thread.start()
        if isinstance(self.socket, ssl.SSLSocket):
            thread.join()
        return thread

    def read_line(self):
        while b"\n" not in self.heard:
            data = self.socket.recv(65536)
            if not data:
                return None
            self.heard += data
        line, _, self.heard = self.heard.partition(b"\n")
        return line.rstrip(b"\r").decode("latin-1")

    def expect(self, pattern):
        lines = []
        while not lines or lines[-1][3:4] == "-":
            line = self.read_line()
            if line is None:
                self.fail(f"closed instead of {pattern}")
            lines.append(line)
        self.reply = lines[0][:3] + " " + "\n".join(line[4:] for line in lines)
        if not fnmatch.fnmatchcase(self.reply, pattern + "*"):
            self.fail(f"heard {self.reply!r} instead of {pattern}")

    def hear(self, steps):
        for kind, count, value in steps:
            if kind == "S!" and fnmatch.fnmatchcase(self.reply, value):
                self.fail(f"heard {self.reply!r}")
            for _ in range(count if kind == "S" else 0):
                self.expect(value)

    def secure(self):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.socket = context.wrap_socket(self.socket)

    def rounds(self):
        """What is said at once, and what must be heard then."""
        say, rest = b"", []
        for step in self.transcript.steps:
            kind, count, value = step
            is_new = kind == "say" and rest and self.packets == "steps"
            if is_new or kind in ("TLS", "cut", "reset"):
                yield say, rest, kind
                say, rest = b"", []
            if kind == "say":
                say += value * count
            else:
                rest.append(step)
        yield say, rest, "end"

    def play(self):
        for say, expected, then in self.rounds():
            thread = self.send(say)
            self.hear(expected)
            if then == "TLS":
                self.secure()
            if then == "reset":
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            if then in ("cut", "reset"):
                thread.join()
                self.socket.close()
                return
            if then == "end" and any(kind == "close" for kind, _, _ in self.transcript.steps):
                if self.read_line() is not None:
                    self.fail("not closed")
            thread.join()
        self.socket.close()
