/* SPDX-License-Identifier: Apache-2.0 */
#include "management/guest_metrics.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define NAME_MAX_    160u /* bytes of a metric's name */
#define NUMBER_MAX_  40u
#define EXPONENT_MAX 200 /* with NUMBER_MAX_ digits in front still a number */
#define TIME_DIGITS  18u
#define LABELS_MAX   16u
#define RENAMED      "process_"
#define RENAME_TO    "kata_agent_"

struct filter {
	struct str *out;
	char seen[GUEST_FAMILIES_MAX][NAME_MAX_ + 1]; /* families, the last is the present one */
	size_t n_seen;
	bool typed, helped, sampled; /* of the present one */
};

/* A line being read; everything ends at end. */
struct line {
	const char *at, *end;
};

static bool take(struct line *l, char c)
{
	if (l->at == l->end || *l->at != c)
		return false;
	l->at++;
	return true;
}

static bool take_word(struct line *l, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(l->end - l->at) < len || memcmp(l->at, word, len) != 0)
		return false;
	l->at += len;
	return true;
}

static void skip_blanks(struct line *l)
{
	while (l->at < l->end && (*l->at == ' ' || *l->at == '\t'))
		l->at++;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A name's length; 0: there is none. */
static size_t take_name(struct line *l, bool colons)
{
	const char *start = l->at;

	while (l->at < l->end && (is_letter(*l->at) || (colons && *l->at == ':') ||
				  (l->at > start && is_digit(*l->at))))
		l->at++;
	return (size_t)(l->at - start);
}

/* Of the guest, and complete: into name as it shall be called. */
static bool take_metric(struct line *l, char name[static NAME_MAX_ + 1])
{
	const char *start = l->at;
	size_t len = take_name(l, true);
	size_t before = 0;

	if (len > strlen(RENAMED) && memcmp(start, RENAMED, strlen(RENAMED)) == 0) {
		before = strlen(RENAME_TO);
		memcpy(name, RENAME_TO, before);
	}
	if (len == 0 || before + len > NAME_MAX_)
		return false;
	memcpy(name + before, start, len);
	name[before + len] = '\0';
	return str_starts(name, "kata_agent_") || str_starts(name, "kata_guest_");
}

/* Printable ASCII, with \\ \" and \n as the only escapes. */
static bool take_value_of_label(struct line *l)
{
	if (!take(l, '"'))
		return false;
	while (l->at < l->end && *l->at != '"') {
		if (*l->at < ' ' || *l->at > '~')
			return false;
		if (*l->at++ != '\\')
			continue;
		if (!take(l, '\\') && !take(l, '"') && !take(l, 'n'))
			return false;
	}
	return take(l, '"');
}

static size_t take_digits(struct line *l)
{
	const char *start = l->at;

	while (l->at < l->end && is_digit(*l->at))
		l->at++;
	return (size_t)(l->at - start);
}

static bool take_exponent(struct line *l)
{
	int value = 0;

	if (!take(l, '-'))
		(void)take(l, '+');
	if (l->at == l->end || !is_digit(*l->at))
		return false;
	for (; l->at < l->end && is_digit(*l->at) && value <= EXPONENT_MAX; l->at++)
		value = 10 * value + (*l->at - '0');
	return value <= EXPONENT_MAX;
}

static bool take_number(struct line *l)
{
	const char *start = l->at;
	size_t n;

	if (take_word(l, "NaN"))
		return true;
	if (!take(l, '-'))
		(void)take(l, '+');
	if (take_word(l, "Inf"))
		return true;
	n = take_digits(l);
	if (take(l, '.'))
		n += take_digits(l);
	if (n == 0)
		return false;
	if ((take(l, 'e') || take(l, 'E')) && !take_exponent(l))
		return false;
	return (size_t)(l->at - start) <= NUMBER_MAX_;
}

/* --- labels --- */

struct label {
	struct line name, value; /* the value without its quotes */
};

static bool is_word(const struct line *l, const char *word)
{
	return (size_t)(l->end - l->at) == strlen(word) && memcmp(l->at, word, strlen(word)) == 0;
}

static bool is_same(const struct line *a, const struct line *b)
{
	return a->end - a->at == b->end - b->at &&
	       memcmp(a->at, b->at, (size_t)(a->end - a->at)) == 0;
}

static bool take_label(struct line *l, struct label *ret)
{
	ret->name.at = l->at;
	if (take_name(l, false) == 0)
		return false;
	ret->name.end = l->at;
	if (!take(l, '='))
		return false;
	ret->value.at = l->at + 1;
	if (!take_value_of_label(l))
		return false;
	ret->value.end = l->at - 1;
	return true;
}

/* What a scraper reads more into than a text, and would stumble over. */
static bool is_fine(const struct label *label)
{
	struct line value = label->value;

	if (label->name.end - label->name.at >= 2 && memcmp(label->name.at, "__", 2) == 0)
		return false;
	if (is_word(&label->name, "le") || is_word(&label->name, "quantile"))
		return take_number(&value) && value.at == value.end;
	return true;
}

static bool take_labels(struct line *l)
{
	struct label labels[LABELS_MAX];
	size_t n = 0;

	if (!take(l, '{'))
		return true;
	do {
		skip_blanks(l);
		if (l->at < l->end && *l->at == '}')
			break;
		if (n == LABELS_MAX || !take_label(l, &labels[n]) || !is_fine(&labels[n]))
			return false;
		for (size_t i = 0; i < n; i++)
			if (is_same(&labels[i].name, &labels[n].name))
				return false;
		n++;
		skip_blanks(l);
	} while (take(l, ','));
	return take(l, '}');
}

static bool is_whole(struct line *l)
{
	skip_blanks(l);
	return l->at == l->end;
}

/* --- families --- */

static bool is_part_of(const char *name, const char *family)
{
	static const char *const parts[] = { "", "_bucket", "_sum", "_count" };
	size_t len = strlen(family);

	if (strncmp(name, family, len) != 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (strcmp(name + len, parts[i]) == 0)
			return true;
	return false;
}

static char *present(struct filter *f)
{
	return f->n_seen ? f->seen[f->n_seen - 1] : NULL;
}

/* False: it came before, or there are too many. */
static bool enter(struct filter *f, const char *name)
{
	for (size_t i = 0; i < f->n_seen; i++)
		if (is_part_of(name, f->seen[i]) || is_part_of(f->seen[i], name))
			return false;
	if (f->n_seen == GUEST_FAMILIES_MAX)
		return false;
	strcpy(f->seen[f->n_seen++], name); /* both have room for NAME_MAX_ */
	f->typed = f->helped = f->sampled = false;
	return true;
}

/* --- lines --- */

static bool is_type(struct line l)
{
	static const char *const types[] = { "counter", "gauge", "histogram", "summary",
					     "untyped" };

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct line rest = l;

		if (take_word(&rest, types[i]) && is_whole(&rest))
			return true;
	}
	return false;
}

static bool is_help(struct line l)
{
	for (; l.at < l.end; l.at++)
		if (*l.at < ' ' || *l.at > '~' || *l.at == '\\')
			return false;
	return true;
}

static void emit(struct filter *f, const char *before, const char *name, struct line rest)
{
	str_add(f->out, before);
	str_add(f->out, name);
	str_add_n(f->out, rest.at, (size_t)(rest.end - rest.at));
	str_add(f->out, "\n");
}

static bool pass_comment(struct filter *f, struct line l, bool type)
{
	char name[NAME_MAX_ + 1];
	bool *had = type ? &f->typed : &f->helped;
	struct line rest;

	if (!take_metric(&l, name))
		return false;
	rest = l;
	if (!take(&l, ' ') || !(type ? is_type(l) : is_help(l)))
		return false;
	if (!present(f) || strcmp(present(f), name) != 0) {
		if (!enter(f, name))
			return false;
	} else if (*had || f->sampled) {
		return false;
	}
	*had = true;
	emit(f, type ? "# TYPE " : "# HELP ", name, rest);
	return true;
}

static bool pass_sample(struct filter *f, struct line l)
{
	char name[NAME_MAX_ + 1];
	struct line rest;

	if (!take_metric(&l, name))
		return false;
	rest = l;
	skip_blanks(&l);
	if (!take_labels(&l))
		return false;
	skip_blanks(&l);
	if (l.at == rest.at || !take_number(&l))
		return false;
	if (!is_whole(&l)) { /* a time stamp in milliseconds */
		size_t digits;

		(void)take(&l, '-');
		digits = take_digits(&l);
		if (digits == 0 || digits > TIME_DIGITS || !is_whole(&l))
			return false;
	}
	if ((!present(f) || !is_part_of(name, present(f))) && !enter(f, name))
		return false;
	f->sampled = true;
	emit(f, "", name, rest);
	return true;
}

static bool pass_line(struct filter *f, struct line l)
{
	if (l.end - l.at > (ptrdiff_t)GUEST_LINE_MAX)
		return false;
	if (take_word(&l, "# TYPE "))
		return pass_comment(f, l, true);
	if (take_word(&l, "# HELP "))
		return pass_comment(f, l, false);
	return pass_sample(f, l);
}

void guest_metrics_add(struct str *out, const char *text, size_t len)
{
	struct filter *f = xnew(struct filter);
	const char *end = text + MIN(len, (size_t)GUEST_METRICS_MAX);
	size_t n_dropped = 0;

	f->out = out;
	while (text < end && n_dropped < GUEST_DROPS_MAX) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));

		if (!stop)
			break; /* cut short, here or on the way */
		n_dropped += !pass_line(f, (struct line){ .at = text, .end = stop });
		text = stop + 1;
	}
	free(f);
}
