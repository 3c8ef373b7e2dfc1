# SPDX-License-Identifier: ISC
"""`spool verify`: beside a relay at work, without one, and what it says of a damaged spool."""

import json
import threading

import pytest

from relay import send

BODIES = {"small": "Subject: small\r\n\r\n" + "a small body\r\n" * 10,
          "large": "Subject: large\r\n\r\n" + "a large body\r\n" * 20000}


@pytest.fixture
def held(relay, names):
    """Two messages that wait, one with its body in a file; id by name of the body."""
    names.remove("25.2.0.192")
    relay.start()
    ids = {name: send(text=text) for name, text in BODIES.items()}
    relay.wait_for_state("held", 2)
    return ids


def verify(relay, code=0):
    """The damages, the notes and the last line of `spool verify --json`."""
    result = relay.run("spool", "verify", "--json")
    assert result.returncode == code, result.stdout + result.stderr
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert any("progress" in line for line in lines) and lines[-1]["done"] is True
    return [l["damage"] for l in lines if "damage" in l], [l["note"] for l in lines if "note" in l], lines[-1]


def break_byte(relay, words, folder="log"):
    """Changes the first byte of words in the spool. Returns its file, in the spool, and its offset."""
    spool = relay.directory / "spool"
    for path in sorted((spool / folder).iterdir()):
        content = bytearray(path.read_bytes())
        offset = content.find(words)
        if offset >= 0:
            with open(path, "r+b") as file:
                file.seek(offset)
                file.write(bytes([content[offset] ^ 0x20]))
            return str(path.relative_to(spool)), offset
    raise AssertionError(f"{words} is not in the spool")


def is_at(damage, path, offset):
    name, _, start = damage["place"].partition(":")
    return name == path and int(start or 0) <= offset < int(start or 0) + damage["length"]


def test_beside_a_relay_at_work(relay, held, scripted):
    stop = threading.Event()
    sent = []

    def traffic():
        while not stop.is_set():
            sent.append(send(to=("x@corp.example",), text=BODIES["large" if len(sent) % 7 == 3 else "small"]))

    worker = threading.Thread(target=traffic)
    worker.start()
    try:
        for _ in range(20):
            damages, _, end = verify(relay)
            assert not damages and end["damages"] == 0
            assert end["messages"] >= 2 and end["bodies"] >= 1 and end["segments"] >= 1
    finally:
        stop.set()
        worker.join()
    assert len(sent) > 5, "mail went on meanwhile"


def test_without_a_relay_the_same(relay, held):
    relay.stop()
    damages, notes, end = verify(relay)
    assert not damages and not notes and end["messages"] == 2 and end["bodies"] == 1
    result = relay.run("spool", "verify")
    assert result.returncode == 0 and result.stdout.endswith("no damage found\n"), result.stdout
    assert not result.stderr, "no bar: it is no terminal"
    relay.start()
    assert len(relay.queue()) == 2


def test_damage_under_a_running_relay(relay, held):
    path, offset = break_byte(relay, b"a small body")
    (damage,), _, end = verify(relay, code=65)
    assert is_at(damage, path, offset), damage
    assert damage["id"] == held["small"] and damage["queued"] and damage["kind"] == "damaged-body"
    assert end["damages"] == 1
    result = relay.run("spool", "verify")
    assert result.returncode == 65
    assert f"damaged {damage['place']}, " in result.stdout and f"message {held['small']}:" in result.stdout
    assert relay.run("queue", "delete", "--all", "--yes").returncode == 0


@pytest.mark.parametrize("words, folder, kind, name", [
    (b"a small body", "log", "damaged-body", "small"),
    (b"a large body", "body", "damaged-body", "large"),
    (b"PTRX", "log", "damaged-record", "small"),
])
def test_damage_without_a_relay(relay, held, words, folder, kind, name):
    relay.stop()
    path, offset = break_byte(relay, words, folder)
    (damage,), _, _ = verify(relay, code=65)
    assert is_at(damage, path, offset), damage
    assert damage["kind"] == kind and damage["id"] == held[name], damage


def test_a_stranger_in_the_spool_is_noted(relay, held):
    (relay.directory / "spool" / "notes\x1b[2J").write_text("")
    damages, (note,), _ = verify(relay)
    assert not damages and note["kind"] == "unknown-file"
    assert "\x1b" not in relay.run("spool", "verify").stdout
