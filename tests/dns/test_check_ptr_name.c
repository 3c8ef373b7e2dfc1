/* SPDX-License-Identifier: ISC */
#include "tests/dns/checks.h"

/* Names made from an address or for a pool, as providers give them. */
static const char *const generic[] = {
	/* four octets, any separator, either way round, in any place */
	"192-0-2-25.isp.example",
	"host-192-0-2-25.isp.example",
	"ip-192-0-2-25.isp.example",
	"ip192-0-2-25.isp.example",
	"host86-192-0-2.range86-192.isp.example",
	"static-192-0-2-25.isp.example",
	"static.25.2.0.192.clients.your-server.example",
	"c-192-0-2-25.hsd1.wa.comcast.example",
	"pool-192-0-2-25.washdc.fios.isp.example",
	"cpe-192-0-2-25.nyc.res.rr.example",
	"rrcs-192-0-2-25.nyc.biz.rr.example",
	"ec2-192-0-2-25.compute-1.amazonaws.example",
	"25.2.0.192.bc.googleusercontent.example",
	"192.0.2.25.hoster.example",
	"192_0_2_25.isp.example",
	"25-2-0-192.isp.example",
	"dslb-192-000-002-025.192.000.pools.isp.example",
	"HSI-KBW-192-000-002-025.hsi14.isp.example",
	"lns-bzn-45-192-0-2-25.adsl.proxad.example",
	"AStrasbourg-192-0-2-25.w90-1.abo.wanadoo.example",
	"a192-0-2-25.deploy.cdn.example",
	"mail-192-0-2-25.isp.example",
	"192-0-2-25.cprapid.example",
	"b2b-192-0-2-25.isp.example",
	/* run together */
	"softbank192000002025.bbtec.example",
	"s0106001122334455.cg.shawcable.example",
	"192000002025.isp.example",
	/* IPv6 */
	"2001-db8-0-0-0-0-0-25.isp.example",
	"cpe-2001-0db8-0000-0000-0000-0000-0000-0025.isp.example",
	"20010db8000000000000000000000025.isp.example",
	"5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.isp.example",
	/* words of access networks */
	"dyn-2-25.isp.example",
	"dynamic.isp-city.isp.example",
	"host25.dynamic.isp.example",
	"x4db12345.dyn.isp.example",
	"ip5f5a1234.dynamic.kabel.example",
	"0x3ec6ec81.inet.dsl.isp.example",
	"adsl25.isp.example",
	"adsl-2-25.isp.example",
	"vdsl-line3.isp.example",
	"ppp25.isp.example",
	"ppp-2-25.isp.example",
	"pppoe1.isp.example",
	"dhcp25.campus.example",
	"dhcp-25.campus.example",
	"dialup-25.isp.example",
	"dialin.isp.example.isp.example",
	"broadband-2-25.isp.example",
	"25.residential.isp.example",
	"catv-25.isp.example",
	"mail.dsl.isp.example",
	"mail.dynamic.corp.co.uk",
	"gprs12.isp.example",
	/* weak words beside numbers */
	"client25.isp.example",
	"client-0125.isp.example",
	"customer1234.isp.example",
	"user12.isp.example",
	"cust-2-5.isp.example",
	"cpc1-hari1-2-0-cust25.20-2.cable.isp.example",
	"cable-2-25.isp.example",
	"pool25.isp.example",
	"dial-2-25.isp.example",
	"nat-192-25.isp.example",
	"host-2-25.isp.example",
	"ip-2-25.isp.example",
	"static-2-25.isp.example",
	"p4fd12345.dip0.t-ipconnect.example",
	"pd9e12345.dip.t-dialin.example",
	"ool-4571a2b3.optonline.example.isp.example",
	"lfbn-idf1-1-192-0.w90-1.abo.wanadoo.example",
	"ns3012345.ip-192-0-2.eu",
	"vps123456.ovh.example",
	"vps-1a2b3c4d.vps.ovh.example",
	"vmi1234567.contaboserver.example",
	"kabel25.isp.example",
	"25.customer.isp.com.br",
	"d51a4b2c3.access.telenet.example",
	"host192-0-static.2-25-b.business.isp.example",
	"tmo-192-25.customers.isp.example",
	"chello192000002025.1.11.vie.isp.example",
	"cpe001122334455-cm001122334456.cpe.net.isp.example",
	"srv123456.hoster.example",
};

/* What mail servers are honestly called. */
static const char *const honest[] = {
	"mail.corp.example",
	"mail1.corp.example",
	"mail-1.corp.example",
	"mail25.corp.example",
	"mail-2-25.corp.example",
	"mx.corp.example",
	"mx1.corp.example",
	"mx-192.corp.example",
	"mx01-02.corp.example",
	"mx-0-2-25.corp.example",
	"smtp.corp.example",
	"smtp-out-4.corp.example",
	"smtp-pool-25.corp.example",
	"out2-smtp.messagingengine.example",
	"mail-pf1-f41.google.example",
	"mail-we0-f182.google.example",
	"a8-31.smtp-out.amazonses.example",
	"m42-10.mailgun.example",
	"mta-70-33-22.sparkpostmail.example",
	"o1678.abc.outbound.sendgrid.example",
	"mail-dm6nam10on2045.outbound.protection.outlook.example",
	"sonic308-55.consmr.mail.ne1.yahoo.example",
	"client-mail.corp.example",
	"mail.client.corp.example",
	"customer-mail.corp.example",
	"mail.customer12.hoster.example",
	"host.corp.example",
	"host1.corp.example",
	"host25.corp.example",
	"server1.corp.example",
	"static.corp.example",
	"static1.corp.example",
	"pool.corp.example",
	"mail.pool.corp.example",
	"users.corp.example",
	"cable.example",
	"mail.cable.example",
	"mail.dsl.example",
	"mail.dyn.example",
	"mail.broadband.co.uk",
	"mail.dynamics.example",
	"dynamics.corp.example",
	"generaldynamics.example",
	"pppp.corp.example",
	"mydsl.example",
	"exchange.corp.example",
	"exch2019.corp.example",
	"ex-2016-01.corp.example",
	"webmail-2024-01-02.corp.example",
	"srv-0815.corp.example",
	"nat1.corp.example",
	"vps1.corp.example",
	"vm-mail-2.corp.example",
	"ip.corp.example",
	"home.corp.example",
	"edge-01-fra.corp.example",
	"relay3.us-east-1.corp.example",
	"deadbeef.corp.example",
	"a1b2c3d4.corp.example",
	"p4fd12345.corp.example",
	"v220190512345.corp.example",
	"mx-300-400-500-600.corp.example",
	"mailgate.xn--bcher-kva.example",
	"m.example",
	"localhost",
	"",
	".",
	"\\255\\255.example",
};

Test(check_ptr_name, generic_names_are_known)
{
	for (size_t i = 0; i < sizeof generic / sizeof generic[0]; i++)
		cr_expect(is_generic_name(generic[i]), "%s", generic[i]);
}

Test(check_ptr_name, honest_names_are_left_alone)
{
	for (size_t i = 0; i < sizeof honest / sizeof honest[0]; i++)
		cr_expect_not(is_generic_name(honest[i]), "%s", honest[i]);
}

static const struct {
	const char *name, *ip;
	bool is_generic;
} owned[] = {
	{"p-c0000219.isp.example", "192.0.2.25", true},
	{"i59F12345.versanet.example", "89.241.35.69", true},
	{"190200c0.isp.example", "192.0.2.25", true},
	{"3221225999.isp.example", "192.0.2.25", false},
	{"3221226009.isp.example", "192.0.2.25", true},
	{"h1920225.isp.example", "192.0.2.25", true},
	{"b-0-2-25.isp.example", "192.0.2.25", true},
	{"b-25-2-0.isp.example", "192.0.2.25", true},
	{"192-000-002.isp.example", "192.0.2.25", true},
	{"b-0-2-26.isp.example", "192.0.2.25", false},
	{"mta-0-2-25.corp.example", "192.0.2.25", false},
	{"a2-25.smtp-out.corp.example", "192.0.2.25", false},
	{"mail-f25.corp.example", "192.0.2.25", false},
	{"mail.corp.example", "192.0.2.25", false},
	{"2001-db8--25.isp.example", "2001:db8::25", true},
	{"x-a1-b2-c3-d4.isp.example", "2001:db8::a1:b2:c3:d4", true},
	{"00a1-00b2-00c3-00d4.isp.example", "2001:db8::a1:b2:c3:d4", true},
	{"a1.b2.c3.d4.isp.example", "2001:db8::a1:b2:c3:d4", true},
	{"mail-a1.corp.example", "2001:db8::a1:b2:c3:d4", false},
	{"mail.corp.example", "2001:db8::25", false},
};

Test(check_ptr_name, our_own_address_is_known_in_a_name)
{
	for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) {
		struct preflight_question question = {.ip = owned[i].ip};
		struct address address;

		cr_assert(own_address(&question, &address));
		cr_expect_eq(is_generic_name_of(owned[i].name, &address),
			owned[i].is_generic, "%s", owned[i].name);
	}
}

Test(check_ptr_name, any_name_is_read_to_its_end)
{
	char name[1200];

	for (size_t len = 0; len < sizeof name; len += 7) {
		for (size_t i = 0; i < len; i++)
			name[i] = "a1-b.2_\\\xff"[i * 7 % 9];
		name[len] = '\0';
		is_generic_name(name);
	}
	memset(name, '1', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	cr_assert(is_generic_name(name)); /* hex without end */
}

#define PTR "25.2.0.192.in-addr.arpa. PTR "

static const struct {
	const char *name;
	const char *lines[6];
	const char *ip;
	enum check_result result;
	enum reason reason;
	enum action action;
} rows[] = {
	{"our address is not known", {NULL}, NULL, RESULT_SKIPPED, REASON_NONE,
		ACTION_NONE},
	{"no PTR", {NULL}, "192.0.2.25", RESULT_SKIPPED, REASON_NONE, ACTION_NONE},
	{"the PTR cannot be asked for", {"25.2.0.192.in-addr.arpa. FAILED"}, "192.0.2.25",
		RESULT_SKIPPED, REASON_NONE, ACTION_NONE},
	{"an honest name", {PTR "mail.corp.example.", "mail.corp.example. A 192.0.2.25"},
		"192.0.2.25", RESULT_PASS, REASON_NONE, ACTION_NONE},
	{"a generic name", {PTR "dsl25.isp.example.", "dsl25.isp.example. A 192.0.2.25"},
		"192.0.2.25", RESULT_FAIL, REASON_PTR_GENERIC, ACTION_WARN},
	{"a generic name that leads nowhere", {PTR "dsl25.isp.example."}, "192.0.2.25",
		RESULT_FAIL, REASON_PTR_GENERIC, ACTION_WARN},
	{"both, confirmed",
		{PTR "dsl25.isp.example.", PTR "mail.corp.example.",
			"dsl25.isp.example. A 192.0.2.25",
			"mail.corp.example. A 192.0.2.25"},
		"192.0.2.25", RESULT_PASS, REASON_NONE, ACTION_NONE},
	{"both, the generic one confirmed",
		{PTR "dsl25.isp.example.", PTR "mail.corp.example.",
			"dsl25.isp.example. A 192.0.2.25"},
		"192.0.2.25", RESULT_FAIL, REASON_PTR_GENERIC, ACTION_WARN},
	{"both, the honest one confirmed",
		{PTR "dsl25.isp.example.", PTR "mail.corp.example.",
			"mail.corp.example. A 192.0.2.25"},
		"192.0.2.25", RESULT_PASS, REASON_NONE, ACTION_NONE},
	{"both, the honest one may be confirmed",
		{PTR "dsl25.isp.example.", PTR "mail.corp.example.",
			"dsl25.isp.example. A 192.0.2.25", "mail.corp.example. FAILED"},
		"192.0.2.25", RESULT_PASS, REASON_NONE, ACTION_NONE},
	{"both, the generic one may be confirmed",
		{PTR "dsl25.isp.example.", PTR "mail.corp.example.",
			"dsl25.isp.example. FAILED"},
		"192.0.2.25", RESULT_UNKNOWN, REASON_DNS_TEMPFAIL, ACTION_WARN},
	{"one generic name, which may be confirmed",
		{PTR "dsl25.isp.example.", "dsl25.isp.example. FAILED"}, "192.0.2.25",
		RESULT_FAIL, REASON_PTR_GENERIC, ACTION_WARN},
	{"both, none confirmed", {PTR "dsl25.isp.example.", PTR "mail.corp.example."},
		"192.0.2.25", RESULT_PASS, REASON_NONE, ACTION_NONE},
	{"two generic ones", {PTR "dsl25.isp.example.", PTR "192-0-2-25.isp.example."},
		"192.0.2.25", RESULT_FAIL, REASON_PTR_GENERIC, ACTION_WARN},
	{"generic beside what is no host name",
		{PTR "dsl25.isp.example.", PTR "localhost."}, "192.0.2.25", RESULT_FAIL,
		REASON_PTR_GENERIC, ACTION_WARN},
	{"IPv6",
		{"5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6."
		 "arpa. PTR 2001-db8--25.isp.example."},
		"2001:db8::25", RESULT_FAIL, REASON_PTR_GENERIC, ACTION_WARN},
};

Test(check_ptr_name, every_state_has_its_finding)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct preflight_question question = {.ip = rows[i].ip};
		struct run run;

		preflight_defaults(question.actions);
		run_start(&run, check_ptr_name, &question, NULL, rows[i].lines);
		const struct finding *finding = &run.verdict.findings[0];

		cr_expect_eq(finding->result, rows[i].result, "%s: %s", rows[i].name,
			finding->summary);
		cr_expect_eq(finding->reason, rows[i].reason, "%s", rows[i].name);
		cr_expect_eq(finding->action, rows[i].action, "%s", rows[i].name);
		run_end(&run);
	}
}
