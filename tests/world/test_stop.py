# SPDX-License-Identifier: ISC
"""SIGTERM while the disk hangs: a client waits for its 250. The relay gives up after ten seconds, acknowledges nothing,
and starts again as after a crash."""

import signal
import socket
import subprocess
import time

import pytest

from support import BASE, wait_for

HANGING = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>
int fdatasync(int fd)
{
	int (*really)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
	while (access(HANGS, F_OK) == 0) {
		creat(HANGS ".reached", 0600);
		sleep(60);
	}
	return really(fd);
}
"""


@pytest.fixture
def hanging(relay, monkeypatch):
    """A file; while it is there, the disk of a relay started from now on hangs."""
    switch, library = BASE / "disk-hangs", BASE / "hanging.so"
    subprocess.run(["cc", "-shared", "-fPIC", f'-DHANGS="{switch}"', "-x", "c", "-", "-o", library], input=HANGING,
                   text=True, check=True)
    monkeypatch.setenv("LD_PRELOAD", str(library))
    monkeypatch.setenv("ASAN_OPTIONS", "verify_asan_link_order=0")
    yield switch
    switch.unlink(missing_ok=True)


def test_a_disk_that_hangs_does_not_keep_it_from_stopping(relay, scripted, hanging):
    relay.start(route=None, smarthost="198.51.100.8:25", preflight="off")
    reached = hanging.with_suffix(".reached")
    reached.unlink(missing_ok=True)
    hanging.touch()
    with socket.create_connection(("127.0.0.1", 2525), timeout=30) as client:
        client.sendall(b"EHLO x\r\nMAIL FROM:<ann@corp.example>\r\nRCPT TO:<bob@dest.example>\r\nDATA\r\nhung\r\n.\r\n")
        said = b""
        while b"\r\n354 " not in said:
            said += client.recv(4096)
        wait_for(reached.exists, "the commit to hang")
        start = time.monotonic()
        relay.process.send_signal(signal.SIGTERM)
        assert relay.process.wait(timeout=30) == 74
        assert 9 < time.monotonic() - start < 13
        relay.process = None
        with socket.socket() as late:
            assert late.connect_ex(("127.0.0.1", 2525)) != 0
        assert client.recv(4096) == b"", "nothing is acknowledged"
    assert ' abandoned sessions=1 settlements=0 what="the spool does not answer"' in relay.log
    hanging.unlink()
    relay.start(route=None, smarthost="198.51.100.8:25", preflight="off")
    wait_for(lambda: not relay.queue(), "an empty queue")
