# SPDX-License-Identifier: ISC
"""A real Sendmail as a receiver: the check of the sender's domain that it makes by itself, and the
features that ask for a reverse zone, a credible EHLO name, and MX records of the Internet."""

from private_root import PrivateRoot
from ways import PASSWORD, USER, WAYS

CONFIGURATION = """\
divert(0)dnl
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
VERSIONID(`world')dnl
OSTYPE(`debian')dnl
define(`confDOMAIN_NAME', `mx.sendmail.example')dnl
define(`confDELIVERY_MODE', `background')dnl
define(`confTO_IDENT', `0')dnl
define(`ALIAS_FILE', `null:none')dnl
define(`confHOST_STATUS_DIRECTORY', `')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl all addresses of the world are on this machine
define(`confTO_RESOLVER_RETRANS', `1s')dnl
define(`confBAD_RCPT_THROTTLE', `0')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confREFUSE_LA', `1000')dnl
define(`confLOG_LEVEL', `9')dnl
define(`confCACERT', `/etc/world.pem')dnl
define(`confCACERT_PATH', `/etc/ssl/certs')dnl
define(`confSERVER_CERT', `/etc/world.pem')dnl
define(`confSERVER_KEY', `/etc/world.key')dnl
define(`LOCAL_MAILER_PATH', `/usr/local/bin/store')dnl
define(`LOCAL_MAILER_ARGS', `store $u')dnl without $u it would be spoken to by SMTP
define(`LOCAL_MAILER_FLAGS', `n')dnl
FEATURE(`use_cw_file')dnl
FEATURE(`no_default_msa')dnl
DAEMON_OPTIONS(`Family=inet, Addr={address}, Port={port}, Name=MTA')dnl
DAEMON_OPTIONS(`Family=inet6, Addr={address6}, Port={port}, Name=MTA6')dnl
FEATURE(`delay_checks')dnl without it block_bad_helo is in no rule set
FEATURE(`require_rdns')dnl
FEATURE(`block_bad_helo')dnl
FEATURE(`badmx')dnl
FEATURE(`dnsbl', `bl.example')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
"""

# Its local mailer: a file for each message, that is in its place when it is whole.
STORE = """\
#!/bin/sh
umask 022
file=$(mktemp /var/mail/world/XXXXXXXX)
cat >"$file" && mv "$file" /var/mail/world/new/
"""

# The mailers are its own "relay", each with a port.
CLIENT = """\
divert(0)dnl
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
VERSIONID(`client')dnl
OSTYPE(`debian')dnl
define(`confDOMAIN_NAME', `sendmail.corp.example')dnl
define(`confDELIVERY_MODE', `background')dnl
define(`confTO_IDENT', `0')dnl
define(`ALIAS_FILE', `')dnl
define(`confHOST_STATUS_DIRECTORY', `')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confREFUSE_LA', `1000')dnl
define(`confLOG_LEVEL', `14')dnl
FEATURE(`no_default_msa')dnl
DAEMON_OPTIONS(`Family=inet, Addr={address}, Port={port}, Name=MTA, M=S')dnl
FEATURE(`promiscuous_relay')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`nocanonify')dnl
FEATURE(`mailertable', `text -k0 -v1 /etc/mail/mailertable')dnl
FEATURE(`authinfo', `text -k0 -v1 -z; /etc/mail/authinfo')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
MAILER_DEFINITIONS
"""
MAILER = """Mport{port}, P=[IPC], F=mDFMuXa8, S=EnvFromSMTP/HdrFromSMTP, R=MasqSMTP, E=\\r\\n, L=2040, T=DNS/RFC822/SMTP, A=TCP $h {port}
"""


class Sendmail(PrivateRoot):
    GROUP = 5104
    maildir = "var/mail/world/new"

    def configuration(self):
        return CONFIGURATION.format(**vars(self))

    def start(self):
        self.unpack("sendmail-bin", users={"smmta": self.GROUP, "smmsp": self.GROUP + 1, "rcpt": 5001})
        self.write("etc/mail/world.mc", self.configuration())
        compiled = self.run("/usr/bin/m4", "/etc/mail/world.mc").stdout
        self.write("etc/mail/sendmail.cf", compiled)
        self.write("etc/mail/local-host-names", "".join(
            f"{name}sendmail.example\n" for name in ("", "none.", "may.", "verify.")))
        self.write("usr/local/bin/store", STORE)
        (self.root / "usr/local/bin/store").chmod(0o755)
        self.install_certificate()
        self.make_directory("var/mail/world", mode=0o777)
        self.make_directory(self.maildir, mode=0o777)
        self.write("etc/mail/service.switch", "hosts dns\naliases files\npasswd files\n")
        self.make_directory("var/spool/mqueue", mode=0o700)
        self.make_directory("var/run/sendmail/mta")
        self.spawn("/usr/libexec/sendmail/sendmail", "-bD", "-C/etc/mail/sendmail.cf", "-X/var/log/traffic")
        self.wait_until_up()

    def connections(self):
        """All who have greeted, by the number of the process that served them."""
        return len({line.split()[0] for line in self.read("var/log/traffic").splitlines() if "<<< EHLO mail.corp." in line})


class SendmailClient(Sendmail):
    """Hands in by every way but implicit TLS, which its client side (8.17) does not have."""

    def configuration(self):
        # It tries TLS and AUTH wherever they are offered, and has a password for some hosts only.
        self.write("etc/mail/mailertable", "".join(
            f"{way.domain} port{way.port}:[{way.address}]\n" for way in WAYS))
        self.write("etc/mail/authinfo", "".join(sorted({
            f'AuthInfo:{way.address};"U:{USER}" "I:{USER}" "P:{PASSWORD}" "M:PLAIN LOGIN"\n' for way in WAYS if way.auth})))
        return CLIENT.format(**vars(self)) + "".join(MAILER.format(port=port) for port in sorted({w.port for w in WAYS}))
