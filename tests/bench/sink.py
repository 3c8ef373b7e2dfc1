# SPDX-License-Identifier: ISC
"""A fast receiver in a process of its own. It knows from a recipient's name what to answer, and counts how often
each has been served: "later-..." is put off once, "never-..." is refused, all others are taken.
A message to NAME-NUMBER must end with the line "end NUMBER"; other mail than ours (reports) goes to "sender-..."."""

import asyncio
import collections
import multiprocessing


class _Ledger:
    def __init__(self):
        self.taken, self.put_off, self.torn, self.served = collections.Counter(), set(), 0, 0

    def answer(self, name):
        if name.startswith("never-"):
            return b"550 5.1.1 nobody of that name\r\n"
        if name.startswith("later-") and name not in self.put_off:
            self.put_off.add(name)
            return b"451 4.2.1 try again\r\n"
        return b"250 ok\r\n"

    def take(self, names, tail):
        for name in names:
            kind, number = name.split("-")
            self.taken[name] += 1
            self.served += 1
            if kind != "sender" and not tail.endswith(b"\r\nend " + number.encode()):
                self.torn += 1


class _Session(asyncio.Protocol):
    TAIL = 64  # bytes of a message that are looked at

    def __init__(self, ledger):
        self.ledger, self.buffer, self.names, self.in_data = ledger, bytearray(), [], False

    def connection_made(self, transport):
        self.transport = transport
        transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data):
        self.buffer += data
        while self._take_text() if self.in_data else self._take_line():
            pass

    def _take_text(self):
        end = self.buffer.find(b"\r\n.\r\n")
        if end < 0:
            del self.buffer[:-self.TAIL]
            return False
        self.ledger.take(self.names, bytes(self.buffer[:end]))
        del self.buffer[:end + 5]
        self.in_data = False
        self.transport.write(b"250 taken\r\n")
        return True

    def _take_line(self):
        end = self.buffer.find(b"\r\n")
        if end < 0:
            return False
        line = bytes(self.buffer[:end])
        del self.buffer[:end + 2]
        verb = line[:4].upper()
        if verb == b"RCPT":
            name = line.split(b"<", 1)[1].split(b"@")[0].decode()
            reply = self.ledger.answer(name)
            if reply.startswith(b"2"):
                self.names.append(name)
        elif verb == b"DATA":
            self.in_data, reply = bool(self.names), b"354 go\r\n" if self.names else b"554 5.5.1 nobody\r\n"
        else:
            self.names = []
            reply = b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n"
        self.transport.write(reply)
        if verb == b"QUIT":
            self.transport.close()
        return True


async def _serve(addresses, pipe):
    ledger, loop = _Ledger(), asyncio.get_running_loop()
    for address, port in addresses:
        await loop.create_server(lambda: _Session(ledger), address, port, backlog=1024)

    def on_question():
        what, name = pipe.recv()
        pipe.send({"all": (ledger.taken, ledger.torn), "served": ledger.served, "name": ledger.taken[name]}[what])

    loop.add_reader(pipe.fileno(), on_question)
    pipe.send("listening")
    await asyncio.Event().wait()


def _run(addresses, pipe):
    asyncio.run(_serve(addresses, pipe))


class Sink:
    def __init__(self, addresses):
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=_run, args=(addresses, theirs), daemon=True)
        self.process.start()
        self.pipe.recv()

    def taken(self):
        """How often each name has been served, and how many messages did not end as they should."""
        return self._ask("all")

    def served(self):
        """How many recipients, however often."""
        return self._ask("served")

    def has_served(self, name):
        return self._ask("name", name) > 0

    def _ask(self, what, name=None):
        self.pipe.send((what, name))
        return self.pipe.recv()
