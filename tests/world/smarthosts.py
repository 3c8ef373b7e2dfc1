# SPDX-License-Identifier: ISC
"""Real smarthosts: who has logged in may send to anybody, on 587 by STARTTLS and on 465 under TLS from the first byte.
What they take they keep."""

import re

from exim import Exim
from postfix import COMMON, Postfix
from ways import PASSWORD, USER

# On 587 there is LOGIN alone, on 465 PLAIN alone.
EXIM = """\
primary_hostname = one.isp.example
local_interfaces = %(address)s
daemon_smtp_ports = 587 : 465
tls_on_connect_ports = 465
tls_advertise_hosts = *
tls_certificate = /etc/world.pem
tls_privatekey = /etc/world.key
rfc1413_hosts =
smtp_accept_queue_per_connection = 0
log_selector = +smtp_connection
acl_smtp_rcpt = rcpt

begin acl
rcpt:
  accept authenticated = *
  deny   message = 5.7.0 authentication required

begin routers
all:
  driver = accept
  transport = store

begin transports
store:
  driver = appendfile
  directory = /var/mail/world
  maildir_format
  user = world

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_advertise_condition = ${if eq{$received_port}{465}}
  server_prompts = :
  server_condition = ${if and{{eq{$auth2}{%(user)s}}{eq{$auth3}{%(password)s}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_advertise_condition = ${if and{{eq{$received_port}{587}}{def:tls_in_cipher}}}
  server_prompts = <| Username: | Password:
  server_condition = ${if and{{eq{$auth1}{%(user)s}}{eq{$auth2}{%(password)s}}}}
  server_set_id = $auth1
"""

POSTFIX = COMMON + """\
myhostname = two.isp.example
inet_interfaces = 198.51.100.21
mynetworks =
virtual_mailbox_domains = static:all
virtual_mailbox_base = /var/mail/world
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:5000
virtual_gid_maps = static:5000
smtpd_sasl_auth_enable = yes
smtpd_sasl_local_domain = isp.example
smtpd_tls_auth_only = yes
smtpd_relay_restrictions = permit_sasl_authenticated, reject
"""
SASL = """\
pwcheck_method: auxprop
auxprop_plugin: sasldb
mech_list: PLAIN LOGIN
"""


class EximSmarthost(Exim):
    name = "one.isp.example"

    def __init__(self, certificate):
        super().__init__("exim-smarthost", "198.51.100.20", 587, certificate=certificate)

    def configuration(self):
        return EXIM % {"address": self.address, "user": USER, "password": PASSWORD}

    def logins(self):
        """(mechanism, user) of each message."""
        fields = (word for line in self.log.splitlines() if " <= " in line for word in line.split() if word.startswith("A="))
        return [tuple(field[2:].upper().split(":")) for field in fields]


class PostfixSmarthost(Postfix):
    name = "two.isp.example"
    services = "198.51.100.21:465 inet n - n - - smtpd -o smtpd_tls_wrappermode=yes\n"

    def __init__(self, certificate):
        super().__init__("postfix-smarthost", POSTFIX, "198.51.100.21", 587, certificate=certificate)
        self.packages = ["postfix", "sasl2-bin"]

    def prepare(self):
        self.write("etc/postfix/sasl/smtpd.conf", SASL)
        self.run("/usr/sbin/saslpasswd2", "-c", "-p", "-u", "isp.example", USER, input=PASSWORD)
        self.run("/bin/chown", "postfix", "/etc/sasldb2")

    def logins(self):
        found = re.findall(r"sasl_method=(\w+), sasl_username=(\S+)", self.log)
        return [(method, user.split("@")[0].upper()) for method, user in found]
