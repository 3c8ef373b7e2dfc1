# SPDX-License-Identifier: ISC
"""Do our predictions come true? For each DNS state we ask `ptrelay check --as` what each receiver would
answer, then hand a message to the real ones, from the state's own address."""

import pytest

from courier import Courier
from states import NOT_YET, STATES

# Where a receiver does something else than its profile says, and why that stays so.
FIRST_NAME = "it looks at one PTR name only, whichever comes first: as often as not the good one"
NOT_LOOKED_UP = "what is no host name is held without a look-up, so we cannot know that it would not be found"
READS_ON = "Courier reads on to -all where RFC 7208 (4.6.4, 5) says permerror"
DISAGREEMENTS = {
    ("two PTRs, the first stray", "postfix-strict"): FIRST_NAME,
    ("two PTRs, the first stray", "sendmail"): FIRST_NAME,
    ("two PTRs, the first stray", "opensmtpd"): FIRST_NAME,
    ("EHLO has an underscore and does not exist", "postfix-strict"):
        NOT_LOOKED_UP,
    ("EHLO has an underscore and does not exist", "courier"): NOT_LOOKED_UP,
    ("EHLO begins with a hyphen", "courier"): "the same the other way round: Courier finds it, and asks no more",
    ("sender has a long label", "exim"): "to Exim a name that no query can carry is a look-up that failed",
    ("SPF with three void look-ups", "exim"):
        "libspf2 is older than that limit (RFC 7208 4.6.4) and goes on to -all; to all others it is permerror",
    ("SPF with an unknown mechanism", "courier"): READS_ON,
    ("SPF with an include that is broken", "courier"): READS_ON,
    ("SPF with eleven look-ups", "courier"): READS_ON,
    ("SPF with mx of eleven names", "courier"): READS_ON,
    ("SPF a fails", "courier"): "to Courier a failed look-up of an address is an unknown result, not an error",
    ("block list answers with an error", "sendmail"):
        "FEATURE(`dnsbl') takes every answer for a listing; an error concerns the receiver's resolver, not us",
}

# Where our own verdict is not that of the strictest receiver, and why.
STRICT_HELO = "the name exists: only the strictest settings of Exim and Courier refuse it, others count it at most"
OTHER_VERDICTS = {
    "two PTRs, the first stray": FIRST_NAME,
    "EHLO has MX only": STRICT_HELO,
    "EHLO has AAAA only": STRICT_HELO,
    "EHLO is the sender's domain": STRICT_HELO,
    "EHLO is the receiver's": STRICT_HELO,
    "EHLO leads elsewhere": STRICT_HELO,
    "EHLO leads to 10/8": STRICT_HELO,
    "v6: EHLO has A only": STRICT_HELO,
    "v6: EHLO is our own literal": "correct by RFC 5321 4.1.3: Exim and Sendmail's block_bad_helo cannot read it",
    "sender has one private MX of two": "Sendmail's badmx alone; mail can be answered by the other",
    "sender has one MX of two that is an address": "Courier alone; mail can be answered by the other",
    "sender has an underscore": "not for the DNS: Exim refuses the form of the address",
    "SPF with three void look-ups": "that is permerror, but to libspf2",
    "SPF with an unknown mechanism": READS_ON,
    "SPF with an include that is broken": READS_ON,
    "SPF with eleven look-ups": READS_ON,
    "SPF with mx of eleven names": READS_ON,
    "SPF fail of the EHLO name, sender passes": "only Postfix's policy server and Courier look at it beside a sender",
    "block list answers with an error": "an error concerns the receiver's resolver",
}


class Target:
    """A receiver of the matrix: whom it is predicted as, and a recipient it has."""

    def __init__(self, profile, server, domain):
        self.profile, self.server, self.recipient = profile, server, "rcpt@" + domain

    def predict(self, answers):
        """"accepts", or "4xx", "5xx"."""
        (answer,) = [a for a in answers if a["profile"] == self.profile]
        assert (answer["verdict"] in ("clear", "warn")) == (answer["reply"] is None)
        return answer["reply"][0] + "xx" if answer["reply"] else "accepts"


def outcome(code):
    return f"{code // 100}xx" if code >= 400 else "accepts"


@pytest.fixture(scope="module")
def targets(postfix, exim, sendmail, opensmtpd):
    courier = Courier("courier", "198.51.100.14", address6="2001:db8::114")
    courier.start()
    return [Target("postfix-strict", postfix, "dest.example"), Target("exim", exim, "exim.example"),
            Target("sendmail", sendmail, "sendmail.example"), Target("opensmtpd", opensmtpd, "opensmtpd.example"),
            Target("courier", courier, "courier.example")]


@pytest.fixture(scope="module")
def all_states(names):
    """All of them at once: no zone is changed from here on."""
    names.reset()
    names.add(*[record for state in STATES for record in state.records])


def is_refused(verdict):
    return verdict in ("defer", "hold", "bounce")


@pytest.mark.parametrize("state", STATES, ids=[s.name for s in STATES])
def test_prediction(check, all_states, targets, state):
    if state.check in NOT_YET:
        pytest.skip(f"there is no check {state.check} yet")
    lists = () if "dnsbl" in NOT_YET else ("--dnsbl", "bl.example", "--dnsbl-domain", "dbl.example")
    verdict = check("--ip", state.ip, "--ehlo", state.ehlo, "--from", state.sender, "--to", "rcpt@dest.example",
                    "--as", ",".join(t.profile for t in targets), *lists)
    wrong = []
    refusals = []
    for target in targets:
        predicted = target.predict(verdict["profiles"])
        code, reply = state.hand_to(target.server, target.recipient)
        said = f"{target.profile}: predicted {predicted}, but: {code} {reply}"
        if (predicted != outcome(code)) != ((state.name, target.profile) in DISAGREEMENTS):
            wrong.append(said)
        if code >= 400:
            refusals.append(said)
    agrees = is_refused(verdict["verdict"]) == bool(refusals)
    if agrees == (state.name in OTHER_VERDICTS):
        wrong.append(f"{verdict['verdict']}, but {refusals}")
    assert not wrong, "\n".join(wrong)
