# SPDX-License-Identifier: ISC
"""Two that sign and verify by DKIM and know nothing of each other: dkimpy, and OpenDKIM's library by its own tool."""

import base64
import os
import subprocess
import sys

from private_root import packages
from support import BASE

DOMAIN, SELECTOR = "corp.example", "world"
UNPACKED = BASE / "signers"
KEY = UNPACKED / "dkim.key"


def unpack():
    """The tools' own directory, and a key. Returns the record that publishes it."""
    UNPACKED.mkdir(exist_ok=True)
    for package in packages("python3-dkim") + packages("opendkim-tools"):
        subprocess.run(f"dpkg-deb --fsys-tarfile '{package}' | tar -x -C '{UNPACKED}'", shell=True, check=True)
    subprocess.run(["openssl", "genrsa", "-traditional", "-out", KEY, "2048"], check=True, capture_output=True)
    public = subprocess.run(["openssl", "rsa", "-in", KEY, "-pubout", "-outform", "DER"],
                            check=True, capture_output=True).stdout
    text = "v=DKIM1; k=rsa; p=" + base64.b64encode(public).decode()
    strings = " ".join(f'"{text[i:i + 250]}"' for i in range(0, len(text), 250))
    return f"{SELECTOR}._domainkey.{DOMAIN}. TXT {strings}"


def dkimpy():
    path = str(UNPACKED / "usr/lib/python3/dist-packages")
    if path not in sys.path:
        sys.path.append(path)
    import dkim
    return dkim


def opendkim(message, *arguments):
    """Gives what it writes."""
    libraries = str(UNPACKED / "usr/lib/x86_64-linux-gnu")
    result = subprocess.run([UNPACKED / "usr/sbin/opendkim-testmsg", "-C", *arguments], input=message, capture_output=True,
                            env={**os.environ, "LD_LIBRARY_PATH": libraries}, timeout=30)
    assert result.returncode == 0 and not result.stderr, result.stderr
    return result.stdout


def sign_by_dkimpy(header, body):
    def sign(message):
        key = KEY.read_bytes()
        return dkimpy().sign(message, SELECTOR.encode(), DOMAIN.encode(), key, canonicalize=(header, body)) + message
    return sign


def sign_by_opendkim(message):
    return opendkim(message, "-d", DOMAIN, "-s", SELECTOR, "-k", str(KEY))


SIGNERS = {
    "dkimpy-simple": sign_by_dkimpy(b"simple", b"simple"),
    "dkimpy-relaxed": sign_by_dkimpy(b"relaxed", b"relaxed"),
    "opendkim": sign_by_opendkim,
}


def verify(message):
    """By both; what they say when it is not well is the failure."""
    assert dkimpy().verify(message), "dkimpy"
    opendkim(message)
