# SPDX-License-Identifier: ISC
"""The DNS of the world: a real authoritative server (knot) whose zones the tests edit while it runs,
a real recursive resolver (unbound) in front of it, and a faulty one that can fail on demand."""

import socket
import subprocess
import threading

import dns.message
import dns.query

from support import BASE, wait_for_port

KNOT = "127.0.0.53"
ZONES = ["example", "2.0.192.in-addr.arpa", "100.51.198.in-addr.arpa", "8.b.d.0.1.0.0.2.ip6.arpa"]

GOOD = """\
corp.example. MX 10 mail.corp.example.
mail.corp.example. A 192.0.2.25
25.2.0.192.in-addr.arpa. PTR mail.corp.example.
dest.example. MX 10 mx.dest.example.
dest2.example. MX 10 mx.dest.example.
mx.dest.example. A 198.51.100.7
7.100.51.198.in-addr.arpa. PTR mx.dest.example.
script.example. MX 10 mx.script.example.
mx.script.example. A 198.51.100.8
exchange.example. A 127.0.0.2
exim.example. MX 10 mx.exim.example.
mx.exim.example. A 198.51.100.10
sendmail.example. MX 10 mx.sendmail.example.
mx.sendmail.example. A 198.51.100.11
opensmtpd.example. MX 10 mx.opensmtpd.example.
mx.opensmtpd.example. A 198.51.100.12
courier.example. MX 10 mx.courier.example.
mx.courier.example. A 198.51.100.14
dmarc.example. MX 10 mx.dmarc.example.
mx.dmarc.example. A 198.51.100.13
"""

# knot signs it, and unbound knows its key: of all others DNSSEC says nothing.
SIGNED_ZONE = "signed.example"
ZONES.append(SIGNED_ZONE)

# knot is said to have these too, but refuses to answer: whatever is asked of them fails (SERVFAIL).
BROKEN_ZONES = ["broken", "100.113.0.203.in-addr.arpa", "101.113.0.203.in-addr.arpa"]


class Names:
    """knot and unbound. Records have TTL 1, so that a change is seen soon; so have negative answers."""

    def __init__(self, ttl=1):
        self.ttl = ttl
        self.directory = BASE / "dns"
        self.directory.mkdir()
        self.serial = 1
        self.records = []
        self.processes = []

    def start(self):
        self.records = GOOD.splitlines()
        self._write_zones()
        (self.directory / "knot.conf").write_text(self._knot_conf())
        self._spawn("knotd", "-c", str(self.directory / "knot.conf"))
        wait_for_port(KNOT, 53)
        (self.directory / "unbound.conf").write_text(self._unbound_conf(self._anchor()))
        self._spawn("unbound", "-d", "-c", str(self.directory / "unbound.conf"))
        wait_for_port("127.0.0.1", 53)

    @staticmethod
    def _anchor():
        """The key with which knot signs, made at its start."""
        answer = dns.query.tcp(dns.message.make_query(SIGNED_ZONE, "DNSKEY"), KNOT, timeout=10).answer
        return answer[0].to_text().splitlines()[0]

    def _spawn(self, *command):
        log = open(self.directory / f"{command[0]}.log", "wb")
        self.processes.append(subprocess.Popen(command, stdout=log, stderr=log))

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()

    def reset(self):
        """Back to a world in which everything is right."""
        self._replace(GOOD.splitlines())

    def add(self, *records):
        self._replace(self.records + list(records))

    def remove(self, start):
        """Takes out every record whose line begins with start."""
        self._replace([r for r in self.records if not r.startswith(start)])

    def _replace(self, records):
        if records == self.records:
            return
        self.records = records
        self.serial += 1
        self._write_zones()
        self._control("knotc", "knot.conf", "-b", "zone-reload")
        for zone in [".", *ZONES]:  # what the resolver knew is of yesterday
            self._control("unbound-control", "unbound.conf", "flush_zone", zone)

    def _control(self, command, configuration, *arguments):
        subprocess.run([command, "-c", str(self.directory / configuration), *arguments],
                       check=True, capture_output=True)

    def _zone_of(self, record):
        owner = record.split()[0].rstrip(".")
        return max((z for z in ZONES if owner == z or owner.endswith("." + z)), key=len)

    def _write_zones(self):
        for zone in ZONES:
            lines = [f"$TTL {self.ttl}",
                     f"@ SOA ns.{zone}. hostmaster.isp.example. {self.serial} 60 60 600 {self.ttl}",
                     f"@ NS ns.{zone}.", "ns A 127.0.0.53"]
            lines += [r.replace(" ", f" {self.ttl} IN ", 1) for r in self.records if self._zone_of(r) == zone]
            (self.directory / f"{zone}.zone").write_text(f"$ORIGIN {zone}.\n" + "\n".join(lines) + "\n")

    def _knot_conf(self):
        zones = "".join(f'  - domain: "{z}."\n    file: "{z}.zone"\n' for z in ZONES)
        zones += "    module: mod-onlinesign\n"  # the last one is SIGNED_ZONE
        return f"""\
server:
    listen: {KNOT}@53
    rundir: {self.directory}
    automatic-acl: on
database:
    storage: {self.directory}
control:
    listen: {self.directory}/knot.sock
template:
  - id: default
    storage: {self.directory}
    journal-content: none
    zonefile-load: whole
    semantic-checks: off
zone:
{zones}"""

    def _unbound_conf(self, anchor):
        # What is in no zone does not exist: there is no root here that could say so.
        stubs = "".join(f"stub-zone:\n  name: \"{z}\"\n  stub-addr: {KNOT}\n" for z in ZONES + BROKEN_ZONES)
        local = "".join(f'  local-zone: "{z}." transparent\n' for z in ZONES + BROKEN_ZONES)
        return f"""\
server:
  interface: 127.0.0.1
  access-control: 127.0.0.0/8 allow
  username: ""
  chroot: ""
  directory: "{self.directory}"
  pidfile: "{self.directory}/unbound.pid"
  use-syslog: no
  do-not-query-localhost: no
  module-config: "validator iterator"
  trust-anchor: "{anchor}"
  cache-max-ttl: {self.ttl}
  cache-max-negative-ttl: {self.ttl}
  infra-host-ttl: 1
  rrset-roundrobin: no
  unblock-lan-zones: yes
  local-zone: "." static
{local}
remote-control:
  control-enable: yes
  control-use-cert: no
  control-interface: {self.directory}/unbound.ctl
{stubs}"""


class FaultyResolver:
    """A resolver on 127.0.0.3 that passes questions on to unbound, or fails as it is told."""

    ADDRESS = "127.0.0.3"

    def __init__(self):
        self.mode = "pass"
        self.asked = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((self.ADDRESS, 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            query, client = self.socket.recvfrom(4096)
            self.asked += 1
            if self.mode == "pass":
                threading.Thread(target=self._pass_on, args=(query, client), daemon=True).start()
            elif self.mode == "servfail":
                self.socket.sendto(query[:2] + b"\x81\x82" + query[4:6] + b"\0" * 6 + query[12:], client)

    def _pass_on(self, query, client):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as upstream:
            upstream.settimeout(5)
            upstream.sendto(query, ("127.0.0.1", 53))
            try:
                self.socket.sendto(upstream.recv(65535), client)
            except OSError:
                pass
