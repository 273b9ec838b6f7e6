/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/log/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define PAIRS_MAX    4
#define LINE_MAX_LEN (64u << 10) /* bytes; a longer line is cut */

static struct {
	int fd;
	enum log_format format;
	enum log_level level;
	const char *name, *source;
	char *keys[PAIRS_MAX], *values[PAIRS_MAX];
	size_t n_pairs;
} sink = { .fd = -1, .level = LOG_LEVEL_INFO, .name = "kata", .source = "runtime" };

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARN] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

static const char *const agent_level_names[] = {
	[LOG_LEVEL_ERROR] = "ERRO",
	[LOG_LEVEL_WARN] = "WARN",
	[LOG_LEVEL_INFO] = "INFO",
	[LOG_LEVEL_DEBUG] = "DEBG",
};

void log_setup(int fd, enum log_format format, enum log_level level, const char *name,
	       const char *source)
{
	sink.fd = fd;
	sink.format = format;
	sink.level = level;
	sink.name = name;
	sink.source = source;
}

void log_add_pair(const char *key, const char *value)
{
	if (sink.n_pairs == PAIRS_MAX)
		return;
	sink.keys[sink.n_pairs] = xstrdup(key);
	sink.values[sink.n_pairs++] = xstrdup(value);
}

bool log_wants(enum log_level level)
{
	return sink.fd >= 0 && level <= sink.level;
}

/* JSON string escapes; logrus' quoting in text lines is the same for what we emit. */
static void add_quoted(struct str *line, const char *text)
{
	str_add(line, "\"");
	for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
		if (*at == '"' || *at == '\\')
			str_addf(line, "\\%c", *at);
		else if (*at == '\n')
			str_add(line, "\\n");
		else if (*at == '\t')
			str_add(line, "\\t");
		else if (*at < 0x20 || *at >= 0x7f)
			str_addf(line, "\\u%04x", *at);
		else
			str_add_n(line, at, 1);
	}
	str_add(line, "\"");
}

static bool is_plain(const char *text)
{
	static const char ok[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._/@^+";

	return *text && text[strspn(text, ok)] == '\0';
}

static void add_pair(struct str *line, const char *key, const char *value)
{
	if (sink.format != LOG_FORMAT_TEXT) {
		str_add(line, ",");
		add_quoted(line, key);
		str_add(line, ":");
		add_quoted(line, value);
		return;
	}
	str_addf(line, " %s=", key);
	if (is_plain(value))
		str_add(line, value);
	else
		add_quoted(line, value);
}

static void add_head(struct str *line, enum log_level level, const char *msg)
{
	char now[CLOCK_TEXT_MAX];
	char pid[16];

	clock_format(clock_real_ns(), now);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	switch (sink.format) {
	case LOG_FORMAT_TEXT:
		str_addf(line, "time=\"%s\" level=%s msg=", now, level_names[level]);
		add_quoted(line, msg);
		break;
	case LOG_FORMAT_JSON:
		str_addf(line, "{\"level\":\"%s\",\"msg\":", level_names[level]);
		add_quoted(line, msg);
		add_pair(line, "time", now);
		break;
	case LOG_FORMAT_AGENT:
		str_add(line, "{\"msg\":");
		add_quoted(line, msg);
		add_pair(line, "level", agent_level_names[level]);
		add_pair(line, "ts", now);
		add_pair(line, "version", KATA_VERSION);
		break;
	}
	add_pair(line, "name", sink.name);
	add_pair(line, "pid", pid);
	add_pair(line, "source", sink.source);
	for (size_t i = 0; i < sink.n_pairs; i++)
		add_pair(line, sink.keys[i], sink.values[i]);
}

void log_write(enum log_level level, const char *msg, ...)
{
	struct str line = { .max = LINE_MAX_LEN };
	const char *key;
	va_list ap;

	if (!log_wants(level))
		return;
	add_head(&line, level, msg);
	va_start(ap, msg);
	while ((key = va_arg(ap, const char *))) {
		const char *value = va_arg(ap, const char *);

		add_pair(&line, key, value ? value : "");
	}
	va_end(ap);
	str_add(&line, sink.format == LOG_FORMAT_TEXT ? "\n" : "}\n");
	(void)!write(sink.fd, str_get(&line), line.len); /* a full pipe loses the line, not us */
	str_done(&line);
}
