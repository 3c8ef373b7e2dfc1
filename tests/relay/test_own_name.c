/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "dns/preflight.h"
#include "relay/machine_name.h"
#include "relay/mem.h"
#include "relay/own_name.h"

/* The DNS is played by the test: an inquiry finds the scene's records, or never answers. */
struct inquiry {
	uv_timer_t timer;
	inquiry_cb cb;
	void *owner;
};

static struct {
	const char *const *records;
	bool is_silent;
	unsigned inquiries, cancelled;
} scene;

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_turn(uv_timer_t *timer)
{
	struct inquiry *inquiry = timer->data;
	struct facts *facts = facts_new();
	struct verdict verdict = {0};
	const char *error;

	for (const char *const *record = scene.records; *record; record++)
		cr_assert_eq(facts_lay(facts, *record, &error), 0, "%s", *record);
	inquiry->cb(inquiry->owner, &verdict, facts);
	facts_free(facts);
	uv_close((uv_handle_t *)timer, on_closed);
}

struct inquiry *inquiry_start(uv_loop_t *loop, struct resolver *resolver,
	const struct preflight_question *question, enum resolver_freshness freshness,
	const struct facts *laid, inquiry_cb cb, void *owner)
{
	struct inquiry *inquiry = mem_alloc(sizeof *inquiry);

	(void)resolver, (void)question, (void)freshness, (void)laid;
	scene.inquiries++;
	inquiry->cb = cb;
	inquiry->owner = owner;
	uv_timer_init(loop, &inquiry->timer);
	inquiry->timer.data = inquiry;
	if (!scene.is_silent)
		uv_timer_start(&inquiry->timer, on_turn, 0, 0);
	return inquiry;
}

void inquiry_cancel(struct inquiry *inquiry)
{
	scene.cancelled++;
	uv_close((uv_handle_t *)&inquiry->timer, on_closed);
}

/* Looks for a name with these lines of configuration. */
static struct config *find(const char *lines)
{
	static const char head[] = "resolver = 127.0.0.1:9\npublic_ip = 192.0.2.25\n";
	struct buf problems = {0};
	char text[512];
	int len = snprintf(text, sizeof text, "%s%s", head, lines);
	struct config *config = config_parse("test", text, (size_t)len, &problems);

	cr_assert_not_null(config, "%s", problems.bytes);
	cr_assert_eq(own_name_find(config, NULL, 0), config->hostname != NULL);
	return config;
}

static const char *const good[] = {"25.2.0.192.in-addr.arpa. PTR mail.corp.example.",
	"mail.corp.example. A 192.0.2.25", NULL};
static const char *const unconfirmed[] = {
	"25.2.0.192.in-addr.arpa. PTR mail.corp.example.",
	"mail.corp.example. A 192.0.2.99", NULL};

Test(own_name, the_confirmed_ptr_name_is_taken)
{
	scene.records = good;
	struct config *config = find("hostname = auto\n");

	cr_assert_str_eq(config->hostname, "mail.corp.example");
	cr_assert_str_eq(config->bounce_from, "postmaster@mail.corp.example");
	config_free(config);
	config = find("hostname = auto\nbounce_from = mailer@corp.example\n");
	cr_assert_str_eq(config->bounce_from, "mailer@corp.example", "it was given");
	config_free(config);
}

Test(own_name, the_first_address_with_a_name_wins)
{
	scene.records = good;
	struct config *config = find("hostname = auto\npublic_ip = 192.0.2.26\n");

	cr_assert_eq(scene.inquiries, 2);
	cr_assert_str_eq(config->hostname, "mail.corp.example");
	config_free(config);
}

Test(own_name, else_the_machine_s_own_stays)
{
	char *own = machine_name();

	scene.records = unconfirmed;
	struct config *config = find("hostname = auto\n");

	cr_assert_eq(!own, !config->hostname);
	if (own)
		cr_assert_str_eq(config->hostname, own);
	config_free(config);
	free(own);
}

Test(own_name, a_name_that_was_given_is_not_looked_up)
{
	struct config *config = find("hostname = mx.corp.example\n");

	cr_assert_eq(scene.inquiries, 0);
	cr_assert_str_eq(config->hostname, "mx.corp.example");
	config_free(config);
}

Test(own_name, a_silent_dns_does_not_keep_us_for_ever)
{
	uint64_t start = uv_hrtime();

	scene.is_silent = true;
	config_free(find("hostname = auto\n"));
	uint64_t took = (uv_hrtime() - start) / 1000000;

	cr_assert_eq(scene.cancelled, 1);
	cr_assert(took >= OWN_NAME_PATIENCE_MS - 100 && took < 2 * OWN_NAME_PATIENCE_MS,
		"%llu ms", (unsigned long long)took);
}
