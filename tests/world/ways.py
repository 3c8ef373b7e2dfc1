# SPDX-License-Identifier: ISC
"""The ways by which the clients of test_clients.py hand in mail: each has a listener of ours, and a domain for
which every client has us as its smarthost there. Who is sent to KNOWN is known by its address; at STRANGE it is
a stranger (the kernel takes the same address for the client), who has to log in."""

from dataclasses import dataclass

USER, PASSWORD = "ann", "right"
KNOWN, STRANGE = "127.0.0.1", "192.0.2.26"


@dataclass(frozen=True)
class Way:
    name: str
    address: str
    port: int
    options: str  # of our listener
    tls: str  # what the client is told: "none", "starttls", "implicit", "may"
    auth: bool = False
    chunking: bool = True  # the client may, if it can

    @property
    def domain(self):
        return self.name + ".example"

    @property
    def recipient(self):
        return "bob@" + self.domain

    @property
    def listen(self):
        return f"{self.address}:{self.port} {self.options}"

    @property
    def protocol(self):
        """As our Received field has it (RFC 3848)."""
        return "ESMTP" + ("" if self.tls == "none" else "S") + ("A" if self.auth else "")


TRANSPORTS = [
    Way("plain", KNOWN, 2525, "tls=off", "none"),
    Way("plain-auth", "127.0.0.5", 2525, "tls=off auth=yes", "none", auth=True),
    Way("starttls", KNOWN, 2587, "auth=yes", "starttls"),
    Way("starttls-auth", STRANGE, 2587, "auth=yes", "starttls", auth=True),
    Way("implicit", KNOWN, 2465, "tls=implicit auth=yes", "implicit"),
    Way("implicit-auth", STRANGE, 2465, "tls=implicit auth=yes", "implicit", auth=True),
    Way("no-chunking", KNOWN, 2588, "auth=yes", "starttls", chunking=False),
]
PRESETS = [Way(preset, KNOWN, port, f"preset={preset} auth=yes", "may") for preset, port in
           (("exchange55", 2601), ("exchange2000", 2602), ("exchange2007", 2603), ("modern", 2604))]
WAYS = TRANSPORTS + PRESETS
