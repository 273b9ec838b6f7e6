/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/persist/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define HEADER "kata-journal 1\n"

static const char *const kind_names[] = {
	[JOURNAL_PROCESS] = "process",
	[JOURNAL_MOUNT] = "mount",
	[JOURNAL_DIR] = "dir",
	[JOURNAL_CGROUP] = "cgroup",
	[JOURNAL_NETWORK] = "network",
};

struct journal {
	int fd;
	uint64_t last_seq;
};

struct journal *journal_create(const char *dir, struct err *err)
{
	scoped_free char *path = xasprintf("%s/journal", dir);
	scoped_fd int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct journal *journal;

	if (fd < 0) {
		err_sys(err, errno, "create '%s'", path);
		return NULL;
	}
	if (write_all(fd, HEADER, strlen(HEADER), err) < 0) {
		err_wrap(err, "write '%s'", path);
		return NULL;
	}
	journal = xnew(struct journal);
	journal->fd = take_fd(&fd);
	return journal;
}

void journal_free(struct journal *journal)
{
	if (!journal)
		return;
	close_fd(&journal->fd);
	free(journal);
}

static void add_encoded(struct str *line, const char *text)
{
	for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
		if (*at <= ' ' || *at == '%' || *at >= 0x7f)
			str_addf(line, "%%%02x", *at);
		else
			str_add_n(line, at, 1);
	}
}

/* The reverse; false on a broken escape or a NUL. */
static bool decode(char *text)
{
	char *to = text;

	for (const char *at = text; *at; at++) {
		unsigned int byte;
		char hex[3];

		if (*at != '%') {
			*to++ = *at;
			continue;
		}
		if (!at[1] || !at[2])
			return false;
		memcpy(hex, at + 1, 2);
		hex[2] = '\0';
		if (strspn(hex, "0123456789abcdef") != 2)
			return false;
		byte = (unsigned int)strtoul(hex, NULL, 16);
		if (byte == 0)
			return false;
		*to++ = (char)byte;
		at += 2;
	}
	*to = '\0';
	return true;
}

/* One write() a record: with O_APPEND a crash leaves at worst one torn tail. */
static uint64_t append(struct journal *journal, struct str *line, struct err *err)
{
	uint64_t seq = 0;

	str_add(line, "\n");
	if (write_all(journal->fd, str_get(line), line->len, err) < 0)
		err_wrap(err, "write journal");
	else
		seq = journal->last_seq;
	str_done(line);
	return seq;
}

uint64_t journal_add(struct journal *journal, enum journal_kind kind, const char *text, struct err *err)
{
	struct str line = { 0 };

	str_addf(&line, "+ %llu %s ", (unsigned long long)++journal->last_seq, kind_names[kind]);
	add_encoded(&line, text);
	return append(journal, &line, err);
}

uint64_t journal_add_process(struct journal *journal, const char *name, pid_t pid,
			     uint64_t start_ticks, struct err *err)
{
	struct str line = { 0 };

	str_addf(&line, "+ %llu %s ", (unsigned long long)++journal->last_seq,
		 kind_names[JOURNAL_PROCESS]);
	add_encoded(&line, name);
	str_addf(&line, " %d %llu", (int)pid, (unsigned long long)start_ticks);
	return append(journal, &line, err);
}

void journal_strike(struct journal *journal, uint64_t seq)
{
	char line[32];
	struct err ignored = ERR_INIT;
	int n;

	if (!journal || seq == 0)
		return;
	n = snprintf(line, sizeof(line), "- %llu\n", (unsigned long long)seq);
	(void)write_all(journal->fd, line, (size_t)n, &ignored);
}

static int find_kind(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(kind_names); i++)
		if (strcmp(name, kind_names[i]) == 0)
			return (int)i;
	return -1;
}

/* "+ SEQ KIND TEXT [PID START]", split in place. */
static bool parse_add(char *line, struct journal_entry *ret)
{
	unsigned long long seq, pid, start;
	char *save = NULL;
	const char *seq_text = strtok_r(line, " ", &save);
	const char *kind_text = strtok_r(NULL, " ", &save);
	char *text = strtok_r(NULL, " ", &save);
	const char *pid_text = strtok_r(NULL, " ", &save);
	const char *start_text = strtok_r(NULL, " ", &save);
	int kind = kind_text ? find_kind(kind_text) : -1;

	if (kind < 0 || !text || !parse_u64(seq_text, UINT64_MAX, &seq) || !decode(text))
		return false;
	*ret = (struct journal_entry){ .seq = seq, .kind = (enum journal_kind)kind };
	if (kind == JOURNAL_PROCESS) {
		if (!pid_text || !start_text || !parse_u64(pid_text, INT32_MAX, &pid) || pid < 2 ||
		    !parse_u64(start_text, UINT64_MAX, &start))
			return false;
		ret->pid = (pid_t)pid;
		ret->start_ticks = start;
	} else if (pid_text || (kind != JOURNAL_NETWORK && text[0] != '/')) {
		return false;
	}
	ret->text = xstrdup(text);
	return true;
}

static void drop_entry(struct journal_entry *entries, size_t *n, uint64_t seq)
{
	for (size_t i = 0; i < *n; i++) {
		if (entries[i].seq != seq)
			continue;
		free(entries[i].text);
		memmove(&entries[i], &entries[i + 1], (*n - i - 1) * sizeof(*entries));
		(*n)--;
		return;
	}
}

void journal_entries_free(struct journal_entry *entries, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(entries[i].text);
	free(entries);
}

int journal_parse(const char *text, size_t len, struct journal_entry **ret, size_t *ret_n,
		  struct err *err)
{
	scoped_free char *copy = xstrndup(text, len);
	struct journal_entry *entries = NULL;
	size_t n = 0;
	char *line = copy, *end;

	if (!str_starts(copy, HEADER)) {
		/* A crash may have come between creating the file and its first line. */
		if (len < strlen(HEADER) && strncmp(copy, HEADER, len) == 0) {
			*ret = NULL;
			*ret_n = 0;
			return 0;
		}
		return err_set(err, ERR_INVALID, "read journal: not of a version known here");
	}
	for (line += strlen(HEADER); (end = strchr(line, '\n')); line = end + 1) {
		struct journal_entry entry;
		unsigned long long seq;

		*end = '\0';
		if (str_starts(line, "+ ") && parse_add(line + 2, &entry)) {
			entries = xrealloc(entries, n + 1, sizeof(*entries));
			entries[n++] = entry;
		} else if (str_starts(line, "- ") && parse_u64(line + 2, UINT64_MAX, &seq)) {
			drop_entry(entries, &n, seq);
		} else {
			journal_entries_free(entries, n);
			return err_set(err, ERR_INVALID, "read journal: line not understood");
		}
	}
	*ret = entries;
	*ret_n = n;
	return 0;
}

int journal_load(const char *dir, struct journal_entry **ret, size_t *ret_n, struct err *err)
{
	scoped_free char *path = xasprintf("%s/journal", dir);
	scoped_free char *text = NULL;
	size_t len;

	if (file_read(path, JOURNAL_MAX, &text, &len, err) < 0)
		return -1;
	if (journal_parse(text, len, ret, ret_n, err) < 0)
		return err_wrap(err, "'%s'", path);
	return 0;
}
