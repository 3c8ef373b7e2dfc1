# SPDX-License-Identifier: ISC
"""A receiver that says exactly the bytes it is told to, when it is told to: what no mail system would do.

What it does is a table of acts, by what it answers: "banner", the start of a command ("RCPT TO:<gone", the longest that fits
counts), "END" (the final dot). An act is the bytes to say, or a function of the wire. What is not in the table is answered
politely."""

import contextlib
import socket
import struct
import threading

NUL = bytes(1)


class Gone(Exception):
    """The connection is over."""


class Wire:
    """One connection, as an act sees it."""

    def __init__(self, server, connection):
        self.server, self.socket = server, connection
        self.buffer, self.tls, self.resumed = b"", False, False
        self.commands = []  # (line, whether under TLS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(20)

    def say(self, data):
        self.socket.sendall(data)

    def hear_line(self):
        while b"\n" not in self.buffer:
            self.hear_some()
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line + b"\n"

    def hear_body(self):
        lines = []
        while (line := self.hear_line()) != b".\r\n":
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)

    def hear_to_the_end(self):
        with contextlib.suppress(Gone):
            while True:
                self.hear_some()

    def hear_some(self):
        more = self.socket.recv(65536)
        if not more:
            raise Gone
        self.buffer += more

    def start_tls(self):
        self.socket = self.server.tls.wrap_socket(self.socket, server_side=True)
        self.buffer, self.tls = b"", True
        self.resumed = self.socket.session_reused

    def act(self, key, default):
        """Does what the table says of it. Returns what was said, if it is bytes."""
        act = self.server.acts.get(key, default)
        if callable(act):
            return act(self)
        self.say(act)
        return act

    def end(self):
        raise Gone

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Gone


class Hostile:
    """Listens at an address of its own until it is closed. tls: a context, or None."""

    def __init__(self, address, acts=None, tls=None, port=25, implicit=False, extensions=(b"PIPELINING", b"8BITMIME")):
        self.acts, self.tls, self.implicit, self.extensions = acts or {}, tls, implicit, extensions
        self.lock = threading.Lock()
        self.wires, self.messages, self.failures = [], [], []
        self.listener = socket.create_server((address, port), backlog=256)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        """Nobody gets in any more, and who is in gets out."""
        self.listener.shutdown(socket.SHUT_RDWR)  # else accept() waits on
        self.listener.close()
        for wire in self.wires:
            with contextlib.suppress(OSError):
                wire.socket.shutdown(socket.SHUT_RDWR)

    @property
    def connections(self):
        return len(self.wires)

    def commands(self):
        """All that was heard, over all connections, without the line ends."""
        return [line for wire in self.wires for line, _ in wire.commands]

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                wire = Wire(self, connection)
                self.wires.append(wire)
            threading.Thread(target=self._serve, args=(wire,), daemon=True).start()

    def _serve(self, wire):
        with contextlib.suppress(Gone):
            try:
                if self.implicit:
                    wire.start_tls()
                wire.act("banner", b"220 mx.hostile.example ESMTP\r\n")
                while True:
                    self._answer(wire, wire.hear_line())
            except OSError:  # also of TLS
                pass
        with contextlib.suppress(OSError):
            wire.socket.close()

    def _extensions(self, wire):
        offers = list(self.extensions)
        if self.tls and not wire.tls:
            offers.append(b"STARTTLS")
        return b"".join(b"250-" + line + b"\r\n" for line in [b"mx.hostile.example", *offers]) + b"250 HELP\r\n"

    def _answer(self, wire, line):
        wire.commands.append((line.rstrip(b"\r\n"), wire.tls))
        text = line.decode("latin-1").upper()
        verb = text.split()[0] if text.split() else ""
        polite = {"EHLO": self._extensions(wire), "DATA": b"354 go on\r\n", "QUIT": b"221 bye\r\n",
                  "STARTTLS": b"220 go on\r\n"}
        fitting = [key for key in self.acts if text.startswith(key.upper())]
        said = wire.act(max(fitting, key=len, default=verb), polite.get(verb, b"250 ok\r\n"))
        if verb == "QUIT":
            raise Gone
        if verb == "STARTTLS" and said == polite["STARTTLS"]:
            wire.start_tls()
        if verb == "DATA" and said and said.startswith(b"354"):
            body = wire.hear_body()
            with self.lock:
                self.messages.append((wire, body))
            wire.act("END", b"250 taken\r\n")
