/* SPDX-License-Identifier: ISC */
#include "smtp/address.h"

#include <string.h>
#include <strings.h>

#include "smtp/utf8.h"

static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* RFC 5322 3.2.3; a dot is allowed between atoms only. */
static bool is_atext(char c)
{
	return is_alphanumeric(c) || (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

/* The bytes above 127 of U-labels are let through when utf8 is set; their text is checked already. */
static bool is_domain(const char *text, size_t len, bool utf8)
{
	size_t label = 0;

	if (len == 0 || len > SMTP_DOMAIN_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '.') {
			if (label == 0 || text[i - 1] == '-')
				return false;
			label = 0;
			continue;
		}
		if (utf8 && (unsigned char)text[i] > 127) {
			label = label ? label : 1; /* 63 bytes are the limit of its A-label */
			continue;
		}
		if (text[i] == '-' ? label == 0
				   : !is_alphanumeric(text[i]) && text[i] != '_')
			return false;
		if (++label > 63)
			return false;
	}
	return label > 0 && text[len - 1] != '-';
}

bool smtp_domain_is_valid(const char *text, size_t len)
{
	return is_domain(text, len, false);
}

static bool is_ipv4(const char *text, size_t len)
{
	unsigned value = 0, digits = 0, dots = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '.') {
			if (!digits || ++dots > 3)
				return false;
			value = digits = 0;
		} else if (text[i] >= '0' && text[i] <= '9' && ++digits <= 3) {
			value = value * 10 + (unsigned)(text[i] - '0');
			if (value > 255)
				return false;
		} else {
			return false;
		}
	}
	return dots == 3 && digits;
}

/* Hexadecimal groups, at most one "::", perhaps an IPv4 tail (RFC 4291 2.2). */
static bool is_ipv6(const char *text, size_t len)
{
	size_t groups = 0, digits = 0, start = 0;
	bool gap = false;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == ':') {
			bool is_double = i + 1 < len && text[i + 1] == ':';

			if (is_double && gap)
				return false;
			if (!digits && !is_double && !(i > 0 && text[i - 1] == ':'))
				return false;
			gap = gap || is_double;
			groups += digits > 0;
			digits = 0;
			start = i + 1;
		} else if (text[i] == '.') {
			return is_ipv4(text + start, len - start) &&
			       (gap ? groups <= 5 : groups == 6);
		} else if (!(is_alphanumeric(text[i]) &&
				   strchr("0123456789abcdefABCDEF", text[i])) ||
			   ++digits > 4) {
			return false;
		}
	}
	if (len && text[len - 1] == ':' && !(len > 1 && text[len - 2] == ':'))
		return false;
	groups += digits > 0;
	return gap ? groups <= 7 : groups == 8;
}

bool smtp_domain_is_literal(const char *text, size_t len)
{
	static const char tag[] = "IPv6:";

	if (len < 2 || text[0] != '[' || text[len - 1] != ']')
		return false;
	text++;
	len -= 2;
	if (len > 5 && strncasecmp(text, tag, 5) == 0)
		return is_ipv6(text + 5, len - 5);
	return is_ipv4(text, len);
}

static bool is_utf8_byte(char c, bool utf8)
{
	return utf8 && (unsigned char)c > 127;
}

/* The length of the local part at the start of text, or 0: dot-string or quoted string. */
static size_t local_length(const char *text, size_t len, bool utf8)
{
	size_t i = 0;

	if (len && text[0] == '"') {
		for (i = 1; i < len && text[i] != '"'; i++) {
			if (text[i] == '\\')
				i++;
			if (i >= len || ((text[i] < ' ' || text[i] > '~') &&
						!is_utf8_byte(text[i], utf8)))
				return 0;
		}
		return i < len ? i + 1 : 0;
	}
	for (; i < len && text[i] != '@' && text[i] != '>'; i++)
		if (text[i] == '.' ? i == 0 || text[i - 1] == '.'
				   : !is_atext(text[i]) && !is_utf8_byte(text[i], utf8))
			return 0;
	return i && text[i - 1] != '.' ? i : 0;
}

static int parse_mailbox(
	struct smtp_address *address, const char *text, size_t len, bool utf8)
{
	size_t local = local_length(text, len, utf8);

	if (local == 0 || local > SMTP_LOCAL_MAX || local + 1 >= len ||
		text[local] != '@' ||
		len > SMTP_PATH_MAX - 2) /* without its angle brackets */
		return -1;
	const char *domain = text + local + 1;
	size_t domain_len = len - local - 1;

	if (!is_domain(domain, domain_len, utf8) &&
		!smtp_domain_is_literal(domain, domain_len))
		return -1;
	if (utf8 && !utf8_is_valid(text, len))
		return -1;
	memcpy(address->text, text, len);
	address->text[len] = '\0';
	address->len = (uint16_t)len;
	address->local_len = (uint16_t)local;
	return 0;
}

int smtp_mailbox_parse(struct smtp_address *address, const char *text, size_t len)
{
	return parse_mailbox(address, text, len, false);
}

/* The '>' that ends the path: not one inside a quoted string. */
static const char *path_end(const char *text, const char *end)
{
	bool quoted = false;

	for (; text < end; text++) {
		if (*text == '\\' && quoted)
			text++;
		else if (*text == '"')
			quoted = !quoted;
		else if (*text == '>' && !quoted)
			return text;
	}
	return NULL;
}

/* "@a,@b:" in front of the mailbox (RFC 5321 appendix C). Returns what is behind, or NULL. */
static const char *skip_source_route(const char *text, const char *end)
{
	if (text == end || *text != '@')
		return text;
	const char *colon = memchr(text, ':', (size_t)(end - text));

	while (colon && text < colon) {
		const char *comma = memchr(text, ',', (size_t)(colon - text));
		const char *stop = comma && comma + 1 < colon ? comma : colon;

		if (*text != '@' ||
			!smtp_domain_is_valid(text + 1, (size_t)(stop - text - 1)))
			return NULL;
		text = stop == colon ? colon : stop + 1;
	}
	return colon ? colon + 1 : NULL;
}

static int parse_path(
	struct smtp_address *address, const char *text, size_t len, bool utf8)
{
	static const char postmaster[] = "postmaster";
	const char *start = text, *end = text + len;

	memset(address, 0, sizeof *address);
	while (start < end && *start == ' ')
		start++;
	if (start == end || *start++ != '<')
		return -1;
	const char *close = path_end(start, end);

	if (!close)
		return -1;
	if (close == start)
		return (int)(close + 1 - text);
	if (close - start == sizeof postmaster - 1 &&
		strncasecmp(start, postmaster, sizeof postmaster - 1) == 0) {
		/* RFC 5321 4.5.1: the one mailbox without a domain */
		memcpy(address->text, start, sizeof postmaster - 1);
		address->len = address->local_len = sizeof postmaster - 1;
		return (int)(close + 1 - text);
	}
	start = skip_source_route(start, close);
	if (!start || parse_mailbox(address, start, (size_t)(close - start), utf8) != 0)
		return -1;
	return (int)(close + 1 - text);
}

int smtp_path_parse(struct smtp_address *address, const char *text, size_t len)
{
	return parse_path(address, text, len, false);
}

int smtp_path_parse_utf8(struct smtp_address *address, const char *text, size_t len)
{
	return parse_path(address, text, len, true);
}

bool smtp_address_is_utf8(const struct smtp_address *address)
{
	return !utf8_is_ascii(address->text, address->len);
}

const char *smtp_address_domain(const struct smtp_address *address)
{
	return address->len > address->local_len ? address->text + address->local_len + 1
	                                         : "";
}

bool smtp_address_is_null(const struct smtp_address *address)
{
	return address->len == 0;
}

const char *smtp_mailbox_domain(const char *mailbox)
{
	const char *at = strrchr(mailbox, '@'); /* the local part may hold one too */

	return at ? at + 1 : "";
}

bool smtp_mailbox_is_ascii(const char *mailbox)
{
	while (*mailbox && (unsigned char)*mailbox < 128)
		mailbox++;
	return !*mailbox;
}
