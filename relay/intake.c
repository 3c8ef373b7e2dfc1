/* SPDX-License-Identifier: ISC */
#include "relay/intake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/dispatch.h"
#include "relay/idn.h"
#include "relay/mem.h"
#include "relay/text.h"

struct intake {
	struct relay *relay;
	char *sender;
	char **recipients, **orcpts; /* of orcpts: NULL: none */
	uint8_t *notify;
	size_t count, cap;
	bool says_utf8; /* SMTPUTF8 at MAIL */
	bool has_utf8_address;
	enum smtp_ret ret;
	char *envid;
	char *author; /* once the body is whole */
	char *client;
	char *tls; /* or NULL */
	char *mapped_from; /* what the client said, when sender_map changed it; else NULL */
	char *user;        /* NULL: nobody logged in */
	int64_t received;
	uint64_t id, size;
	char id_text[SPOOL_ID_TEXT];
	struct spool_writer *writer; /* between intake_open and intake_commit */
	struct smtp_header_scan scan;
	const char *signers[SMTP_SIGNERS_MAX]; /* in scan */
	int error;                             /* of intake_append */
	intake_done_cb done;
	void *owner;
};

struct intake *intake_new(
	struct relay *relay, const char *sender, const struct smtp_mail *mail)
{
	struct intake *intake = mem_alloc(sizeof *intake);

	char *ascii = idn_to_ascii(sender);

	intake->relay = relay;
	intake->sender = config_map_sender(relay->config, ascii);
	if (intake->sender) {
		intake->mapped_from = mem_strdup(sender);
		free(ascii);
	} else {
		intake->sender = ascii;
	}
	intake->says_utf8 = mail->utf8;
	intake->has_utf8_address = !smtp_mailbox_is_ascii(intake->sender);
	intake->ret = mail->ret;
	intake->envid = mem_strdup(mail->envid);
	smtp_header_scan_init(&intake->scan);
	return intake;
}

void intake_free(struct intake *intake)
{
	if (!intake)
		return;
	if (intake->writer)
		spool_abandon(intake->writer);
	for (size_t i = 0; i < intake->count; i++) {
		free(intake->recipients[i]);
		free(intake->orcpts[i]);
	}
	free(intake->recipients);
	free(intake->orcpts);
	free(intake->notify);
	free(intake->envid);
	free(intake->author);
	free(intake->client);
	free(intake->tls);
	free(intake->mapped_from);
	free(intake->user);
	free(intake->sender);
	free(intake);
}

static void make_room(struct intake *intake)
{
	if (intake->count < intake->cap)
		return;
	intake->cap = intake->cap ? 2 * intake->cap : 4;
	intake->recipients =
		mem_realloc(intake->recipients, intake->cap * sizeof(char *));
	intake->orcpts = mem_realloc(intake->orcpts, intake->cap * sizeof(char *));
	intake->notify = mem_realloc(intake->notify, intake->cap);
}

void intake_add_recipient(
	struct intake *intake, char *mailbox, const struct smtp_rcpt *wishes)
{
	size_t number = intake->count;

	make_room(intake);
	intake->recipients[number] = idn_to_ascii(mailbox);
	intake->orcpts[number] = wishes->orcpt[0] ? mem_strdup(wishes->orcpt) : NULL;
	intake->notify[number] = (uint8_t)wishes->notify;
	intake->count++;
	intake->has_utf8_address |= !smtp_mailbox_is_ascii(intake->recipients[number]);
	free(mailbox);
}

/* The stored body begins with it: only now are id and recipients known, and what is appended
 * cannot be put in front later. */
static int append_trace(struct intake *intake, const struct intake_client *client)
{
	char line[1024];
	const char *only = intake->count == 1 ? intake->recipients[0] : NULL;
	struct smtp_trace trace = {
		.helo = client->helo,
		.client = client->ip,
		.host = intake->relay->config->hostname,
		.id = intake->id_text,
		.rcpt = only && smtp_mailbox_is_ascii(only) ? only : NULL,
		.extended = client->extended,
		.utf8 = intake->says_utf8,
		.tls = client->tls,
		.cipher = client->tls,
		.authenticated = client->authenticated,
		.time = intake->received / 1000,
	};

	return spool_append(
		intake->writer, line, smtp_received_format(&trace, line, sizeof line));
}

int intake_open(struct intake *intake, const struct intake_client *client)
{
	intake->writer = mem_must(spool_create(intake->relay->spool));
	intake->id = spool_writer_id(intake->writer);
	spool_id_format(intake->id, intake->id_text);
	intake->received = text_now();
	int error = append_trace(intake, client);

	if (error) { /* and the client may try DATA again */
		spool_abandon(intake->writer);
		intake->writer = NULL;
		return error;
	}
	intake->client = mem_strdup(client->ip);
	intake->tls = client->tls ? mem_strdup(client->tls) : NULL;
	intake->user = client->user ? mem_strdup(client->user) : NULL;
	return 0;
}

void intake_append(struct intake *intake, const char *bytes, size_t len)
{
	smtp_header_scan_feed(&intake->scan, bytes, len);
	if (!intake->error)
		intake->error = spool_append(intake->writer, bytes, len);
}

bool intake_is_full(const struct intake *intake)
{
	return !intake->error && spool_writer_is_full(intake->writer);
}

void intake_wait(struct intake *intake, void (*drained)(void *owner), void *owner)
{
	spool_writer_wait(intake->writer, drained, owner);
}

bool intake_is_looping(const struct intake *intake)
{
	return intake->scan.received > SMTP_HOPS_MAX;
}

/* SMTPUTF8 is asked of the next hop only where something needs it (RFC 6531 3.2). */
static bool needs_utf8(const struct intake *intake)
{
	return intake->says_utf8 &&
	       (intake->has_utf8_address || intake->scan.has_eight_bit_header);
}

static struct envelope describe(struct intake *intake)
{
	for (size_t i = 0; i < intake->scan.signers.count; i++)
		intake->signers[i] = intake->scan.signers.domains[i];
	return (struct envelope){
		.received = intake->received,
		.sender = intake->sender,
		.recipients = (const char *const *)intake->recipients,
		.count = intake->count,
		.eight_bit = intake->scan.has_eight_bit,
		.utf8 = needs_utf8(intake),
		.ret = intake->ret,
		.envid = intake->envid,
		.notify = intake->notify,
		.orcpts = (const char *const *)intake->orcpts,
		.client = intake->client,
		.author = intake->author,
		.signers = intake->signers,
		.signer_count = intake->scan.signers.count,
	};
}

/* " key=\"value\"" for the log, "" when there is no value. */
static const char *log_word(char *out, size_t cap, const char *key, const char *value)
{
	char text[4 * SMTP_PATH_MAX];

	out[0] = '\0';
	if (value)
		snprintf(out, cap, " %s=\"%s\"", key,
			text_quote(text, sizeof text, value, strlen(value)));
	return out;
}

static void log_accepted(const struct intake *intake)
{
	enum { TEXT = 4 * SMTP_PATH_MAX };
	char sender[TEXT], mapped[TEXT + 16], user[TEXT + 16], tls[128];

	text_word(sender, sizeof sender, intake->sender, strlen(intake->sender));
	log_event(&intake->relay->log, LOG_INFO,
		"accepted id=%s from=<%s> nrcpt=%zu size=%llu client=%s%s%s%s",
		intake->id_text, sender, intake->count, (unsigned long long)intake->size,
		intake->client, log_word(tls, sizeof tls, "tls", intake->tls),
		log_word(mapped, sizeof mapped, "mapped_from", intake->mapped_from),
		log_word(user, sizeof user, "user", intake->user));
}

static void on_committed(void *owner, int status)
{
	struct intake *intake = owner;

	if (status == 0) {
		struct envelope envelope = describe(intake);

		intake->relay->stats.accepted++;
		log_accepted(intake);
		dispatch_submit(intake->relay->dispatch,
			message_new(intake->id, intake->size, &envelope));
	}
	intake->done(intake->owner, status);
}

int intake_commit(struct intake *intake, intake_done_cb done, void *owner)
{
	struct spool_transaction *transaction;
	struct spool_writer *writer = intake->writer;
	struct buf bytes = {0};

	if (intake->error)
		return intake->error;
	smtp_header_scan_end(&intake->scan);
	intake->author = idn_to_ascii(smtp_author_domain(&intake->scan.author));
	struct envelope envelope = describe(intake);

	intake->size = spool_writer_size(writer);
	intake->done = done;
	intake->owner = owner;
	intake->writer = NULL;
	transaction = mem_must(spool_begin(intake->relay->spool));
	envelope_encode(&envelope, &bytes);
	int error = spool_add_message(transaction, writer, bytes.bytes, bytes.len);

	buf_fini(&bytes);
	if (error)
		spool_discard(transaction);
	else
		spool_commit(transaction, on_committed, intake);
	return error;
}

const char *intake_id(const struct intake *intake)
{
	return intake->id_text;
}

const char *intake_sender(const struct intake *intake)
{
	return intake->sender;
}
