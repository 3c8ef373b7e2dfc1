# SPDX-License-Identifier: ISC
"""The spool of a real relay, read by nothing but the tables of ARCHITECTURE.md: what they say is what there is."""

import pathlib
import struct
import time

from relay import send

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SEGMENT, COPY, SEAL, DATA = 0, 4096, 8192, 12288
MESSAGE, STATE, REMOVAL, FILED = 1, 2, 3, 4


def read_tables():
    """{"record": {"salt": (8, 8), ...}, ...}: where each field is, and how long (None: it varies)."""
    tables, table = {}, None
    for line in (ROOT / "ARCHITECTURE.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if cells[1:3] == ["at", "bytes"]:
            table = tables.setdefault(cells[0], {})
        elif not cells:
            table = None
        elif table is not None and cells[1].isdigit():
            table[cells[0]] = int(cells[1]), int(cells[2]) if cells[2] else None
    return tables


TABLES = read_tables()


def crc32c(*parts):
    crc = 0xFFFFFFFF
    for byte in b"".join(parts):
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def decode(kind, content, at):
    """The fields of the struct of that kind, and all of it behind its CRC."""
    fields, size = {}, 0
    for name, (start, length) in TABLES[kind].items():
        if length:
            value = content[at + start:at + start + length]
            fields[name] = value.decode() if name == "magic" else int.from_bytes(value, "little")
            size = max(size, start + length)
    return fields, content[at + 4:at + size], size


def read_items(content, at, end):
    """(offset, item, body, bytes) of each item of a record."""
    while at < end:
        item, rest, size = decode("item", content, at)
        inline = 0 if item["kind"] == FILED else item["body size"]
        body = content[at + size:at + size + inline]
        text = content[at + size + inline:at + size + inline + item["length"]]
        assert item["CRC"] == crc32c(rest, text) and item["kind"] in (MESSAGE, STATE, REMOVAL, FILED)
        assert item["kind"] == FILED or item["body CRC"] == crc32c(body)
        yield at, item, body, text
        at += size + inline + item["length"]
    assert at == end


def read_segment(path):
    """All items of a segment that was closed in order, held against its index."""
    content = path.read_bytes()
    head, rest, size = decode("segment head", content, SEGMENT)
    assert head["magic"] == "PTRS" and head["CRC"] == crc32c(rest) and head["version"] == 3
    assert content[SEGMENT:SEGMENT + size] == content[COPY:COPY + size]
    assert path.name == f"{head['number']:016x}.seg"
    seal, rest, _ = decode("seal", content, SEAL)
    assert seal["magic"] == "PTRI" and seal["CRC"] == crc32c(rest) and seal["salt"] == head["salt"]

    items, at, sequence = [], DATA, head["first sequence"]
    while at < seal["end"]:
        record, rest, size = decode("record", content, at)
        end = at + size + record["length"]
        assert record["magic"] == "PTRX" and record["salt"] == head["salt"]
        assert (record["sequence"], record["offset"]) == (sequence, at) and record["durable"] < sequence
        assert record["CRC"] == crc32c(rest, content[at + size:end])
        items += read_items(content, at + size, end)
        at, sequence = end, sequence + 1
    assert at == seal["end"] and seal["last sequence"] == sequence - 1
    check_index(content, seal, {offset: (item, text) for offset, item, _, text in items})
    return head, items


def check_index(content, seal, by_offset):
    at, end = seal["index"], seal["index"] + seal["length"]
    assert at % 4096 == 0 and seal["index CRC"] == crc32c(content[at:end])
    seen = set()
    while at < end:
        entry, _, _ = decode("index entry", content, at)
        start, length = TABLES["index entry"]["item"]
        item, text = by_offset[entry["offset"]]
        assert decode("item", content, at + start)[0] == item
        at += start + length
        assert content[at:at + len(text)] == text
        at += len(text)
        seen.add(entry["offset"])
    assert {offset for offset, (item, _) in by_offset.items() if item["kind"] == REMOVAL} <= seen


def id_text(number):
    digits = ""
    while number or len(digits) < 10:
        number, digit = divmod(number, 36)
        digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[digit] + digits
    return digits


def test_the_tables_tell_the_truth(relay, names):
    names.remove("25.2.0.192")
    relay.start(spool_inline="16K")
    small, large = send(text="Subject: small\r\n\r\nsmall\r\n"), send(text="Subject: large\r\n\r\n" + "large\r\n" * 3000)
    gone = send(text="Subject: gone\r\n\r\ngone\r\n")
    relay.wait_for_state("held", 3)
    assert relay.run("queue", "delete", gone).returncode == 0
    relay.stop()
    spool = relay.directory / "spool"

    (head, items), = [read_segment(path) for path in sorted((spool / "log").glob("*.seg"))]
    kinds = {}
    for _, item, body, text in items:
        kinds.setdefault(id_text(item["id"]), []).append((item["kind"], item, body, text))
        assert item["id"] >> 20 == head["number"]
    for name, first, last in (small, MESSAGE, STATE), (large, FILED, STATE), (gone, MESSAGE, REMOVAL):
        assert (kinds[name][0][0], kinds[name][-1][0]) == (first, last)

    assert kinds[small][0][2].endswith(b"Subject: small\r\n\r\nsmall\r\n")
    version, flags, received, count = struct.unpack_from("<BBqI", kinds[small][0][3])
    assert (version, flags, count) == (3, 0, 1) and abs(received / 1000 - time.time()) < 600
    # No author, the byte behind it: no signers, no ENVID; behind the recipient: no NOTIFY, no ORCPT.
    texts = kinds[small][0][3][14:].split(b"\0")
    assert texts == [b"ann@corp.example", b"127.0.0.1", b"", b"", b"", b"bob@dest.example", b"", b"", b""]
    body, item = (spool / "body" / large).read_bytes(), kinds[large][0][1]
    assert len(body) == item["body size"] and crc32c(body) == item["body CRC"]
    assert [path.name for path in (spool / "body").iterdir()] == [large]
