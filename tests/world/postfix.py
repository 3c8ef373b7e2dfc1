# SPDX-License-Identifier: ISC
"""A real Postfix: as a receiver with its DNS checks on, SPF among them, and as a client."""

import os

from private_root import PrivateRoot
from ways import PASSWORD, USER, WAYS

MASTER = """\
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
tlsmgr unix - - n 1000? 1 tlsmgr
spf unix - n n - 0 spawn user=world argv=/usr/bin/policyd-spf /etc/policyd-spf.conf
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
inet_interfaces = 198.51.100.7, 2001:db8::107
inet_protocols = all
mynetworks = 198.51.100.7/32
virtual_mailbox_domains = dest.example dest2.example signed.example none.dest.example may.dest.example verify.dest.example
virtual_mailbox_base = /var/mail/world
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:5000
virtual_gid_maps = static:5000
smtpd_helo_required = yes
smtpd_client_restrictions = reject_unknown_reverse_client_hostname, reject_unknown_client_hostname,
    reject_rbl_client bl.example=127.0.[0..1].[2..254]
smtpd_helo_restrictions = reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname,
    reject_unknown_helo_hostname
smtpd_sender_restrictions = reject_non_fqdn_sender, reject_unknown_sender_domain,
    reject_rhsbl_sender dbl.example=127.0.[0..1].[2..254]
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions = check_policy_service unix:private/spf
smtpd_delay_reject = yes
"""

TLS = """\
smtpd_tls_security_level = may
smtpd_tls_chain_files = /etc/world.key, /etc/world.pem
smtpd_tls_received_header = yes
"""

# As postfix-policyd-spf-python suggests it for a strict receiver.
SPF_POLICY = """\
debugLevel = 1
HELO_reject = Fail
Mail_From_reject = Fail
PermError_reject = False
TempError_Defer = True
skip_addresses = 127.0.0.0/8
"""

CLIENT = COMMON + """\
myhostname = exchange.corp.example
inet_interfaces = 127.0.0.4
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:2525
smtpd_relay_restrictions = permit_mynetworks, reject
"""

# TLS_LEVELS: what smtp_tls_security_level is called for it.
TLS_LEVELS = {"none": "none", "may": "may", "starttls": "encrypt", "implicit": "encrypt"}
SMARTHOST_CLIENT = CLIENT + f"""\
smtp_sasl_password_maps = static:{USER}:{PASSWORD}
smtp_sasl_security_options =
smtp_dns_support_level = disabled
transport_maps = inline:{{ {", ".join(f"{{ {w.domain} = {w.name}:[{w.address}]:{w.port} }}" for w in WAYS)} }}
"""


class Postfix(PrivateRoot):
    """One instance: its own root, configuration, log."""

    USER = 5101
    services = ""  # lines of master.cf of its own
    maildir = "var/mail/world/box/new"

    def __init__(self, name, main, address, port, address6=None, certificate=None):
        super().__init__(name, address, port, address6, certificate)
        self.main = main + (TLS if certificate else "")
        self.packages = ["postfix", "postfix-policyd-spf-python"]

    def start(self):
        self.unpack(*self.packages, users={"postfix": self.USER})
        self.add_group("postdrop", self.USER + 1)
        self.install_certificate()
        self.write("etc/postfix/main.cf", self.main)
        listeners = [self.address] + ([f"[{self.address6}]"] if self.address6 else [])
        self.write("etc/postfix/master.cf", MASTER + self.services + "".join(
            f"{address}:{self.port} inet n - n - - smtpd\n" for address in listeners))
        self.write("etc/policyd-spf.conf", SPF_POLICY)
        self.make_directory("var/mail/world", owner=5000)
        self.prepare()
        self._make_spool()
        self.spawn("/usr/lib/postfix/sbin/master", "-c", "/etc/postfix", "-d")
        self.wait_until_up()

    def _make_spool(self):
        """As `postfix set-permissions` and `postfix start` make it, which take seconds."""
        self.make_directory("var/lib/postfix", owner=self.USER)
        for queue in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace"):
            self.make_directory(f"var/spool/postfix/{queue}", owner=self.USER, mode=0o700)
        for queue, mode in (("maildrop", 0o1730), ("public", 0o710)):
            self.make_directory(f"var/spool/postfix/{queue}", owner=self.USER, mode=mode)
            os.chown(self.root / "var/spool/postfix" / queue, self.USER, self.USER + 1)
        self.make_directory("var/spool/postfix/pid")

    def prepare(self):
        """What else there is to do before the start."""

    @property
    def log(self):
        return self.read("var/log/postfix.log")

    def connections(self):
        """How often somebody has connected, not counting the start's probe from this very address."""
        return sum(1 for line in self.log.splitlines()
                   if "smtpd[" in line and ": connect from" in line and "[192.0.2." in line)

    def refusals(self):
        return [line for line in self.log.splitlines() if "reject:" in line]


class PostfixClient(Postfix):
    """Hands in by every way: a transport for each."""

    services = "".join(
        f"{way.name} unix - - n - - smtp -o smtp_tls_security_level={TLS_LEVELS[way.tls]} -o smtp_tls_wrappermode="
        f"{'yes' if way.tls == 'implicit' else 'no'} -o smtp_sasl_auth_enable={'yes' if way.auth else 'no'}\n"
        for way in WAYS)

    def __init__(self, name, address, port):
        super().__init__(name, SMARTHOST_CLIENT, address, port)
        self.packages = ["postfix", "libsasl2-modules"]
