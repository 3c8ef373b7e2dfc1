# SPDX-License-Identifier: ISC
"""What we say about DMARC against what a real OpenDMARC does."""

import pytest

from opendmarc import OpenDmarc
from states import NOT_YET, STATES, State

PASS = ['{d}. TXT "v=spf1 ip4:{ip} -all"']
FAIL = ['{d}. TXT "v=spf1 ?all"']


def dmarc(record, *more, spf=FAIL, **others):
    return {"more": [f'_dmarc.{{d}}. TXT "v=DMARC1; {record}"', *more], "spf": spf, **others}


# SPF does not pass, unless it is said.
DMARC = [
    State("DMARC none published", spf=FAIL),
    State("DMARC p=none", **dmarc("p=none")),
    State("DMARC p=quarantine", **dmarc("p=quarantine")),
    State("DMARC p=reject", **dmarc("p=reject")),
    State("DMARC p=reject, SPF pass", **dmarc("p=reject", spf=PASS)),
    State("DMARC p=reject, SPF softfail", **dmarc("p=reject", spf=['{d}. TXT "v=spf1 ~all"'])),
    State("DMARC p=reject, SPF none", **dmarc("p=reject", spf=[])),
    State("DMARC p=reject, SPF permerror", **dmarc("p=reject", spf=['{d}. TXT "v=spf1 x:y -all"'])),
    State("DMARC p=reject, SPF pass of another domain", **dmarc(
        "p=reject", 'other-{d}. TXT "v=spf1 ip4:{ip} -all"', "other-{d}. MX 10 mail.{d}.", author="ann@{d}",
        sender="ann@other-{d}")),
    State("DMARC p=reject, author in a subdomain", **dmarc("p=reject", spf=PASS, author="ann@sub.{d}")),
    State("DMARC p=reject, sender in a subdomain", **dmarc(
        "p=reject", 'sub.{d}. TXT "v=spf1 ip4:{ip} -all"', "sub.{d}. MX 10 mail.{d}.", author="ann@{d}",
        sender="ann@sub.{d}")),
    State("DMARC p=reject, strict, sender in a subdomain", **dmarc(
        "p=reject; aspf=s", 'sub.{d}. TXT "v=spf1 ip4:{ip} -all"', "sub.{d}. MX 10 mail.{d}.",
        author="ann@{d}", sender="ann@sub.{d}")),
    State("DMARC p=reject, strict, the same domain", **dmarc("p=reject; aspf=s", spf=PASS)),
    State("DMARC sp=none, author in a subdomain", **dmarc("p=reject; sp=none", author="ann@sub.{d}")),
    State("DMARC sp=reject, author in a subdomain", **dmarc("p=none; sp=reject", "sub.{d}. A 192.0.2.26",
                                                            author="ann@sub.{d}")),
    State("DMARC of a subdomain wins", **dmarc("p=reject", '_dmarc.sub.{d}. TXT "v=DMARC1; p=none"',
                                               'sub.{d}. A 192.0.2.26', author="ann@sub.{d}")),
    State("DMARC two records", **dmarc("p=reject", '_dmarc.{d}. TXT "v=DMARC1; p=none"')),
    State("DMARC without a version", more=['_dmarc.{d}. TXT "p=reject"'], spf=FAIL),
    State("DMARC in capitals", more=['_dmarc.{d}. TXT "v=DMARC1; P=REJECT"'], spf=FAIL),
    State("DMARC with spaces", more=['_dmarc.{d}. TXT "v = DMARC1 ; p = reject ;"'], spf=FAIL),
    State("DMARC with unknown tags", **dmarc("p=reject; x=y; rua=mailto:dmarc@{d}")),
    State("DMARC p=reject for none of a hundred", **dmarc("p=reject; pct=0")),
    State("DMARC p=reject in test mode", **dmarc("p=reject; t=y")),
    State("DMARC np=reject, author in a subdomain that is not there", **dmarc("p=none; np=reject",
                                                                              author="ann@nowhere.{d}")),
    State("DMARC of the suffix", author="ann@nowhere-at-all.example"),
    State("DMARC of an unknown policy", **dmarc("p=refuse")),
    State("DMARC without a policy", **dmarc("rua=mailto:dmarc@{d}")),
    State("DMARC null sender, EHLO aligned", sender="", author="ann@{d}",
          more=['_dmarc.{d}. TXT "v=DMARC1; p=reject"', 'mail.{d}. TXT "v=spf1 a -all"']),
    State("DMARC null sender, EHLO without SPF", sender="", author="ann@{d}",
          more=['_dmarc.{d}. TXT "v=DMARC1; p=reject"']),
    State("DMARC by a CNAME", more=["_dmarc.{d}. CNAME _dmarc.policy.{d}.",
                                    '_dmarc.policy.{d}. TXT "v=DMARC1; p=reject"'], spf=FAIL),
    State("DMARC fails", author="ann@corp.broken"),
]

for number, state in enumerate(DMARC, len(STATES)):
    state.place(number)

# Where OpenDMARC does something else, and why that stays so.
DISAGREEMENTS = {
    "DMARC p=reject for none of a hundred": "RFC 9989 has no pct any more, OpenDMARC still rolls the dice",
    "DMARC p=reject in test mode": "RFC 9989 has t, which OpenDMARC 1.4 does not know yet",
    "DMARC np=reject, author in a subdomain that is not there":
        "RFC 9989 has np, which OpenDMARC 1.4 does not know yet",
    "DMARC with spaces": "the grammar (RFC 7489 6.4) allows them beside every '=', OpenDMARC does not read it",
    "DMARC p=reject, strict, sender in a subdomain":
        "aspf=s wants the same domain (RFC 7489 3.1.2), to OpenDMARC 1.4.2 a subdomain will do (until its #354)",
}


@pytest.fixture(scope="module")
def opendmarc(names):
    server = OpenDmarc()
    server.start()
    names.reset()
    names.add(*[record for state in DMARC for record in state.records])
    return server


@pytest.mark.parametrize("state", DMARC, ids=[s.name for s in DMARC])
def test_dmarc(check, opendmarc, state):
    if "dmarc" in NOT_YET:
        pytest.skip("there is no check dmarc yet")
    verdict = check("--ip", state.ip, "--ehlo", state.ehlo, "--from", state.sender, "--header-from", state.author)
    (finding,) = [c for c in verdict["checks"] if c["check"] == "dmarc"]
    code, reply = state.hand_to(opendmarc, "rcpt@dmarc.example")
    agrees = (finding["action"] == "hold") == (code >= 400)
    assert agrees == (state.name not in DISAGREEMENTS), f"{finding['summary']}, but: {code} {reply}"
