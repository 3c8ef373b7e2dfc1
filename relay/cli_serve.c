/* SPDX-License-Identifier: ISC */
#include "relay/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "relay/auth.h"
#include "relay/cli_serve_state.h"
#include "relay/control.h"
#include "relay/damage.h"
#include "relay/dispatch.h"
#include "relay/hold.h"
#include "relay/judged.h"
#include "relay/links.h"
#include "relay/listener.h"
#include "relay/mem.h"
#include "relay/notices.h"
#include "relay/public_ip.h"
#include "relay/reload.h"
#include "relay/resume.h"
#include "relay/server_memory.h"
#include "relay/summary.h"
#include "relay/text.h"
#include "relay/tls_client.h"

static int exit_code(int error)
{
	switch (error) {
	case -EWOULDBLOCK:
		return EX_TEMPFAIL; /* another instance */
	case -EACCES:
	case -EPERM:
		return EX_NOPERM;
	case -ENOMEM:
		return EX_OSERR; /* 71: out of memory, in DESIGN section 6 */
	case -ENOENT:
	case -EINVAL:
	case -ENAMETOOLONG:
		return EX_CONFIG;
	default:
		return EX_IOERR;
	}
}

static int complain(const struct server *server, int error)
{
	fprintf(stderr, "ptrelay: %s\n", server->error);
	return exit_code(error);
}

static void ignore_signals(struct server *server)
{
	uv_close((uv_handle_t *)&server->terminate, NULL);
	uv_close((uv_handle_t *)&server->interrupt, NULL);
	uv_close((uv_handle_t *)&server->hangup, NULL);
}

static void on_spool_closed(void *owner)
{
	struct server *server = owner;

	server->relay.spool = NULL;
	holds_free(server->relay.holds);
	notices_free(server->relay.notices);
	summaries_free(server->relay.summaries);
	dispatch_free(server->relay.dispatch);
	judged_close(server->relay.judged);
	resolver_close(server->relay.resolver);
	auth_close(server->relay.auth);
	ignore_signals(server);
}

/* Somebody still waits for the spool: it is left as after a crash. */
static void give_up(struct server *server)
{
	log_event(&server->relay.log, LOG_ERROR,
		"abandoned sessions=%u settlements=%u what=\"the spool does not answer\"",
		server->relay.stats.sessions, server->relay.stats.settlements);
	uv_stop(&server->loop);
}

static void on_dispatch_stopped(void *owner, bool clean)
{
	struct server *server = owner;

	server->clean = clean;
	if (clean)
		links_free(server->relay.links);
	if (clean)
		spool_close(server->relay.spool, on_spool_closed, server);
	else
		give_up(server);
}

static void on_control_closed(void *owner)
{
	struct server *server = owner;

	notices_stop(server->relay.notices);
	summaries_stop(server->relay.summaries);
	dispatch_stop(server->relay.dispatch, on_dispatch_stopped, server);
}

static void on_listener_closed(void *owner, bool clean)
{
	struct server *server = owner;

	if (clean)
		control_close(server->control, on_control_closed, server);
	else
		give_up(server);
}

static void on_signal(uv_signal_t *signal, int number)
{
	struct server *server = signal->data;

	if (server->stopping)
		return;
	server->stopping = true;
	log_event(&server->relay.log, LOG_INFO, "stopping signal=%d", number);
	listener_close(server->relay.listener, on_listener_closed, server);
}

static void on_hangup(uv_signal_t *signal, int number)
{
	struct server *server = signal->data;
	struct buf report = {0};

	(void)number;
	if (!server->stopping)
		reload_configuration(&server->relay, &report);
	buf_fini(&report);
}

static void watch_signals(struct server *server)
{
	uv_signal_init(&server->loop, &server->terminate);
	uv_signal_init(&server->loop, &server->interrupt);
	uv_signal_init(&server->loop, &server->hangup);
	server->terminate.data = server->interrupt.data = server->hangup.data = server;
	uv_signal_start(&server->hangup, on_hangup, SIGHUP);
	uv_signal_start(&server->terminate, on_signal, SIGTERM);
	uv_signal_start(&server->interrupt, on_signal, SIGINT);
}

/* What an unknown address means; a smarthost's receivers do not see ours. */
static void log_unknown_addresses(const struct relay *relay)
{
	struct source sources[SOURCES_MAX];
	size_t count = source_list(relay->config, relay->public_ips, sources);

	for (size_t i = 0; i < count && !relay->config->smarthost_count; i++)
		if (sources[i].origin == SOURCE_UNKNOWN)
			log_event(&relay->log, LOG_WARNING,
				"public-ip-unknown family=%s what=\"mail is sent without "
				"the checks of our address until receivers tell it; "
				"set public_ip\"",
				source_family_name(sources[i].is_v6));
}

static void log_start(struct server *server)
{
	struct spool_stats spool;

	spool_stats(server->relay.spool, &spool);
	if (spool.damaged || spool.torn_bytes)
		log_event(&server->relay.log, spool.damaged ? LOG_ERROR : LOG_WARNING,
			"recovered damaged=%llu torn_bytes=%llu",
			(unsigned long long)spool.damaged,
			(unsigned long long)spool.torn_bytes);
	log_unknown_addresses(&server->relay);
	log_event(&server->relay.log, LOG_INFO, "ready host=%s messages=%zu pid=%d",
		server->relay.config->hostname, queue_count(server->relay.queue),
		(int)getpid());
}

static void on_abandoned(void *owner)
{
	(void)owner;
}

static void on_listener_abandoned(void *owner, bool clean)
{
	(void)owner;
	(void)clean;
}

/* What was opened before something failed is closed again. */
static int abandon(struct server *server, int error)
{
	int code = complain(server, error);

	ignore_signals(server);
	if (server->control)
		control_close(server->control, on_abandoned, NULL);
	if (server->relay.spool)
		spool_close_now(server->relay.spool);
	if (server->relay.listener)
		listener_close(server->relay.listener, on_listener_abandoned, NULL);
	auth_close(server->relay.auth);
	uv_run(&server->loop, UV_RUN_DEFAULT);
	return code;
}

static int run(struct server *server)
{
	struct relay *relay = &server->relay;

	watch_signals(server); /* whoever sees us listen may already tell us to stop */
	int error = serve_open(server);

	if (error)
		return abandon(server, error);
	relay->tls_client = tls_client_new();
	relay->queue = queue_new();
	relay->holds = holds_new(relay);
	relay->public_ips = public_ips_new(&relay->log);
	relay->servers = server_memory_new();
	relay->links = links_new();
	relay->judged = judged_open(relay->loop, relay->resolver);
	relay->dispatch = dispatch_new(relay);
	relay->summaries = summaries_new(relay);
	relay->notices = notices_new(relay);
	relay->stats.started = text_now();
	resume_queue(relay);
	notices_start(relay->notices);
	damage_watch(relay);
	log_start(server);
	uv_run(&server->loop, UV_RUN_DEFAULT);
	log_event(
		&relay->log, LOG_INFO, "stopped messages=%zu", queue_count(relay->queue));
	if (!server->clean) /* exit() would wait for the threads that hang in the disk */
		_exit(EX_IOERR);
	queue_free(relay->queue);
	public_ips_free(relay->public_ips);
	server_memory_free(relay->servers);
	tls_client_free(relay->tls_client);
	return EX_OK;
}

static int print_help(FILE *out, int code)
{
	fputs("usage: ptrelay [-c FILE] serve\n\n"
	      "Runs the relay in the foreground until SIGTERM or SIGINT. Logs to "
	      "standard error.\nSIGHUP does what 'ptrelay reload' does.\n\n"
	      "exit codes: 0 stopped, 71 out of memory, 74 I/O (spool, port in use),\n"
	      "            75 another instance has the spool, 77 not permitted, 78 bad "
	      "configuration\n",
		out);
	return code;
}

/* The configuration, and the users and logins it names; NULL after the problems were printed. */
static struct config *load(const char *option, struct users **users)
{
	struct config *config = cli_load_config(option);
	struct buf problems = {0};

	if (!config)
		return NULL;
	*users = cli_load_users(config, &problems);
	cli_load_logins(config, &problems);
	if (!problems.len)
		return config;
	users_free(*users);
	fwrite(problems.bytes, 1, problems.len, stderr);
	buf_fini(&problems);
	config_free(config);
	return NULL;
}

int cli_serve(int argc, char **argv, const char *config)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	struct server *server;
	int option = getopt_long(argc, argv, "h", options, NULL);

	if (option == 'h')
		return print_help(stdout, EX_OK);
	if (option != -1 || optind < argc)
		return print_help(stderr, EX_USAGE);
	struct users *users;
	struct config *loaded = load(config, &users);

	if (!loaded)
		return EX_CONFIG;
	umask(077);
	server = mem_alloc(sizeof *server);
	server->relay.config = server->config = loaded;
	server->relay.config_path = config_path(config);
	server->relay.log = (struct log){.level = loaded->log_level, .fd = STDERR_FILENO};
	server->relay.loop = &server->loop;
	/* At most 5 threads commit, keep up, write bodies and verify, 2 check passwords: the others are free
	 * for reads. */
	setenv("UV_THREADPOOL_SIZE", "10", 0);
	uv_loop_init(&server->loop);
	if (users)
		server->relay.auth = auth_open(&server->loop, users, AUTH_NO_AFTER_MS);
	int code = run(server);

	uv_loop_close(&server->loop);
	free(server);
	config_free(loaded);
	return code;
}
