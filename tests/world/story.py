# SPDX-License-Identifier: ISC
"""The demo: a message is handed in while the PTR is missing; it is held, explained, and leaves by
itself when the record is there."""

import subprocess
import sys

from names import FaultyResolver, Names
from postfix import RECEIVER, Postfix
from relay import Relay
from support import wait_for


def tell(text):
    print(f"\n\033[1m# {text}\033[0m" if sys.stdout.isatty() else f"\n# {text}", flush=True)


def show(relay, *command):
    print("$ ptrelay " + " ".join(command), flush=True)
    print(relay.run(*command).stdout, end="", flush=True)


def main():
    tell("A world of its own starts: a DNS server (knot), a resolver (unbound), and the receiver: a Postfix\n"
         "# that refuses clients without reverse DNS. Nothing leaves this machine.")
    names = Names()
    names.start()
    FaultyResolver()
    postfix = Postfix("receiver", RECEIVER, "198.51.100.7", 25)
    postfix.start()
    names.remove("25.2.0.192")
    relay = Relay(sys.argv[1])
    relay.start()

    tell("Our address, 192.0.2.25, has no PTR record. Exchange hands in a message:")
    print("$ swaks --server 127.0.0.1:2525 --from ann@corp.example --to bob@dest.example", flush=True)
    subprocess.run(["swaks", "--server", "127.0.0.1:2525", "--from", "ann@corp.example", "--to",
                    "bob@dest.example", "--header", "Subject: the demo", "--silent", "1"], check=True)
    (recipient,) = relay.wait_for_state("held")
    tell("It was taken (250), and it is held: the receiver was not even connected to.")
    show(relay, "queue", "list")
    queue_id = relay.queue()[0]["id"]
    tell("Why, and what would cure it? This page can be forwarded to the ISP:")
    show(relay, "explain", queue_id)

    tell("Would that record help? 'check --with' rehearses it:")
    show(relay, "check", "--from", "ann@corp.example", "--with",
         "25.2.0.192.in-addr.arpa. PTR mail.corp.example.")

    tell("The ISP publishes it: 25.2.0.192.in-addr.arpa. PTR mail.corp.example.")
    names.add("25.2.0.192.in-addr.arpa. PTR mail.corp.example.")
    (raw,) = wait_for(lambda: [m for m in postfix.messages() if b"the demo" in m], "the message", 60)
    tell("Nobody touched it, and it has arrived:")
    print("".join(line + "\n" for line in raw.decode().splitlines()[:14]), end="")
    relay.wait_until_empty()
    show(relay, "queue", "list")
    tell("What the log says:")
    print("".join(line + "\n" for line in relay.log.splitlines()
                  if any(word in line for word in (" accepted ", " held ", "cause-", "released", " delivered "))),
          end="", flush=True)
    relay.stop()
    names.stop()


if __name__ == "__main__":
    main()
