# SPDX-License-Identifier: ISC
"""A scripted SMTP receiver for exact replies: a real socket, no mail system behind it."""

import socket
import socketserver
import threading


class _Handler(socketserver.StreamRequestHandler):
    timeout = 60

    def _say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        receiver = self.server.receiver
        with receiver.lock:
            receiver.connections += 1
        banner = receiver.replies.get("banner", "220 scripted ESMTP")
        self._say(banner)
        if not banner.startswith("220"):
            return
        envelope = {"from": None, "to": []}
        while True:
            line = self.rfile.readline()
            if not line:
                return
            verb = line[:4].decode("latin-1").upper()
            if verb == "QUIT":
                self._say("221 bye")
                return
            if verb == "MAIL":
                with receiver.lock:
                    receiver.mails += 1
                envelope = {"from": line.split(b":", 1)[1].split(b">")[0].lstrip(b" <").decode(), "to": []}
            reply = receiver.reply_to(verb, line)
            self._say(reply)
            if verb == "RCPT" and reply.startswith("2"):
                envelope["to"].append(line.split(b":", 1)[1].split(b">")[0].lstrip(b" <").decode())
            if verb == "DATA" and reply.startswith("354"):
                body = self._read_body()
                if body is None:
                    return
                final = receiver.replies.get("END", "250 taken")
                if final.startswith("2"):
                    with receiver.lock:
                        receiver.messages.append((envelope, body))
                self._say(final)

    def _read_body(self):
        lines = []
        while True:
            line = self.rfile.readline()
            if not line:
                return None
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line[1:] if line.startswith(b".") else line)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address, handler):
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)


class Receiver:
    """replies: by verb, or "banner", or "END" (after the dot); what is not there is a yes."""

    def __init__(self, address, port):
        self.replies, self.messages, self.connections, self.mails = {}, [], 0, 0
        self.lock = threading.Lock()
        self.server = _Server((address, port), _Handler)
        self.server.receiver = self
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def reset(self):
        with self.lock:
            self.replies, self.messages, self.connections, self.mails = {}, [], 0, 0

    def reply_to(self, verb, line):
        for start, reply in self.replies.items():
            if line.decode("latin-1").upper().startswith(start.upper()):
                return reply
        return {"EHLO": "250 scripted", "DATA": "354 go"}.get(verb, "250 ok")

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
