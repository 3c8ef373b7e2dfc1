/* SPDX-License-Identifier: ISC */
#include "smtp/author.h"

/*
 *   TEXT ──'@'──> DOMAIN <──'.'──> GAP ──word──> REST        ',' ';' '>' or the end, with a domain:
 *    │  ^           space ────────> │                        ──> KNOWN, the rest does not matter
 *    v  │
 *   ENCODED      '<' and ':' (a group's name, a source route) begin the address anew
 *
 * An address in angle brackets counts more than what looks like one in the name before it. Comments
 * and quoted strings are passed over in every state.
 */

void smtp_author_init(struct smtp_author *author)
{
	*author = (struct smtp_author){.state = SMTP_AUTHOR_TEXT};
}

static void begin_address(struct smtp_author *author)
{
	smtp_domain_clear(&author->domain);
	author->state = SMTP_AUTHOR_TEXT;
}

static void end_address(struct smtp_author *author)
{
	author->in_angle = false;
	if (smtp_domain_finish(&author->domain))
		author->state = SMTP_AUTHOR_KNOWN;
	else
		begin_address(author);
}

/* Comments, quoted strings and escapes in either. Returns true when c was part of one. */
static bool take_hidden(struct smtp_author *author, char c)
{
	if (author->is_escaped) {
		author->is_escaped = false;
		return true;
	}
	if (!author->comments && !author->in_quotes)
		return false;
	if (c == '\\')
		author->is_escaped = true;
	else if (author->in_quotes)
		author->in_quotes = c != '"';
	else if (c == '(')
		author->comments++;
	else if (c == ')')
		author->comments--;
	return true;
}

/* A space or a comment: only a dot before or behind it joins two parts of a domain (RFC 5322 4.4). */
static void take_space(struct smtp_author *author)
{
	if (author->state == SMTP_AUTHOR_DOMAIN && author->domain.len)
		author->state = SMTP_AUTHOR_GAP;
}

/* "=?utf-8?q?Doe,_Ann?=": what is inside is no syntax, though it should not look like it. */
static void take_encoded(struct smtp_author *author, char c)
{
	if (c == '?')
		author->marks++;
	else if (c == ' ' || c == '\t' ||
		 (c == '=' && author->before == '?' && author->marks >= 3))
		author->state = SMTP_AUTHOR_TEXT;
}

static void take_text(struct smtp_author *author, char c)
{
	if (c == '\\') {
		author->is_escaped = true; /* RFC 5322 4.1: obsolete outside of quotes */
	} else if (c == '?' && author->before == '=' && !author->in_angle) {
		author->state = SMTP_AUTHOR_ENCODED;
		author->marks = 0;
	}
}

/* A byte that is no syntax. */
static void take_word(struct smtp_author *author, char c)
{
	const struct smtp_domain *domain = &author->domain;

	switch (author->state) {
	case SMTP_AUTHOR_TEXT:
		take_text(author, c);
		break;
	case SMTP_AUTHOR_GAP:
		if (c != '.' && domain->text[domain->len - 1] != '.') {
			author->state = SMTP_AUTHOR_REST;
			break;
		}
		author->state = SMTP_AUTHOR_DOMAIN;
		smtp_domain_add(&author->domain, c);
		break;
	case SMTP_AUTHOR_DOMAIN:
		smtp_domain_add(&author->domain, c);
		break;
	default:
		break;
	}
}

static void take_syntax(struct smtp_author *author, char c)
{
	switch (c) {
	case ' ':
	case '\t':
		take_space(author);
		break;
	case '(':
		take_space(author);
		author->comments = 1;
		break;
	case '"':
		author->in_quotes = true;
		if (author->state == SMTP_AUTHOR_DOMAIN)
			author->domain.is_bad = true;
		break;
	case '<':
		begin_address(author);
		author->in_angle = true;
		break;
	case ',':
		if (author->in_angle) /* "<@a,@b:ann@corp.example>" */
			begin_address(author);
		else
			end_address(author);
		break;
	case '>':
	case ';':
		end_address(author);
		break;
	case ':':
		begin_address(author);
		break;
	case '@':
		begin_address(author);
		author->state = SMTP_AUTHOR_DOMAIN;
		break;
	default:
		take_word(author, c);
		break;
	}
}

void smtp_author_take(struct smtp_author *author, char c)
{
	if (author->state == SMTP_AUTHOR_KNOWN)
		return;
	if (author->state == SMTP_AUTHOR_ENCODED)
		take_encoded(author, c);
	else if (!take_hidden(author, c))
		take_syntax(author, c);
	author->before = c;
}

void smtp_author_end(struct smtp_author *author)
{
	if (author->state != SMTP_AUTHOR_KNOWN)
		end_address(author);
}

const char *smtp_author_domain(const struct smtp_author *author)
{
	return author->state == SMTP_AUTHOR_KNOWN ? author->domain.text : "";
}
