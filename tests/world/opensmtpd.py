# SPDX-License-Identifier: ISC
"""A real OpenSMTPD as a receiver, with the usual recipe: no PTR record, or none that is confirmed, is
refused at once."""

from private_root import PrivateRoot
from ways import PASSWORD, USER, WAYS

CONFIGURATION = """\
filter "with_rdns" phase connect match !rdns disconnect "550 no reverse DNS"
filter "with_fcrdns" phase connect match !fcrdns disconnect "550 reverse DNS is not confirmed"
filter "checks" chain {{ "with_rdns", "with_fcrdns" }}
pki world cert "/etc/world.pem"
pki world key "/etc/world.key"
table vusers {{ "rcpt" = world }}
listen on {address} port {port} tls pki world hostname mx.opensmtpd.example filter "checks"
listen on {address6} port {port} tls pki world hostname mx.opensmtpd.example filter "checks"
action store maildir "/var/mail/world" virtual <vusers>
match from any for domain {{ "opensmtpd.example", "*.opensmtpd.example" }} action store
"""

CLIENT = """\
table secrets {{ mine = "{user}:{password}" }}
listen on {address} port {port} hostname opensmtpd.corp.example
mta limit conn-delay-route 0 reconn-delay-route 0 session-keepalive 0
{relays}
"""
SCHEMES = {"none": "smtp+notls", "may": "smtp", "starttls": "smtp+tls", "implicit": "smtps"}


class OpenSmtpd(PrivateRoot):
    maildir = "var/mail/world/new"

    def configuration(self):
        return CONFIGURATION.format(**vars(self))

    def start(self):
        self.unpack("opensmtpd", users={"opensmtpd": 5106, "opensmtpq": 5107})
        self.make_directory("var/lib/opensmtpd/empty")
        self.make_directory("var/mail/world", owner=5000)
        self.write("etc/mailname", "mx.opensmtpd.example\n")
        self.write("etc/smtpd.conf", self.configuration())
        self.install_certificate()
        self.spawn("/usr/sbin/smtpd", "-d")
        self.wait_until_up()

    def connections(self):
        log = (self.directory / "output.log").read_text(errors="replace")
        return sum(" smtp connected address=192.0.2.25" in line for line in log.splitlines())


class OpenSmtpdClient(OpenSmtpd):
    """Hands in by every way but with AUTH in the clear: it does not say a password without TLS."""

    @staticmethod
    def relay(way):
        action = f'action "{way.name}" relay host "{SCHEMES[way.tls]}://{"mine@" if way.auth else ""}{way.address}:{way.port}"'
        action += " auth <secrets>" if way.auth else ""
        action += " tls no-verify" if way.tls in ("starttls", "implicit") else ""
        return f'{action}\nmatch from any for domain "{way.domain}" action "{way.name}"\n'

    def configuration(self):
        return CLIENT.format(**vars(self), user=USER, password=PASSWORD, relays="".join(
            self.relay(way) for way in WAYS if way.tls != "none" or not way.auth))
