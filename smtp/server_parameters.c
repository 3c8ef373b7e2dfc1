/* SPDX-License-Identifier: ISC */
#include "smtp/server_verbs.h"

#include <string.h>

#include "smtp/utf8.h"

/*
 * The parameters of MAIL and RCPT. One that belongs to an extension we do not announce does not
 * exist; none may come twice.
 */

enum verdict {
	GOOD,
	BAD,
	UNKNOWN, /* the parameter, or this value of it, is not ours to know */
};

struct parameter {
	const char *keyword;
	unsigned extension;
	enum verdict (*read)(struct smtp_server *m, struct span value);
};

static enum verdict read_size(struct smtp_server *m, struct span value)
{
	return span_number(value, &m->mail.size) ? GOOD : BAD;
}

static enum verdict read_body(struct smtp_server *m, struct span value)
{
	if (span_is(value, "BINARYMIME"))
		return UNKNOWN;
	m->mail.eight_bit = span_is(value, "8BITMIME");
	return m->mail.eight_bit || span_is(value, "7BIT") ? GOOD : BAD;
}

static enum verdict read_utf8(struct smtp_server *m, struct span value)
{
	m->mail.utf8 = true;
	return value.len == 0 ? GOOD : BAD;
}

static enum verdict read_ret(struct smtp_server *m, struct span value)
{
	if (span_is(value, "FULL"))
		m->mail.ret = SMTP_RET_FULL;
	else if (span_is(value, "HDRS"))
		m->mail.ret = SMTP_RET_HDRS;
	else
		return BAD;
	return GOOD;
}

static int hex_value(char c)
{
	/* RFC 3461 4: upper case only */
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/*
 * xtext (RFC 3461 4): printable ASCII but '+' and '=', and "+XX" for any byte. What
 * stands for a control character is refused: it can only be meant for whoever prints it
 * decoded.
 */
static bool is_xtext(struct span text, bool utf8)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.text[i];

		if (c == '+') {
			if (text.len - i < 3)
				return false;
			int high = hex_value(text.text[i + 1]);
			int low = hex_value(text.text[i + 2]);
			int value = high * 16 + low;

			if (high < 0 || low < 0 || value < ' ' || value == 127)
				return false;
			i += 2;
		} else if ((c < '!' || c > '~' || c == '=') &&
			   !(utf8 && (unsigned char)c > 127)) {
			return false;
		}
	}
	return text.len > 0 && (!utf8 || utf8_is_valid(text.text, text.len));
}

static enum verdict read_envid(struct smtp_server *m, struct span value)
{
	if (value.len > SMTP_ENVID_MAX || !is_xtext(value, false))
		return BAD;
	memcpy(m->mail.envid, value.text, value.len);
	m->mail.envid[value.len] = '\0';
	return GOOD;
}

/* Who submitted it, they say (RFC 4954 5). We trust nobody so far: "<>" is what we would
 * pass on. */
static enum verdict read_auth(struct smtp_server *m, struct span value)
{
	if (!smtp_server_has_auth(m))
		return UNKNOWN;
	return is_xtext(value, false) ? GOOD : BAD;
}

static enum verdict read_notify(struct smtp_server *m, struct span value)
{
	static const struct {
		const char *word;
		unsigned bit;
	} words[] = {
		{"NEVER", SMTP_NOTIFY_NEVER},
		{"SUCCESS", SMTP_NOTIFY_SUCCESS},
		{"FAILURE", SMTP_NOTIFY_FAILURE},
		{"DELAY", SMTP_NOTIFY_DELAY},
	};
	const char *at = value.text, *end = value.text + value.len;
	unsigned notify = 0;

	for (;;) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		const char *stop = comma ? comma : end;
		unsigned bit = 0;

		for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
			if (span_is((struct span){at, (size_t)(stop - at)},
				    words[i].word))
				bit = words[i].bit;
		if (!bit || (notify & bit))
			return BAD;
		notify |= bit;
		if (!comma)
			break;
		at = comma + 1;
	}
	m->rcpt.notify = notify;
	/* RFC 3461 4.1: NEVER stands alone */
	return notify & SMTP_NOTIFY_NEVER && notify != SMTP_NOTIFY_NEVER ? BAD : GOOD;
}

/* "rfc822;name+40old.example": any type, since we only hand it on (RFC 3461 4.2, RFC 6533
 * 3). */
static enum verdict read_orcpt(struct smtp_server *m, struct span value)
{
	const char *semicolon = memchr(value.text, ';', value.len);

	if (!semicolon || semicolon == value.text || value.len > SMTP_ORCPT_MAX)
		return BAD;
	struct span type = {value.text, (size_t)(semicolon - value.text)};
	struct span address = {semicolon + 1, value.len - type.len - 1};

	for (size_t i = 0; i < type.len; i++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			    "0123456789-.",
			    type.text[i]))
			return BAD;
	if (!is_xtext(address, m->mail.utf8 && span_is(type, "utf-8")))
		return BAD;
	memcpy(m->rcpt.orcpt, value.text, value.len);
	m->rcpt.orcpt[value.len] = '\0';
	return GOOD;
}

static const struct parameter mail_parameters[] = {
	{"SIZE", SMTP_EXT_SIZE, read_size},
	{"BODY", SMTP_EXT_8BITMIME, read_body},
	{"SMTPUTF8", SMTP_EXT_SMTPUTF8, read_utf8},
	{"RET", SMTP_EXT_DSN, read_ret},
	{"ENVID", SMTP_EXT_DSN, read_envid},
	{"AUTH", SMTP_EXT_AUTH, read_auth},
};

static const struct parameter rcpt_parameters[] = {
	{"NOTIFY", SMTP_EXT_DSN, read_notify},
	{"ORCPT", SMTP_EXT_DSN, read_orcpt},
};

struct table {
	const struct parameter *rows;
	size_t count;
};

static enum verdict take(
	struct smtp_server *m, struct table table, struct span parameters)
{
	struct span keyword, value;
	unsigned seen = 0;

	while (command_next_parameter(&parameters, &keyword, &value)) {
		size_t i = 0;

		while (i < table.count && !span_is(keyword, table.rows[i].keyword))
			i++;
		if (i == table.count || !smtp_server_has(m, table.rows[i].extension))
			return UNKNOWN;
		bool is_empty =
			value.len == 0 && value.text != keyword.text + keyword.len;

		if (is_empty || (seen & 1u << i))
			return BAD;
		seen |= 1u << i;
		enum verdict verdict = table.rows[i].read(m, value);

		if (verdict != GOOD)
			return verdict;
	}
	return GOOD;
}

static bool answer(struct smtp_server *m, enum verdict verdict)
{
	if (verdict == UNKNOWN)
		smtp_server_complain(m, 555, "5.5.4", "parameter not recognized");
	else if (verdict == BAD)
		smtp_server_complain(
			m, 501, "5.5.4", "bad value of a parameter, or given twice");
	return verdict == GOOD;
}

bool smtp_server_take_mail_parameters(struct smtp_server *m, struct span parameters)
{
	struct table table = {
		mail_parameters, sizeof mail_parameters / sizeof mail_parameters[0]};

	m->mail = (struct smtp_mail){0};
	return answer(m, take(m, table, parameters));
}

bool smtp_server_take_rcpt_parameters(struct smtp_server *m, struct span parameters)
{
	struct table table = {
		rcpt_parameters, sizeof rcpt_parameters / sizeof rcpt_parameters[0]};

	m->rcpt = (struct smtp_rcpt){0};
	return answer(m, take(m, table, parameters));
}
