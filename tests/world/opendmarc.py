# SPDX-License-Identifier: ISC
"""A Postfix that checks nothing but DMARC, with a real OpenDMARC as its milter. That judges SPF itself."""

from postfix import COMMON, Postfix
from support import wait_for_port

MAIN = COMMON + """\
myhostname = mx.dmarc.example
inet_interfaces = 198.51.100.13
mynetworks = 198.51.100.13/32
virtual_mailbox_domains = dmarc.example
virtual_mailbox_base = /var/mail/world
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:5000
virtual_gid_maps = static:5000
smtpd_relay_restrictions = reject_unauth_destination
smtpd_milters = inet:127.0.0.1:8893
milter_default_action = tempfail
"""

CONFIGURATION = """\
Socket inet:8893@127.0.0.1
UserID world
Background false
RejectFailures true
HoldQuarantinedMessages false
SPFIgnoreResults true
SPFSelfValidate true
PublicSuffixList /etc/opendmarc-suffixes
IgnoreHosts /etc/opendmarc-nobody
"""


class OpenDmarc(Postfix):
    def __init__(self):
        super().__init__("opendmarc", MAIN, "198.51.100.13", 25)
        self.packages = ["postfix", "opendmarc"]

    def start(self):
        super().start()
        self.write("etc/opendmarc.conf", CONFIGURATION)
        self.write("etc/opendmarc-suffixes", "example\n")
        self.write("etc/opendmarc-nobody", "192.0.2.1\n")
        self.spawn("/usr/sbin/opendmarc", "-f", "-c", "/etc/opendmarc.conf")
        wait_for_port("127.0.0.1", 8893)
