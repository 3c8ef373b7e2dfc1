# SPDX-License-Identifier: ISC
"""A real Courier as a receiver: the check of the sender's domain that it makes by itself, and those of the
EHLO name and of SPF that its bofh file turns on."""

from private_root import PrivateRoot
from support import wait_for_port

BOFH = """\
opt BOFHCHECKDNS=1
opt BOFHCHECKHELO=2
opt BOFHSPFHELO=pass,none,neutral,softfail,unknown
opt BOFHSPFMAILFROM=pass,none,neutral,softfail,unknown
opt BOFHSPFHARDERROR=fail
"""

# What the init script takes from /etc/courier/esmtpd.
ENVIRONMENT = ["PATH=/usr/sbin:/usr/bin:/bin", "SHELL=/bin/sh", "BOFHCHECKDNS=1", "BOFHNOVRFY=1", "NOADDMSGID=1",
               "NOADDDATE=1", "TARPIT=0", "AUTH_REQUIRED=0"]


class Courier(PrivateRoot):
    USER = 5108

    def start(self):
        self.unpack("courier-mta", users={"courier": self.USER})
        self.write("etc/courier/me", "mx.courier.example\n")
        self.write("etc/courier/defaultdomain", "courier.example\n")
        self.write("etc/courier/locals", "courier.example\n")
        self.write("etc/courier/esmtpacceptmailfor", "courier.example\n")
        self.write("etc/courier/bofh", BOFH)
        self.write("etc/courier/aliases/system", "rcpt: |/bin/true\n")
        for directory in ("allfilters", "filters", "msgq", "msgs", "track", "tmp"):
            self.make_directory(f"var/lib/courier/{directory}", owner=self.USER, mode=0o750)
        self.link("usr/bin/makedat", "makedat.courier")
        self.run("/usr/sbin/makealiases")
        self.run("/usr/sbin/makeacceptmailfor")
        self.run("/usr/sbin/makesmtpaccess")
        for address in (self.address, self.address6):
            self.spawn("/usr/bin/env", "-i", *ENVIRONMENT, "/usr/sbin/couriertcpd", f"-address={address}",
                       "-noidentlookup", "-maxprocs=40", "-maxperip=40", "-maxperc=40", "-user=courier",
                       "-group=courier", str(self.port), "/usr/sbin/courieresmtpd")
            wait_for_port(address, self.port)
