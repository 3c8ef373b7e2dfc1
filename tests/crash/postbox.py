# SPDX-License-Identifier: ISC
"""The receiver of daemon.py: says yes, no, or not now by the name of the recipient, and remembers every transaction of every
connection in its order."""

import itertools
import re
import socketserver
import threading
import time
from dataclasses import dataclass, field


@dataclass(eq=False)
class Transaction:
    connection: int
    sender: str
    to: list = field(default_factory=list)
    body: bytes = b""
    is_taken: bool = False  # 250 was said behind its final dot

    def name(self):
        """What tells one message from another: the number that its body begins with, or the Message-ID of a report."""
        if self.sender:
            return int(self.body.split(b"\r\n\r\n", 1)[1].split()[0])
        return re.search(rb"^Message-ID: <([^@>]*)", self.body, re.MULTILINE)[1].decode()


def mailbox(line):
    return line.split(b":", 1)[1].split(b">")[0].lstrip(b" <").decode()


class _Handler(socketserver.StreamRequestHandler):
    timeout = 60

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def read_body(self):
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line[1:] if line.startswith(b".") else line)
        return None

    def handle(self):
        postbox, transaction = self.server.postbox, None
        number = next(postbox.numbers)
        self.say("220 postbox ESMTP")
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"EHLO":
                self.say("250-postbox\r\n250-8BITMIME\r\n250 PIPELINING")
            elif verb == b"MAIL":
                transaction = Transaction(number, mailbox(line))
                postbox.transactions.append(transaction)
                self.say("250 ok")
            elif verb == b"RCPT":
                reply = postbox.reply_to(mailbox(line))
                if reply.startswith("250"):
                    transaction.to.append(mailbox(line))
                self.say(reply)
            elif verb == b"DATA" and transaction.to:
                self.say("354 go")
                body = self.read_body()
                if body is None:
                    return
                transaction.body, transaction.is_taken = body, True
                self.say("250 taken")
            elif verb == b"DATA":
                self.say("503 5.5.1 nobody to take it for")
            else:
                self.say("221 bye" if verb == b"QUIT" else "250 ok")


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request, client):
        pass  # a relay that is killed resets its connections


class Postbox:
    def __init__(self, address, port):
        self.reset()
        self.server = _Server((address, port), _Handler)
        self.server.postbox = self
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def reset(self):
        self.transactions, self.numbers = [], itertools.count()
        self.put_off = set()  # who heard "not now" already
        self.is_open = False  # also for "stay"...
        self.met = set()  # ...which these were not

    def reply_to(self, address):
        if re.match("never|gone", address):
            return "550 5.1.1 no such user"
        if address.startswith("stay") and not self.is_open:
            self.met.add(int(re.search(r"\d+", address)[0]))
            time.sleep(0.2)  # a command meets it in an attempt
            return "451 4.2.1 not now"
        if address.startswith("later") and address not in self.put_off:
            self.put_off.add(address)
            return "451 4.2.1 not now"
        return "250 ok"

    def taken(self):
        return [transaction for transaction in list(self.transactions) if transaction.is_taken]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
