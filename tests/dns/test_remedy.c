/* SPDX-License-Identifier: ISC */
#include <stdio.h>

#include "tests/dns/records.h"

/*
 * Whatever the DNS looks like: the records of a kit, laid over it, remove the finding the kit was
 * made for, and all kits together leave only findings that no record cures.
 */

enum { WORLDS = 1500, LINES_MAX = 24, KITS_MAX = 16 };

#define PRIVATE_IP "10.0.0.25"

/* One place of the DNS, and what may stand there: one variant a world. NULL: nothing. */
static const char *const ptr_states[] = {
	NULL,
	"25.2.0.192.in-addr.arpa. PTR mail.corp.example.",
	"25.2.0.192.in-addr.arpa. PTR other.example.",
	"25.2.0.192.in-addr.arpa. PTR 192.0.2.25.",
	"25.2.0.192.in-addr.arpa. PTR localhost.",
	"25.2.0.192.in-addr.arpa. PTR 192-0-2-25.dsl.isp.example.",
	"25.2.0.192.in-addr.arpa. CNAME 25.24/29.2.0.192.in-addr.arpa.",
	"25.2.0.192.in-addr.arpa. CNAME mail.corp.example.",
	"25.2.0.192.in-addr.arpa. FAILED",
};
static const char *const forward_states[] = {
	NULL,
	"mail.corp.example. A 192.0.2.25",
	"mail.corp.example. A 192.0.2.99",
	"mail.corp.example. A 10.0.0.1",
	"mail.corp.example. MX 10 other.example.",
	"mail.corp.example. CNAME other.example.",
	"mail.corp.example. AAAA 2001:db8::25",
};
static const char *const mx_states[] = {
	NULL,
	"corp.example. MX 10 mail.corp.example.",
	"corp.example. MX 0 .",
	"corp.example. MX 10 nowhere.example.",
	"corp.example. MX 10 inside.example.",
	"corp.example. A 127.0.0.1",
	"corp.example. AAAA 2001:db8::80",
};
static const char *const spf_states[] = {
	NULL,
	"corp.example. TXT \"v=spf1 ip4:192.0.2.25 -all\"",
	"corp.example. TXT \"v=spf1 mx -all\"",
	"corp.example. TXT \"v=spf1 -all\"",
	"corp.example. TXT \"v=spf1 -ip4:192.0.2.0/24 include:spf.example ?all\"",
	"corp.example. TXT \"v=spf1 ~all\"",
	"corp.example. TXT \"v=spf1 redirect=spf.example\"",
	"corp.example. TXT \"v=spf1 include:nowhere.example -all\"",
	"corp.example. TXT \"v=spf1 ip4:300.0.0.1 mx redirect=a.example "
        "redirect=b.example\"",
	"corp.example. TXT \"v=spf1 a:a.x.example a:b.x.example a:c.x.example -all\"",
	"corp.example. TXT \"v=spf1 exists:%{i}.spf.example exp=%{d}.example -all\"",
};
static const char *const second_spf_states[] = {
	NULL, NULL, NULL, "corp.example. TXT \"v=spf1 a -all\""};
static const char *const dmarc_states[] = {
	NULL,
	"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\"",
	"_dmarc.corp.example. TXT \"v=DMARC1; p=quarantine; sp=reject; aspf=s\"",
	"_dmarc.corp.example. TXT \"v=DMARC1; p=none; rua=mailto:d@corp.example\"",
};
static const char *const ehlos[] = {"mail.corp.example", "mail.corp.example", "mail",
	"192-0-2-25.dsl.isp.example", "[192.0.2.25]", "corp.example"};
static const char *const senders[] = {"ann@corp.example", "ann@corp.example", "",
	"ann@sub.corp.example", "ann@unknown.example", "ann@[192.0.2.25]", "ann",
	"ann@alias.example", "ann@lost.example", "corp.example", "@corp.example",
	"ann@192.0.2.25"};
static const char *const authors[] = {
	NULL, "corp.example", "ann@corp.example", "sub.corp.example", "else.example"};
static const char *const ips[] = {
	"192.0.2.25", "192.0.2.25", "2001:db8::25", PRIVATE_IP};

static const char *const always[] = {
	"other.example. A 192.0.2.80",
	"inside.example. A 192.168.1.1",
	"spf.example. TXT \"v=spf1 ip4:198.51.100.0/24 -all\"",
	"else.example. MX 10 other.example.",
	"_dmarc.else.example. TXT \"v=DMARC1; p=reject\"",
	"alias.example. CNAME end.example.",
	"end.example. MX 0 .",
	"end.example. TXT \"v=spf1 -all\"",
	"lost.example. CNAME lost2.example.",
	"lost2.example. CNAME nowhere.example.",
	"dest.example. MX 10 mx.dest.example.",
	"mx.dest.example. A 198.51.100.7",
};

static unsigned chance(unsigned *seed, size_t bound)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % (unsigned)bound;
}

#define PICK(seed, states) (states)[chance(seed, sizeof(states) / sizeof(states)[0])]

struct world {
	struct preflight_question question;
	const char *lines[LINES_MAX + 1];
};

static void make_world(struct world *world, unsigned seed)
{
	size_t count = 0;

	*world = (struct world){.question = {.recipient = "bob@dest.example"}};
	world->question.ip = PICK(&seed, ips);
	world->question.ehlo = PICK(&seed, ehlos);
	world->question.sender = PICK(&seed, senders);
	world->question.author = PICK(&seed, authors);
	world->question.addresses = (struct preflight_texts){ips + 1, 2};
	preflight_defaults(world->question.actions);
	const char *const picked[] = {PICK(&seed, ptr_states),
		PICK(&seed, forward_states), PICK(&seed, mx_states),
		PICK(&seed, spf_states), PICK(&seed, second_spf_states),
		PICK(&seed, dmarc_states)};

	for (size_t i = 0; i < sizeof picked / sizeof picked[0]; i++)
		if (picked[i])
			world->lines[count++] = picked[i];
	for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
		world->lines[count++] = always[i];
}

/* What a failing world looks like. */
static void show(const struct world *world, const char *const *kits, size_t count)
{
	const struct preflight_question *question = &world->question;

	printf("ip=%s ehlo=%s from=%s author=%s\n", question->ip, question->ehlo,
		question->sender, question->author ? question->author : "-");
	for (size_t i = 0; world->lines[i]; i++)
		printf("    %s\n", world->lines[i]);
	for (size_t i = 0; i < count; i++)
		printf("  + %s\n", kits[i]);
}

/* Evaluates with the kits laid over what the world answers. */
static void judge(const struct world *world, const char *const *kits, size_t kit_count,
	struct facts *facts, struct verdict *verdict)
{
	const char *error;

	for (size_t i = 0; i < kit_count; i++)
		cr_assert_eq(
			facts_lay(facts, kits[i], &error), 0, "%s: %s", kits[i], error);
	evaluate_asking(&world->question, world->lines, facts, verdict);
}

static bool is_found(const struct verdict *verdict, enum check check, enum reason reason)
{
	for (size_t i = 0; i < verdict->count; i++)
		if (verdict->findings[i].check == check &&
			verdict->findings[i].reason == reason)
			return true;
	return false;
}

static void expect_cured(
	const struct world *world, const struct finding *finding, unsigned seed)
{
	const struct remedy *remedy = finding->remedy;
	const char *kits[REMEDY_RECORDS_MAX];
	struct facts *facts = facts_new();
	struct verdict after;

	for (size_t i = 0; i < remedy->record_count; i++)
		kits[i] = remedy->records[i];
	judge(world, kits, remedy->record_count, facts, &after);
	if (is_found(&after, finding->check, finding->reason)) {
		show(world, kits, remedy->record_count);
		cr_expect(false, "world %u: not cured: %s", seed, finding->summary);
	}
	verdict_fini(&after);
	facts_free(facts);
}

static void expect_nothing_curable(
	const struct world *world, const char *const *kits, size_t count, unsigned seed)
{
	struct facts *facts = facts_new();
	struct verdict after;

	judge(world, kits, count, facts, &after);
	for (size_t i = 0; i < after.count; i++) {
		const struct finding *finding = &after.findings[i];

		if (!finding->remedy || finding->remedy->record_count == 0)
			continue;
		show(world, kits, count);
		cr_expect(false, "world %u: after all kits: %s", seed, finding->summary);
	}
	verdict_fini(&after);
	facts_free(facts);
}

/* The records of all kits, of every source address: an administrator publishes them all. */
struct kits {
	struct facts *facts[2];
	struct verdict verdicts[2];
	const char *records[2 * KITS_MAX * REMEDY_RECORDS_MAX];
	size_t count;
};

static void collect(
	struct kits *kits, size_t side, const struct world *world, unsigned seed)
{
	struct verdict *verdict = &kits->verdicts[side];

	kits->facts[side] = facts_new();
	judge(world, NULL, 0, kits->facts[side], verdict);
	for (size_t i = 0; i < verdict->count; i++) {
		const struct finding *finding = &verdict->findings[i];

		if (!finding->remedy || finding->remedy->record_count == 0)
			continue;
		expect_cured(world, finding, seed);
		for (size_t r = 0; r < finding->remedy->record_count; r++)
			kits->records[kits->count++] = finding->remedy->records[r];
	}
}

static void try_world(unsigned seed)
{
	struct world world, twin;
	struct kits kits = {.count = 0};

	make_world(&world, seed);
	twin = world;
	twin.question.ip = strchr(world.question.ip, ':') ? ips[0] : ips[2];
	collect(&kits, 0, &world, seed);
	/* With a private address of ours, which nobody sees, not everything can be right. */
	if (strcmp(world.question.ip, PRIVATE_IP) == 0)
		kits.count = 0;
	else
		collect(&kits, 1, &twin, seed);
	if (kits.count) {
		expect_nothing_curable(&world, kits.records, kits.count, seed);
		expect_nothing_curable(&twin, kits.records, kits.count, seed);
	}
	for (size_t side = 0; side < 2 && kits.facts[side]; side++) {
		verdict_fini(&kits.verdicts[side]);
		facts_free(kits.facts[side]);
	}
}

Test(remedy, whatever_the_DNS_looks_like)
{
	for (unsigned seed = 0; seed < WORLDS; seed++)
		try_world(seed * 2654435761u);
}
