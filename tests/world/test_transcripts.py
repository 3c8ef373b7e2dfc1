# SPDX-License-Identifier: ISC
"""The dialogues of tests/transcripts with the real binary: as a client that waits, in one write, in single bytes. After
each a clean session is served within a second and no descriptor is left; after all of them, no memory."""

import smtplib
import subprocess

import pytest

from leftovers import SUBJECT, baseline, check_memory, clean_session, descriptors, settle
from relay import Relay
from support import BASE, wait_for
from transcripts import Player, load

CERTIFICATE, KEY, USERS = (BASE / name for name in ("transcripts.pem", "transcripts.key", "transcripts.users"))


def group(transcript):
    return tuple(sorted(transcript.options.items())), "AUTH" in transcript.needs, "STARTTLS" in transcript.needs


ALL = sorted(load(), key=group)  # so that few relays need to be started


def below_our_field(body):
    """The first field is our Received; it is folded."""
    lines = body.split(b"\r\n")
    assert lines[0].startswith(b"Received: from ")
    end = next(i for i, line in enumerate(lines[1:], 1) if not line.startswith(b"\t"))
    return b"\r\n".join(lines[end:])


class Stage:
    """One relay at a time, kept while the listener's options stay the same."""

    def __init__(self, binary):
        self.binary, self.relay, self.group = binary, None, None
        self.descriptors = 0

    def make_certificate(self):
        if not CERTIFICATE.exists():
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                            "-keyout", KEY, "-out", CERTIFICATE, "-days", "30", "-subj", "/CN=mail.corp.example"],
                           check=True, capture_output=True)
            KEY.chmod(0o600)
        return {"tls_cert": CERTIFICATE, "tls_key": KEY}

    def make_users(self):
        line = subprocess.run([self.binary, "config", "user", "exchange"], input="secret\n", text=True,
                              capture_output=True, check=True).stdout
        USERS.write_text(line)
        USERS.chmod(0o600)
        return {"auth_users": USERS}

    def settings(self, options, has_auth, has_tls):
        listen = "127.0.0.1:2525"
        if "preset" in options:
            listen += f" preset={options['preset']}"
        if "newlines" in options:
            listen += f" bare_newline={options['newlines']}"
        if has_auth:
            listen += " auth=yes"
        settings = {"listen": listen, "route": None, "smarthost": "198.51.100.8:25", "preflight": "off",
                    "log_level": "info", "client_session_limit": 200}
        if "size" in options:
            settings["message_size_limit"] = f"{int(options['size']) // 1024}K"
        if "recipients" in options:
            settings["recipient_limit"] = options["recipients"]
        if has_auth:
            settings |= self.make_users()
        if has_tls:
            settings |= self.make_certificate()
        return settings

    def relay_for(self, transcript):
        if self.relay and self.group == group(transcript):
            return self.relay
        self.stop()
        self.relay, self.group = Relay(self.binary), group(transcript)
        self.relay.wipe()
        self.relay.start(**self.settings(transcript.options, *self.group[1:]))
        self.descriptors = baseline(self.relay)
        return self.relay

    def stop(self):
        if self.relay:
            self.relay.stop()
        self.relay = None


@pytest.fixture(scope="module")
def stage(request, names, resolver):
    made = Stage(request.config.getoption("--binary"))
    yield made
    made.stop()


def announced():
    with smtplib.SMTP("127.0.0.1", 2525, timeout=20) as client:
        return client.ehlo("client.example")[1].decode()


def delivered(scripted):
    """By sender and body, whatever the order; reports on what was wished for (NOTIFY=SUCCESS) are not the matter here."""
    with scripted.lock:
        messages = [(e["from"], e["to"], below_our_field(b)) for e, b in scripted.messages
                    if SUBJECT not in b and (e["from"] or e["to"] != ["ann@corp.example"])]
    return sorted([sender, sorted(recipients), body] for sender, recipients, body in messages)


def is_played(transcript):
    return not [word for word in transcript.needs.split() if word not in announced()]


@pytest.mark.parametrize("packets", ["steps", "whole", "dribble"])
@pytest.mark.parametrize("transcript", ALL, ids=lambda t: t.name)
def test_transcript(stage, scripted, transcript, packets):
    relay = stage.relay_for(transcript)
    scripted.replies["EHLO"] = "250-scripted\r\n250-SMTPUTF8\r\n250 8BITMIME"
    if not is_played(transcript):
        pytest.skip(f"not announced: {transcript.needs}")
    Player(transcript, packets).play()
    # what leaves has an end at its last line, whatever has come
    expected = sorted([sender, recipients, body + (b"" if body[-2:] in (b"", b"\r\n") else b"\r\n")]
                      for sender, recipients, body in transcript.arrivals)
    clean_session()
    wait_for(lambda: delivered(scripted) == expected and not relay.queue(),
             f"{expected} delivered, not {delivered(scripted)}"[:3000])
    wait_for(lambda: descriptors(relay) == stage.descriptors, f"{stage.descriptors} descriptors")


GROUPS = {group(t): [u for u in ALL if group(u) == group(t)] for t in ALL}


@pytest.mark.parametrize("members", GROUPS.values(), ids=lambda g: f"{len(g)}-from-{g[0].name}")
def test_no_memory_is_left_of(stage, scripted, members):
    """Of a whole group: the first round warms up."""
    relay = stage.relay_for(members[0])
    scripted.replies["EHLO"] = "250-scripted\r\n250-SMTPUTF8\r\n250 8BITMIME"
    played = [transcript for transcript in members if is_played(transcript)]

    def once():
        for transcript in played:
            Player(transcript, "whole").play()
        clean_session()
        settle(relay)

    check_memory(relay, once)
