# SPDX-License-Identifier: ISC
"""A real Postfix in a private root: an overlay over this machine's own files, into which Debian's
package is unpacked. The host's mail system, if any, is neither used nor touched."""

import os
import pathlib
import subprocess

from support import BASE, wait_for_port

MASTER = """\
{listen}:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

COMMON = """\
compatibility_level = 3.6
mail_owner = postfix
setgid_group = postdrop
inet_protocols = ipv4
maillog_file = /var/log/postfix.log
smtp_host_lookup = dns
mydestination =
alias_maps =
local_transport = error:no local mail
"""

RECEIVER = COMMON + """\
myhostname = mx.dest.example
inet_interfaces = 198.51.100.7
mynetworks = 198.51.100.7/32
virtual_mailbox_domains = dest.example dest2.example
virtual_mailbox_base = /var/mail/world
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:5000
virtual_gid_maps = static:5000
smtpd_helo_required = yes
smtpd_client_restrictions = reject_unknown_reverse_client_hostname, reject_unknown_client_hostname
smtpd_helo_restrictions = reject_unknown_helo_hostname
smtpd_sender_restrictions = reject_unknown_sender_domain
smtpd_relay_restrictions = reject_unauth_destination
smtpd_delay_reject = yes
"""

CLIENT = COMMON + """\
myhostname = exchange.corp.example
inet_interfaces = 127.0.0.4
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:2525
smtpd_relay_restrictions = permit_mynetworks, reject
"""


def packages():
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return sorted(pathlib.Path(cache, "ptrelay", "postfix").glob("*.deb"))


class Postfix:
    """One instance: its own overlay, configuration, log."""

    def __init__(self, name, main, address, port):
        self.directory = BASE / name
        self.root = self.directory / "root"
        self.main, self.address, self.port = main, address, port

    def start(self):
        for part in ("upper", "work", "root"):
            (self.directory / part).mkdir(parents=True)
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                        f"lowerdir=/,upperdir={self.directory}/upper,workdir={self.directory}/work",
                        str(self.root)], check=True)
        for package in packages():
            # Not dpkg-deb -x: it would put a directory in place of the link /lib.
            subprocess.run(f"dpkg-deb --fsys-tarfile '{package}' | "
                           f"tar -x --keep-directory-symlink -C '{self.root}'", shell=True, check=True)
        for special in ("proc", "dev"):
            subprocess.run(["mount", "--rbind", f"/{special}", str(self.root / special)], check=True)
        self._write_files()
        self._run("/usr/sbin/postfix", "set-permissions", check=False)
        self._run("/usr/sbin/postfix", "start")
        wait_for_port(self.address, self.port)

    def _write_files(self):
        etc = self.root / "etc"
        with open(etc / "passwd", "a") as passwd:
            passwd.write("postfix:x:5101:5101::/var/spool/postfix:/bin/false\n"
                         "world:x:5000:5000::/nonexistent:/bin/false\n")
        with open(etc / "group", "a") as group:
            group.write("postfix:x:5101:\npostdrop:x:5102:\nworld:x:5000:\n")
        (etc / "resolv.conf").unlink(missing_ok=True)
        (etc / "resolv.conf").write_text("nameserver 127.0.0.1\n")
        (etc / "hosts").write_text("127.0.0.1 localhost\n")
        (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
        (etc / "postfix").mkdir(exist_ok=True)
        (etc / "postfix" / "main.cf").write_text(self.main)
        (etc / "postfix" / "master.cf").write_text(MASTER.format(listen=self.address, port=self.port))
        box = self.root / "var/mail/world"
        box.mkdir(parents=True, exist_ok=True)
        os.chown(box, 5000, 5000)

    def _run(self, *command, check=True):
        return subprocess.run(["chroot", str(self.root), *command], check=check,
                              capture_output=True, text=True, timeout=60)

    @property
    def log(self):
        path = self.root / "var/log/postfix.log"
        return path.read_text() if path.exists() else ""

    def messages(self):
        """The raw bytes of all messages delivered so far."""
        return [p.read_bytes() for p in sorted((self.root / "var/mail/world/box/new").glob("*"))]

    def connections(self):
        """How often somebody has connected, not counting the start's probe from this very address."""
        return sum(1 for line in self.log.splitlines()
                   if "smtpd[" in line and ": connect from" in line and "[192.0.2." in line)

    def refusals(self):
        return [line for line in self.log.splitlines() if "reject:" in line]
