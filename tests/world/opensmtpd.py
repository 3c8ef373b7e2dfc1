# SPDX-License-Identifier: ISC
"""A real OpenSMTPD as a receiver, with the usual recipe: no PTR record, or none that is confirmed, is
refused at once."""

from private_root import PrivateRoot

CONFIGURATION = """\
filter "with_rdns" phase connect match !rdns disconnect "550 no reverse DNS"
filter "with_fcrdns" phase connect match !fcrdns disconnect "550 reverse DNS is not confirmed"
filter "checks" chain {{ "with_rdns", "with_fcrdns" }}
table vusers {{ "rcpt@opensmtpd.example" = world }}
listen on {address} port {port} hostname mx.opensmtpd.example filter "checks"
listen on {address6} port {port} hostname mx.opensmtpd.example filter "checks"
action store maildir "/var/mail/world" virtual <vusers>
match from any for domain "opensmtpd.example" action store
"""


class OpenSmtpd(PrivateRoot):
    def start(self):
        self.unpack("opensmtpd", users={"opensmtpd": 5106, "opensmtpq": 5107})
        self.make_directory("var/lib/opensmtpd/empty")
        self.make_directory("var/mail/world", owner=5000)
        self.write("etc/mailname", "mx.opensmtpd.example\n")
        self.write("etc/smtpd.conf", CONFIGURATION.format(**vars(self)))
        self.spawn("/usr/sbin/smtpd", "-d")
        self.wait_until_up()
