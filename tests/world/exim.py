# SPDX-License-Identifier: ISC
"""A real Exim as a receiver: the sender verification of its default configuration, and its checks of
the reverse zone, of the EHLO name and of SPF."""

from private_root import PrivateRoot
from ways import PASSWORD, USER, WAYS

# ignore_target_hosts is that of Debian's configuration.
CONFIGURATION = """\
primary_hostname = mx.exim.example
local_interfaces = <; {address} ; {address6}
daemon_smtp_ports = {port}
domainlist ours = exim.example : *.exim.example
tls_advertise_hosts = *
tls_certificate = /etc/world.pem
tls_privatekey = /etc/world.key
rfc1413_hosts =
smtp_accept_max = 0
smtp_accept_queue_per_connection = 0
smtp_load_reserve = 1000
log_selector = +smtp_connection
helo_try_verify_hosts = *
acl_smtp_rcpt = rcpt

begin acl
rcpt:
  require message = no reverse DNS for $sender_host_address
          verify = reverse_host_lookup
  require message = EHLO name does not belong to $sender_host_address
          verify = helo
  require verify = sender
  deny    message = $sender_host_address is listed by $dnslist_domain
          dnslists = bl.example!&127.255.0.0
  deny    message = $sender_address_domain is listed by $dnslist_domain
          dnslists = dbl.example/$sender_address_domain
  defer   message = SPF could not be looked up
          spf = temperror
  deny    message = SPF: $sender_host_address may not send mail for $sender_address_domain
          spf = fail
  require message = relay not permitted
          domains = +ours
  accept

begin routers
dnslookup:
  driver = dnslookup
  domains = ! +ours
  transport = smtp
  same_domain_copy_routing = yes
  ignore_target_hosts = <; 0.0.0.0 ; 127.0.0.0/8 ; 192.168.0.0/16 ; 172.16.0.0/12 ; 10.0.0.0/8 ; 169.254.0.0/16 ; 255.255.255.255 ; ::/128 ; ::1/128 ; fc00::/7 ; fe80::/10 ; 100::/64
  no_more
ours:
  driver = accept
  transport = store

begin transports
smtp:
  driver = smtp
store:
  driver = appendfile
  directory = /var/mail/world
  maildir_format
  user = world
"""

CLIENT = """\
primary_hostname = exim.corp.example
local_interfaces = {address}
daemon_smtp_ports = {port}
tls_advertise_hosts =
rfc1413_hosts =
dsn_advertise_hosts = *
acl_smtp_rcpt = rcpt

begin acl
rcpt:
  accept

begin routers
{routers}
begin transports
{transports}
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^{user}^{password}
"""
ROUTER = """\
{name}:
  driver = manualroute
  domains = {way.domain}
  route_list = * {way.address}
  self = send
  transport = {name}
"""
TRANSPORT = """\
{name}:
  driver = smtp
  port = {way.port}
  allow_localhost
"""
TLS_OPTIONS = {"none": "hosts_avoid_tls = *", "may": "", "starttls": "hosts_require_tls = *", "implicit": "protocol = smtps"}


class Exim(PrivateRoot):
    USER = 5103
    maildir = "var/mail/world/new"

    def configuration(self):
        return CONFIGURATION.format(**vars(self))

    def start(self):
        self.unpack("exim4-daemon-heavy", users={"Debian-exim": self.USER})
        self.write("etc/exim4/exim4.conf", self.configuration())
        self.install_certificate(owner=self.USER)
        self.make_directory("var/mail/world", owner=5000)
        for path in ("var/spool/exim4", "var/log/exim4", "run/exim4"):
            self.make_directory(path, owner=self.USER)
        self.spawn("/usr/sbin/exim4", "-bdf")
        self.wait_until_up()

    @property
    def log(self):
        return self.read("var/log/exim4/mainlog") + self.read("var/log/exim4/paniclog")

    def connections(self):
        return sum(" SMTP connection from [192.0.2.25] " in line and "count =" in line for line in self.log.splitlines())


def exim_name(way):
    return way.name.replace("-", "_")


class EximClient(Exim):
    """Hands in by every way, with BDAT where it is offered."""

    @staticmethod
    def transport(way):
        options = [TLS_OPTIONS[way.tls], "hosts_require_auth = *" if way.auth else "",
                   "" if way.chunking else "hosts_try_chunking ="]
        return TRANSPORT.format(way=way, name=exim_name(way)) + "".join(f"  {option}\n" for option in options if option)

    def configuration(self):
        return CLIENT.format(**vars(self), user=USER, password=PASSWORD,
                             routers="".join(ROUTER.format(way=way, name=exim_name(way)) for way in WAYS),
                             transports="".join(self.transport(way) for way in WAYS))
