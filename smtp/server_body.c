/* SPDX-License-Identifier: ISC */
#include "smtp/server_verbs.h"

#include <string.h>

/*
 * Bodies. Behind DATA the unstuffer finds the end; a chunk (RFC 3030) has its length in
 * front, and exactly so many octets are taken, whatever becomes of the command: they
 * never are commands.
 *
 *   BDAT ─┬─ may come ──> pieces ──> 250, or SMTP_ASK_END behind LAST
 *         └─ refused ───> swallowed ──> refusal; the transaction is off
 *
 * A lost chunk loses the message: otherwise the next chunk would be taken for its
 * beginning.
 */

static void piece(struct smtp_server *m, struct smtp_question *question, size_t produced)
{
	question->ask = SMTP_ASK_BODY;
	question->text = m->body;
	question->len = produced;
}

/* Octets on the wire until the end of the largest message: ".CRLF" is no part of it (RFC 1870 5). */
static uint64_t wire_limit(const struct smtp_server *m)
{
	return m->options.size_limit + strlen(".\r\n");
}

size_t smtp_server_take_body(
	struct smtp_server *m, const char *in, size_t len, struct smtp_question *question)
{
	size_t used, produced;
	/* What is too much is read to its end, but given to nobody. */
	bool is_wanted = m->body_size < wire_limit(m);

	if (is_wanted && len > wire_limit(m) - m->body_size)
		len = (size_t)(wire_limit(m) - m->body_size);
	m->body_ended = smtp_unstuff(&m->unstuffer, in, len, &used, m->body,
				sizeof m->body, &produced) == SMTP_BODY_END;
	m->body_size += used;
	if (produced && is_wanted)
		piece(m, question, produced);
	return used;
}

static void drop_transaction(struct smtp_server *m, struct smtp_question *question)
{
	smtp_server_end_transaction(m);
	question->ask = SMTP_ASK_RESET;
}

void smtp_server_end_body(struct smtp_server *m, struct smtp_question *question)
{
	if (m->unstuffer.saw_bare_newline &&
		m->options.newlines == SMTP_NEWLINES_REJECT) {
		/* what follows may be the rest of somebody's smuggling: it is not read */
		drop_transaction(m, question);
		smtp_server_say_text(
			m, 550, "5.5.2", "the message has line ends that are not CRLF");
		smtp_server_say_text(m, 421, "4.7.0", "closing");
	} else if (m->body_size > wire_limit(m)) {
		drop_transaction(m, question);
		smtp_server_complain(m, 552, "5.3.4", "message is larger than we take");
	} else {
		smtp_server_ask(m, question, SMTP_ASK_END);
	}
}

/* "BDAT 90 LAST". False: nobody knows how many octets follow. */
static bool parse_bdat(struct smtp_server *m, struct span rest)
{
	struct span octets, last, extra;

	if (!command_next_word(&rest, &octets) || !span_number(octets, &m->chunk_left))
		return false;
	m->is_last_chunk = command_next_word(&rest, &last);
	return !m->is_last_chunk ||
	       (span_is(last, "LAST") && !command_next_word(&rest, &extra));
}

/* Why this chunk cannot come, or false. */
static bool find_refusal(const struct smtp_server *m, struct smtp_reply *refusal)
{
	if (m->phase == SMTP_PHASE_GREETING)
		smtp_reply_set(refusal, 503, "5.5.1", "EHLO must come first");
	else if (m->phase == SMTP_PHASE_READY)
		smtp_reply_set(refusal, 503, "5.5.1", "MAIL FROM must come first");
	else if (m->phase == SMTP_PHASE_MAIL && m->refused)
		smtp_reply_set(refusal, 554, "5.5.1", "no valid recipients");
	else if (m->phase == SMTP_PHASE_MAIL)
		smtp_reply_set(refusal, 503, "5.5.1", "RCPT TO must come first");
	else if (m->chunk_left > m->options.size_limit - m->body_size)
		smtp_reply_set(refusal, 552, "5.3.4", "message is larger than we take");
	else
		return false;
	return true;
}

void smtp_server_on_bdat(struct smtp_server *m, const struct command *command,
	struct smtp_question *question)
{
	struct smtp_reply refusal;

	if (!smtp_server_has(m, SMTP_EXT_CHUNKING)) {
		/* what follows it is not commands: we must not read on */
		smtp_server_say_text(m, 502, "5.5.1", "CHUNKING is not offered");
		smtp_server_say_text(m, 421, "4.7.0", "closing");
		return;
	}
	if (!parse_bdat(m, command->argument)) {
		smtp_server_say_text(m, 501, "5.5.4", "BDAT octets [LAST]");
		smtp_server_say_text(m, 421, "4.7.0", "closing");
		return;
	}
	if (m->chunk_left == 0 && !m->is_last_chunk)
		smtp_server_count_junk(m);
	m->in_chunk = true;
	if (find_refusal(m, &refusal))
		smtp_server_swallow_chunk(m, &refusal);
	else if (m->phase == SMTP_PHASE_RCPT)
		smtp_server_ask(m, question, SMTP_ASK_DATA);
}

void smtp_server_begin_chunks(struct smtp_server *m)
{
	m->phase = SMTP_PHASE_CHUNKS;
	smtp_unstuffer_init_chunked(&m->unstuffer);
}

void smtp_server_swallow_chunk(struct smtp_server *m, const struct smtp_reply *refusal)
{
	m->is_swallowed = true;
	m->refusal = *refusal;
	if (m->chunk_left <= SMTP_SWALLOW_MAX)
		return;
	smtp_server_say(m, refusal);
	smtp_server_say_text(m, 421, "4.7.0", "closing");
}

size_t smtp_server_take_chunk(
	struct smtp_server *m, const char *in, size_t len, struct smtp_question *question)
{
	size_t used = len < m->chunk_left ? len : (size_t)m->chunk_left, produced;

	if (!m->is_swallowed) {
		smtp_unstuff(&m->unstuffer, in, used, &used, m->body, sizeof m->body,
			&produced);
		m->body_size += used;
		if (produced)
			piece(m, question, produced);
	}
	m->chunk_left -= used;
	return used;
}

static void refuse_chunk(struct smtp_server *m, struct smtp_question *question)
{
	m->is_swallowed = false;
	if (m->phase > SMTP_PHASE_READY)
		drop_transaction(m, question);
	smtp_server_say(m, &m->refusal);
	if (smtp_reply_class(&m->refusal) == 5)
		smtp_server_count_error(m);
}

void smtp_server_end_chunk(struct smtp_server *m, struct smtp_question *question)
{
	size_t produced;

	if (m->is_swallowed) {
		m->in_chunk = false;
		refuse_chunk(m, question);
		return;
	}
	if (!m->is_last_chunk) {
		m->in_chunk = false;
		smtp_server_say_text(m, 250, "2.0.0", "octets received");
		return;
	}
	produced = smtp_unstuff_end(&m->unstuffer, m->body);
	if (produced) { /* then we come back */
		piece(m, question, produced);
		return;
	}
	m->in_chunk = false;
	smtp_server_end_body(m, question);
}
