# SPDX-License-Identifier: ISC
"""A root directory of a mail server's own: an overlay over this machine's files, into which Debian's
packages are unpacked. The host's mail system, if any, is neither used nor touched."""

import os
import pathlib
import subprocess

from support import BASE, wait_for_port

USERS = {"world": 5000}
PLAIN_FILES = {
    "etc/resolv.conf": "nameserver 127.0.0.1\n",
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


def packages(name):
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return sorted(pathlib.Path(cache, "ptrelay", name).glob("*.deb"))


class PrivateRoot:
    """One server: its root, its files, its processes. They end with the namespaces of the world."""

    maildir = "var/mail/world"  # a file for each message delivered

    def __init__(self, name, address, port=25, address6=None, certificate=None):
        """certificate: the paths of it and its key; with one STARTTLS is offered."""
        self.directory = BASE / name
        self.root = self.directory / "root"
        self.address, self.port, self.address6 = address, port, address6
        self.certificate = certificate

    def unpack(self, *names, users=None):
        """Makes the root, with the files of these packages (as `fetch` has them) and these users."""
        for part in ("upper", "work", "root"):
            (self.directory / part).mkdir(parents=True)
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                        f"lowerdir=/,upperdir={self.directory}/upper,workdir={self.directory}/work",
                        str(self.root)], check=True)
        for package in [p for name in names for p in packages(name)]:
            # Not dpkg-deb -x: it would put a directory in place of the link /lib.
            subprocess.run(f"dpkg-deb --fsys-tarfile '{package}' | "
                           f"tar -x --keep-directory-symlink -C '{self.root}'", shell=True, check=True)
        for special in ("proc", "dev"):
            subprocess.run(["mount", "--rbind", f"/{special}", str(self.root / special)], check=True)
        for path, text in PLAIN_FILES.items():
            self.write(path, text)
        for user, number in {**USERS, **(users or {})}.items():
            self._add_entry("etc/passwd", f"{user}:x:{number}:{number}::/nonexistent:/bin/false")
            self.add_group(user, number)

    def write(self, path, text):
        """A file of the root, in place of the host's or the package's, also of a link."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.write_text(text)

    def install_certificate(self, owner=0):
        """As etc/world.pem and .key; the key is for owner alone."""
        for source, path in zip(self.certificate or (), ("etc/world.pem", "etc/world.key")):
            self.write(path, source.read_text())
            os.chown(self.root / path, owner, owner)
        if self.certificate:
            (self.root / "etc/world.key").chmod(0o600)

    def messages(self):
        """The raw bytes of all messages delivered so far."""
        return [path.read_bytes() for path in sorted((self.root / self.maildir).glob("*"))]

    def link(self, path, target):
        (self.root / path).unlink(missing_ok=True)
        (self.root / path).symlink_to(target)

    def add_group(self, name, number):
        self._add_entry("etc/group", f"{name}:x:{number}:")

    def _add_entry(self, path, entry):
        """In place of the host's entry of that name, if it has one."""
        name = entry.split(":")[0] + ":"
        others = [line for line in self.read(path).splitlines() if not line.startswith(name)]
        self.write(path, "\n".join([*others, entry]) + "\n")

    def make_directory(self, path, owner=0, mode=0o755):
        target = self.root / path
        target.mkdir(parents=True, exist_ok=True)
        os.chown(target, owner, owner)
        target.chmod(mode)

    def run(self, *command, check=True, **options):
        return subprocess.run(["chroot", str(self.root), *command], check=check,
                              capture_output=True, text=True, timeout=60, **options)

    def spawn(self, *command):
        """Starts what runs until the world ends."""
        log = open(self.directory / "output.log", "ab")
        return subprocess.Popen(["chroot", str(self.root), *command], stdin=subprocess.DEVNULL,
                                stdout=log, stderr=log)

    def wait_until_up(self):
        wait_for_port(self.address, self.port)

    def read(self, path):
        target = self.root / path
        return target.read_text(errors="replace") if target.exists() else ""
