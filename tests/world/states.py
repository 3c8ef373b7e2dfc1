# SPDX-License-Identifier: ISC
"""The DNS states of the matrix. Each has a source address, a sender's domain and names of its own, so that
all of them stand in the zones at the same time."""

import ipaddress
import re
import smtplib
from dataclasses import dataclass, field

# In records, EHLO names and senders: {d} the state's own domain, {ip} its address, {rev} the name of its PTR
# record, {host} and {net} the first label of that and the rest, {listed} its name in a block list.
PTR = ["{rev}. PTR mail.{d}."]
HOST = ["mail.{d}. A {ip}"]
HOST6 = ["mail.{d}. AAAA {ip}"]
MX = ["{d}. MX 10 mail.{d}."]
SPF = ['{d}. TXT "v=spf1 ip4:{ip} -all"']
SPF6 = ['{d}. TXT "v=spf1 ip6:{ip} -all"']
# Checks of which states speak, but which ptrelay has not yet.
NOT_YET = set()
ELSEWHERE = "192.0.2.26"


@dataclass
class State:
    """What is not named is right."""
    name: str
    ptr: list = field(default_factory=lambda: PTR)
    host: list = None
    mx: list = field(default_factory=lambda: MX)
    spf: list = None
    more: list = field(default_factory=list)
    ehlo: str = "mail.{d}"
    sender: str = "ann@{d}"
    author: str = None  # in From:, if it is not the sender
    ip: str = None
    v6: bool = False
    check: str = None  # the check that sees it, where others do not

    def place(self, number):
        """Gives it its address and its domain."""
        v4 = f"192.0.2.{100 + number}" if number < 150 else f"198.51.100.{number - 50}"
        self.ip = self.ip or (f"2001:db8::1:{number}" if self.v6 else v4)
        reverse = ipaddress.ip_address(self.ip).reverse_pointer
        host, net = reverse.split(".", 1)
        names = {"d": re.sub("[^a-z0-9]+", "-", self.name.lower()) + ".example", "ip": self.ip,
                 "rev": reverse, "host": host, "net": net, "listed": reverse.rsplit(".", 2)[0]}
        if self.host is None:
            self.host = HOST6 if self.v6 else HOST
        if self.spf is None:
            self.spf = SPF6 if self.v6 else SPF
        self.records = [line.format(**names) for line in self.ptr + self.host + self.mx + self.spf + self.more]
        self.ehlo = self.ehlo.format(**names)
        self.sender = self.sender.format(**names)
        self.author = self.author.format(**names) if self.author else self.sender or "ann@" + names["d"]

    def hand_to(self, server, recipient):
        """Hands a message to the server; its first refusal, or what it says in the end: code and text."""
        with smtplib.SMTP(timeout=30, source_address=(self.ip, 0)) as client:
            code, reply = client.connect(server.address6 if self.v6 else server.address, server.port)
            for step in (lambda: client.ehlo(self.ehlo), lambda: client.mail(self.sender),
                         lambda: client.rcpt(recipient),
                         lambda: client.data(f"From: {self.author}\r\nSubject: {self.name}\r\n\r\nx\r\n")):
                if code >= 400:
                    break
                code, reply = step()
            client.close()
        return code, reply.decode(errors="replace")


def named(name, *records, **others):
    """The PTR record is this name."""
    return {"ptr": [f"{{rev}}. PTR {name}."], "more": list(records), **others}


def greets(ehlo, *records):
    return {"ehlo": ehlo, "more": list(records)}


def mx(host, *records):
    """The sender's only MX is this host."""
    return {"mx": [f"{{d}}. MX 10 {host}."], "more": list(records)}


def spf(record, *more):
    return {"check": "spf", "spf": [f'{{d}}. TXT "v=spf1 {record}"'], "more": list(more)}


REVERSE = [
    State("all is right"),
    State("no PTR", ptr=[]),
    State("PTR fails", ptr=[], ip="203.0.113.100"),
    State("PTR is an address", **named("{ip}")),
    State("PTR is a single label", **named("mail")),
    State("PTR is localhost", **named("localhost")),
    State("PTR is localhost.localdomain", **named("localhost.localdomain")),
    State("PTR is itself", **named("{rev}")),
    State("PTR name leads elsewhere", **named("other.{d}", f"other.{{d}}. A {ELSEWHERE}")),
    State("PTR name leads to loopback", **named("lo.{d}", "lo.{d}. A 127.0.0.1")),
    State("PTR name does not exist", **named("nowhere.{d}")),
    State("PTR name has no address", **named("text.{d}", 'text.{d}. TXT "x"')),
    State("PTR name has AAAA only", **named("six.{d}", "six.{d}. AAAA 2001:db8::99")),
    State("PTR name fails", **named("mail.broken")),
    State("PTR name is a CNAME to us", **named("alias.{d}", "alias.{d}. CNAME mail.{d}.")),
    State("PTR name is a CNAME to nothing", **named("alias.{d}", "alias.{d}. CNAME nowhere.{d}.")),
    State("PTR name is a CNAME loop", **named("a.{d}", "a.{d}. CNAME b.{d}.", "b.{d}. CNAME a.{d}.")),
    State("PTR name is under a wildcard", **named("any.w.{d}", "*.w.{d}. A {ip}")),
    State("PTR name has an underscore", **named("ma_il.{d}", "ma_il.{d}. A {ip}")),
    State("PTR name is .local", **named("exchange.corp.local")),
    State("PTR is the sender's domain", **named("{d}", "{d}. A {ip}")),
    State("PTR is another name of ours", **named("out.{d}", "out.{d}. A {ip}")),
    State("PTR name has two addresses", more=[f"mail.{{d}}. A {ELSEWHERE}"]),
    State("PTR name looks generic", **named("dsl-{host}-2-0-192.pool.{d}", "dsl-{host}-2-0-192.pool.{d}. A {ip}")),
    State("two PTRs, both ours", ptr=PTR + ["{rev}. PTR out.{d}."], more=["out.{d}. A {ip}"]),
    State("two PTRs, the second stray", ptr=PTR + ["{rev}. PTR stray-one.{d}."]),
    State("two PTRs, the first stray", ptr=["{rev}. PTR aaa.{d}."] + PTR),
    State("two PTRs, both stray", ptr=["{rev}. PTR aaa.{d}.", "{rev}. PTR bbb.{d}."]),
    State("thirty PTRs, all ours", ptr=[f"{{rev}}. PTR n{i}.{{d}}." for i in range(30)],
          more=[f"n{i}.{{d}}. A {{ip}}" for i in range(30)]),
    State("PTR name by four CNAMEs", **named("c1.{d}", *[f"c{i}.{{d}}. CNAME c{i + 1}.{{d}}." for i in (1, 2, 3)],
                                             "c4.{d}. CNAME mail.{d}.")),
    State("RFC 2317 delegation", ptr=["{rev}. CNAME {host}.96/27.{net}.", "{host}.96/27.{net}. PTR mail.{d}."]),
    State("RFC 2317 delegation without PTR", ptr=["{rev}. CNAME {host}.96/27.{net}."]),
    State("RFC 2317 delegation leads elsewhere", more=[f"other.{{d}}. A {ELSEWHERE}"],
          ptr=["{rev}. CNAME {host}.96/27.{net}.", "{host}.96/27.{net}. PTR other.{d}."]),
    State("RFC 2317 delegation fails", ptr=["{rev}. CNAME {host}.broken."]),
]

GREETING = [
    State("EHLO does not exist", ehlo="nowhere.{d}"),
    State("EHLO fails", ehlo="mail.broken"),
    State("EHLO has MX only", **greets("mx.{d}", "mx.{d}. MX 10 mail.{d}.")),
    State("EHLO has TXT only", **greets("text.{d}", 'text.{d}. TXT "x"')),
    State("EHLO has AAAA only", **greets("six.{d}", "six.{d}. AAAA 2001:db8::99")),
    State("EHLO is a CNAME to us", **greets("alias.{d}", "alias.{d}. CNAME mail.{d}.")),
    State("EHLO is a CNAME to nothing", **greets("alias.{d}", "alias.{d}. CNAME nowhere.{d}.")),
    State("EHLO is a CNAME loop", **greets("a.{d}", "a.{d}. CNAME b.{d}.", "b.{d}. CNAME a.{d}.")),
    State("EHLO is under a wildcard", **greets("any.w.{d}", "*.w.{d}. A {ip}")),
    State("EHLO is the sender's domain", **greets("{d}")),
    State("EHLO is another name of ours", **greets("out.{d}", "out.{d}. A {ip}")),
    State("EHLO only has names below it", **greets("w.{d}", "any.w.{d}. A {ip}")),
    State("EHLO is the receiver's", ehlo="mx.dest.example"),
    State("EHLO leads elsewhere", **greets("other.{d}", f"other.{{d}}. A {ELSEWHERE}")),
    State("EHLO leads to us and elsewhere", **greets("two.{d}", "two.{d}. A {ip}", f"two.{{d}}. A {ELSEWHERE}")),
    State("EHLO leads to 10/8", **greets("ten.{d}", "ten.{d}. A 10.1.2.3")),
    State("EHLO in capitals", ehlo="MAIL.{d}"),
    State("EHLO has an underscore", **greets("ma_il.{d}", "ma_il.{d}. A {ip}")),
    State("EHLO has an underscore and does not exist", ehlo="ma_il.{d}"),
    State("EHLO begins with a hyphen", **greets("-mail.{d}", "-mail.{d}. A {ip}")),
    State("EHLO has a long label", ehlo="m" * 64 + ".{d}"),
    State("EHLO has a numeric top level", ehlo="mail.123"),
    State("EHLO is a bare address", ehlo="{ip}"),
    State("EHLO is our own literal", ehlo="[{ip}]"),
    State("EHLO is another's literal", ehlo=f"[{ELSEWHERE}]"),
    State("EHLO is the literal of loopback", ehlo="[127.0.0.1]"),
    State("EHLO has no dot", ehlo="mail"),
    State("EHLO is localhost", ehlo="localhost"),
    State("EHLO is localhost.localdomain", ehlo="localhost.localdomain"),
    State("EHLO is .local", ehlo="exchange.corp.local"),
    State("EHLO ends in a dot", ehlo="mail.{d}."),
    State("EHLO has an empty label", ehlo="mail..{d}"),
]

SENDER = [
    State("null sender", sender=""),
    State("null sender, no PTR", sender="", ptr=[]),
    State("null sender, EHLO does not exist", sender="", ehlo="nowhere.{d}"),
    State("sender does not exist", sender="ann@nowhere-at-all.example"),
    State("sender has TXT only", mx=[]),
    State("sender fails", sender="ann@corp.broken"),
    State("sender has A only", mx=[f"{{d}}. A {ELSEWHERE}"]),
    State("sender has AAAA only", mx=["{d}. AAAA 2001:db8::99"]),
    State("sender has A of loopback only", mx=["{d}. A 127.0.0.1"]),
    State("sender has A of 10/8 only", mx=["{d}. A 10.1.2.3"]),
    State("sender in capitals", sender="ANN@CORP.{d}", more=["corp.{d}. MX 10 mail.{d}."]),
    State("sender under a wildcard", sender="ann@any.w.{d}", more=["*.w.{d}. MX 10 mail.{d}."]),
    State("sender is a CNAME to a domain with MX", sender="ann@alias.{d}", more=["alias.{d}. CNAME {d}."]),
    State("sender is a CNAME to nothing", sender="ann@alias.{d}", more=["alias.{d}. CNAME nowhere.{d}."]),
    State("sender is a CNAME loop", sender="ann@a.{d}", more=["a.{d}. CNAME b.{d}.", "b.{d}. CNAME a.{d}."]),
    State("sender only has names below it", sender="ann@w.{d}", more=["any.w.{d}. A {ip}"]),
    State("sender has 150 MX", mx=[f"{{d}}. MX 10 mail{i}.{{d}}." for i in range(150)],
          more=[f"mail{i}.{{d}}. A {{ip}}" for i in range(150)]),
    State("sender's domain is the receiver's", sender="ann@unrelated.dest.example",
          more=["unrelated.dest.example. MX 10 mx.dest.example."]),
    State("sender MX does not exist", **mx("nowhere.{d}")),
    State("sender MX does not exist, but an A", **mx("nowhere.{d}", f"{{d}}. A {ELSEWHERE}")),
    State("sender MX has TXT only", **mx("text.{d}", 'text.{d}. TXT "x"')),
    State("sender MX fails", **mx("mail.broken")),
    State("sender MX is a CNAME", **mx("alias.{d}", "alias.{d}. CNAME mail.{d}.")),
    State("sender MX is a CNAME to nothing", **mx("alias.{d}", "alias.{d}. CNAME nowhere.{d}.")),
    State("sender MX is an address", **mx(ELSEWHERE)),
    State("sender MX is localhost", **mx("localhost")),
    State("sender MX is the receiver", **mx("mx.dest.example")),
    State("sender MX leads to loopback", **mx("lo.{d}", "lo.{d}. A 127.0.0.1")),
    State("sender MX leads to 10/8", **mx("ten.{d}", "ten.{d}. A 10.1.2.3")),
    State("sender MX leads to 0.0.0.0", **mx("zero.{d}", "zero.{d}. A 0.0.0.0")),
    State("sender MX leads to 172.16/12", **mx("private.{d}", "private.{d}. A 172.16.1.1")),
    State("sender MX leads to 192.168/16", **mx("private.{d}", "private.{d}. A 192.168.1.1")),
    State("sender MX leads to 169.254/16", **mx("link.{d}", "link.{d}. A 169.254.1.1")),
    State("sender MX leads to ::1", **mx("lo.{d}", "lo.{d}. AAAA ::1")),
    State("sender MX leads to fe80::/10", **mx("link.{d}", "link.{d}. AAAA fe80::1")),
    State("sender has one private MX of two", mx=MX + ["{d}. MX 20 ten.{d}."], more=["ten.{d}. A 10.1.2.3"]),
    State("sender has one MX of two that is an address", mx=MX + [f"{{d}}. MX 20 {ELSEWHERE}."]),
    State("sender has one dead MX of two", mx=MX + ["{d}. MX 20 nowhere.{d}."]),
    State("sender has one failing MX of two", mx=MX + ["{d}. MX 20 mail.broken."]),
    State("sender has a null MX", mx=["{d}. MX 0 ."]),
    State("sender has a null MX and an A", mx=["{d}. MX 0 .", f"{{d}}. A {ELSEWHERE}"]),
    State("sender has a null MX and another", mx=["{d}. MX 0 .", "{d}. MX 10 mail.{d}."]),
    State("sender is a literal", sender="ann@[{ip}]"),
    State("sender has a single label", sender="ann@exchange"),
    State("sender is @localhost", sender="ann@localhost"),
    State("sender is .local", sender="ann@corp.local"),
    State("sender has no domain", sender="ann"),
    State("sender has an underscore", sender="ann@co_rp.{d}", more=["co_rp.{d}. MX 10 mail.{d}."]),
    State("sender has a long label", sender="ann@" + "c" * 64 + ".{d}"),
    State("sender has an empty label", sender="ann@corp..{d}"),
]

SPF_STATES = [
    State("SPF by a", **spf("a:mail.{d} -all")),
    State("SPF by a network of a", **spf("a:near.{d}/24 -all", f"near.{{d}}. A {ELSEWHERE}")),
    State("SPF by a network", **spf("ip4:192.0.0.0/16 ip4:198.51.100.0/24 -all")),
    State("SPF by mx", **spf("mx -all")),
    State("SPF by include", **spf("include:inc.{d} -all", 'inc.{d}. TXT "v=spf1 ip4:{ip} -all"')),
    State("SPF by redirect", **spf("redirect=r.{d}", 'r.{d}. TXT "v=spf1 ip4:{ip} -all"')),
    State("SPF by exists and a macro", **spf("exists:%{{i}}.ok.{d} -all", "{ip}.ok.{d}. A 127.0.0.2")),
    State("SPF by a macro of the sender", **spf("exists:%{{l}}.%{{o}} -all", "ann.{d}. A 127.0.0.2")),
    State("SPF by ptr", **spf("ptr:{d} -all")),
    State("SPF by +all", **spf("+all")),
    State("SPF in capitals", spf=['{d}. TXT "V=SPF1 IP4:{ip} -ALL"']),
    State("SPF beside other TXT records", **spf("ip4:{ip} -all", '{d}. TXT "verification=1"')),
    State("SPF in two strings", spf=['{d}. TXT "v=spf1 ip4:" "{ip} -all"']),
    State("SPF with an unknown modifier", **spf("x=y ip4:{ip} -all")),
    State("SPF beside 8 KB of TXT records", **spf("ip4:{ip} -all", *[
        f'{{d}}. TXT "{i:03} {"x" * 190}"' for i in range(40)])),
    State("SPF by a redirect not needed", **spf("ip4:{ip} redirect=nowhere.{d}")),
    State("SPF by a redirect after all", **spf("~all redirect=r.{d}", 'r.{d}. TXT "v=spf1 -all"')),
    State("SPF by a reversed macro", **spf("exists:%{{ir}}.%{{v}}._spf.{d} -all",
                                           "{listed}.in-addr._spf.{d}. A 127.0.0.2")),
    State("SPF by a macro of two labels", **spf("include:_spf.%{{d2}} -all",
                                                '_spf.{d}. TXT "v=spf1 ip4:{ip} -all"')),
    State("SPF by five nested includes", **spf(
        "include:i1.{d} -all", *[f'i{i}.{{d}}. TXT "v=spf1 include:i{i + 1}.{{d}} -all"' for i in (1, 2, 3, 4)],
        'i5.{d}. TXT "v=spf1 ip4:{ip} -all"')),
    State("SPF at a CNAME", sender="ann@alias.{d}", check="spf", more=["alias.{d}. CNAME {d}."]),
    State("SPF pass before a failing term", **spf("ip4:{ip} a:corp.broken -all")),
    State("SPF with ip6 on IPv4", **spf("ip6:2001:db8::/32 -all")),
    State("SPF with all between", **spf("-all ip4:{ip}")),
    State("SPF with a dot at an include", **spf("include:inc.{d}. -all", 'inc.{d}. TXT "v=spf1 ip4:{ip} -all"')),
    State("SPF with an include that is broken", **spf("include:inc.{d} -all", 'inc.{d}. TXT "v=spf1 x:y -all"')),
    State("SPF with an include that is doubtful", **spf("include:inc.{d} -all", 'inc.{d}. TXT "v=spf1 ~all"')),
    State("SPF with two redirects", **spf("redirect=r.{d} redirect=r.{d}", 'r.{d}. TXT "v=spf1 ip4:{ip} -all"')),
    State("SPF with mx of eleven names", **spf(
        "mx:many.{d} -all", *[f"many.{{d}}. MX {i} m{i}.{{d}}." for i in range(10, 21)],
        *[f"m{i}.{{d}}. A 192.0.2.26" for i in range(10, 21)])),
    State("SPF with all and a domain", **spf("ip4:192.0.2.26 -all:{d}")),
    State("SPF with nothing in it", **spf("")),
    State("SPF with a network of zero bits", **spf("ip4:10.0.0.0/0 -all")),
    State("SPF fail by a void exists", **spf("exists:nowhere.{d} -all")),
    State("SPF fail", **spf("ip4:192.0.2.26 -all")),
    State("SPF fail by -all alone", **spf("-all")),
    State("SPF fail by -a", **spf("-a:mail.{d} ~all")),
    State("SPF fail by redirect", **spf("redirect=r.{d}", 'r.{d}. TXT "v=spf1 -all"')),
    State("SPF fail after an include without match",
          **spf("include:inc.{d} -all", 'inc.{d}. TXT "v=spf1 ip4:192.0.2.26 ?all"')),
    State("SPF fail with an explanation", **spf("-all exp=why.{d}", 'why.{d}. TXT "%{{i}} is not ours"')),
    State("SPF fail of an include is no match", **spf("include:inc.{d} ~all", 'inc.{d}. TXT "v=spf1 -all"')),
    State("SPF softfail", **spf("~all")),
    State("SPF neutral", **spf("?all")),
    State("SPF without all", **spf("ip4:192.0.2.26")),
    State("SPF none", spf=[]),
    State("SPF of another version", spf=['{d}. TXT "v=spf10 -all"']),
    State("SPF of two records", spf=['{d}. TXT "v=spf1 ip4:{ip} -all"', '{d}. TXT "v=spf1 -all"']),
    State("SPF with a broken network", **spf("ip4:{ip}/99 -all")),
    State("SPF with an unknown mechanism", **spf("ipv4:{ip} -all")),
    State("SPF with an include of nothing", **spf("include:nowhere.{d} -all")),
    State("SPF with a redirect to nothing", **spf("redirect=nowhere.{d}")),
    State("SPF includes itself", **spf("include:{d} -all")),
    State("SPF with eleven look-ups", **spf(" ".join(f"a:n{i}.{{d}}" for i in range(11)) + " -all",
                                            *[f"n{i}.{{d}}. A 192.0.2.26" for i in range(11)])),
    State("SPF with three void look-ups", **spf("a:v1.{d} a:v2.{d} a:v3.{d} -all")),
    State("SPF include fails", **spf("include:corp.broken -all")),
    State("SPF a fails", **spf("a:corp.broken -all")),
    State("SPF fail of the EHLO name, null sender", check="spf", sender="", more=['mail.{d}. TXT "v=spf1 -all"']),
    State("SPF pass of the EHLO name, null sender", sender="", more=['mail.{d}. TXT "v=spf1 a -all"']),
    State("SPF fail of the EHLO name, sender passes", check="spf", more=['mail.{d}. TXT "v=spf1 -all"']),
]

LISTED = [
    State("address is listed", check="dnsbl", more=["{listed}.bl.example. A 127.0.0.2"]),
    State("sender's domain is listed", check="dnsbl", more=["{d}.dbl.example. A 127.0.1.2"]),
    State("block list answers with an error", more=["{listed}.bl.example. A 127.255.255.254"]),
]

IPV6 = [
    State("v6: all is right", v6=True),
    State("v6: no PTR", v6=True, ptr=[]),
    State("v6: PTR name leads elsewhere", v6=True, **named("other.{d}", "other.{d}. AAAA 2001:db8::99")),
    State("v6: PTR name has A only", v6=True, **named("four.{d}", f"four.{{d}}. A {ELSEWHERE}")),
    State("v6: PTR name fails", v6=True, **named("mail.broken")),
    State("v6: EHLO does not exist", v6=True, ehlo="nowhere.{d}"),
    State("v6: EHLO has A only", v6=True, **greets("four.{d}", f"four.{{d}}. A {ELSEWHERE}")),
    State("v6: EHLO is our own literal", v6=True, ehlo="[IPv6:{ip}]"),
    State("v6: EHLO is a bare address", v6=True, ehlo="{ip}"),
    State("v6: sender does not exist", v6=True, sender="ann@nowhere-at-all.example"),
    State("v6: SPF names only IPv4", v6=True, **spf("ip4:192.0.2.26 -all")),
    State("v6: SPF by a", v6=True, **spf("a:mail.{d} -all")),
]

# Who answers first?
SEVERAL = [
    State("nothing at all", ptr=[], host=[], mx=[], spf=[]),
    State("no PTR, SPF fail", ptr=[], **spf("-all")),
    State("PTR fails, sender does not exist", ip="203.0.113.101", ptr=[], sender="ann@nowhere-at-all.example"),
    State("EHLO does not exist, SPF fail", ehlo="nowhere.{d}", **spf("-all")),
    State("EHLO is a bare address, sender fails", ehlo="{ip}", sender="ann@corp.broken"),
    State("PTR name leads elsewhere, sender fails", sender="ann@corp.broken",
          **named("other.{d}", f"other.{{d}}. A {ELSEWHERE}")),
    State("sender has a null MX, SPF fails to resolve", mx=["{d}. MX 0 ."], **spf("include:corp.broken -all")),
]

STATES = REVERSE + GREETING + SENDER + SPF_STATES + LISTED + IPV6 + SEVERAL

for number, state in enumerate(STATES):
    state.place(number)
