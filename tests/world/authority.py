# SPDX-License-Identifier: ISC
"""A certificate authority of the world's own, made with the openssl tool, and certificates of every kind: good ones, and
such as nobody should believe. ptrelay trusts it by SSL_CERT_FILE in its environment."""

import functools
import ssl
import subprocess

from support import BASE

EXTENSIONS = """\
[req]
distinguished_name = name
[name]
[leaf]
basicConstraints = CA:false
subjectAltName = {names}
[ca]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
"""
NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    def __init__(self, directory=BASE / "authority"):
        self.directory = directory
        directory.mkdir(exist_ok=True)
        self.certificate, self.key = self._paths("ca")
        (directory / "ca.cnf").write_text(EXTENSIONS.format(names="DNS:none.example"))
        openssl("req", "-x509", *NEW_KEY, "-keyout", self.key, "-out", self.certificate, "-days", 30,
                "-subj", "/CN=the world's authority", "-config", directory / "ca.cnf", "-extensions", "ca")

    def _paths(self, label):
        return self.directory / f"{label}.pem", self.directory / f"{label}.key"

    def issue(self, *names, label=None, days=30, self_signed=False, alternative=None):
        """A certificate of these names. Returns the paths of certificate and key. days < 0: it is over; alternative:
        the names as the extension has them."""
        label = label or names[0]
        certificate, key = self._paths(label)
        configuration = self.directory / f"{label}.cnf"
        configuration.write_text(EXTENSIONS.format(names=alternative or ", ".join(f"DNS:{name}" for name in names)))
        request = self.directory / f"{label}.csr"
        openssl("req", "-new", *NEW_KEY, "-keyout", key, "-out", request, "-config", configuration,
                "-subj", f"/CN={names[0][:60]}")
        issuer = ["-key", key] if self_signed else ["-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial"]
        openssl("x509", "-req", "-in", request, "-out", certificate, "-days", days, "-extfile", configuration,
                "-extensions", "leaf", *issuer)
        key.chmod(0o600)
        return certificate, key

    def context(self, *names, **how):
        """A server's context with such a certificate."""
        return server_context(*self.issue(*names, **how))

    @functools.cached_property
    def shared(self):
        """A context for those of whom nobody asks the name."""
        return self.context("shared.hostile.example")

    @property
    def environment(self):
        """For those who shall trust it."""
        return {"SSL_CERT_FILE": str(self.certificate)}


def server_context(certificate, key):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate, key)
    return made
