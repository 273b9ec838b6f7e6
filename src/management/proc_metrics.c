/* SPDX-License-Identifier: Apache-2.0 */
#include "management/proc_metrics.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define PROC_FILE_MAX (256u << 10)
#define CHILDREN_MAX  8
#define FDS_MAX       100000u /* counted one by one where the kernel does not tell */

/* proc(5), numbers of /proc/PID/stat counted from the state behind the name */
enum { STAT_UTIME = 11, STAT_STIME, STAT_CUTIME, STAT_CSTIME, STAT_THREADS = 17, STAT_FIELDS };

static void add_head(struct str *out, const struct proc_metrics *p, const char *name,
		     const char *help)
{
	str_addf(out, "# HELP %s_%s %s %s.\n# TYPE %s_%s gauge\n", p->prefix, name, p->who, help,
		 p->prefix, name);
}

static void add_item(struct str *out, const struct proc_metrics *p, const char *name,
		     const char *item, uint64_t value)
{
	str_addf(out, "%s_%s{item=\"%s\"} %" PRIu64 "\n", p->prefix, name, item, value);
}

static void add_one(struct str *out, const struct proc_metrics *p, const char *name,
		    const char *help, uint64_t value)
{
	add_head(out, p, name, help);
	str_addf(out, "%s_%s %" PRIu64 "\n", p->prefix, name, value);
}

/* "Key: 12 kB" or "key: 12". Moves *text behind the line; false: not of that form. */
static bool take_line(const char **text, char *key, size_t key_size, uint64_t *ret)
{
	unsigned long long value;
	char unit[4] = "";
	const char *line = *text;
	size_t len = strcspn(line, ":\n");

	*text += strcspn(line, "\n");
	*text += **text == '\n';
	if (line[len] != ':' || len == 0 || len >= key_size ||
	    sscanf(line + len + 1, "%llu%*[ ]%3[a-zA-Z]", &value, unit) < 1)
		return false;
	memcpy(key, line, len);
	key[len] = '\0';
	*ret = strcmp(unit, "kB") == 0 ? (uint64_t)value * 1024 : (uint64_t)value;
	return true;
}

static void make_lower(char *text)
{
	for (; *text; text++)
		*text = (char)tolower((unsigned char)*text);
}

/* Kata has these without the underscores: "readbytes". */
static void drop_underscores(char *text)
{
	char *to = text;

	for (; *text; text++)
		if (*text != '_')
			*to++ = *text;
	*to = '\0';
}

void proc_metrics_add_status(struct str *out, const struct proc_metrics *p, const char *text)
{
	char key[64];
	uint64_t value;

	add_head(out, p, "proc_status", "status");
	while (*text) {
		if (!take_line(&text, key, sizeof(key), &value))
			continue;
		if (str_starts(key, "Vm") || str_starts(key, "Rss") ||
		    strcmp(key, "HugetlbPages") == 0 || str_ends(key, "_ctxt_switches")) {
			make_lower(key);
			add_item(out, p, "proc_status", key, value);
		}
	}
}

void proc_metrics_add_io(struct str *out, const struct proc_metrics *p, const char *text)
{
	char key[64];
	uint64_t value;

	add_head(out, p, "io_stat", "I/O statistics");
	while (*text) {
		if (!take_line(&text, key, sizeof(key), &value))
			continue;
		drop_underscores(key);
		add_item(out, p, "io_stat", key, value);
	}
}

/* The name of a program may hold anything, so the last ")" counts. */
static bool read_stat(const char *text, uint64_t fields[static STAT_FIELDS])
{
	const char *at = strrchr(text, ')');
	size_t i = 0;

	if (!at)
		return false;
	at++;
	for (; i < STAT_FIELDS && *at; i++) {
		unsigned long long value = 0;

		at += strspn(at, " ");
		(void)sscanf(at, "%llu", &value); /* the state is a letter, some are negative */
		fields[i] = value;
		at += strcspn(at, " ");
	}
	return i == STAT_FIELDS;
}

void proc_metrics_add_stat(struct str *out, const struct proc_metrics *p, const char *text)
{
	uint64_t fields[STAT_FIELDS];

	if (!read_stat(text, fields))
		return;
	add_one(out, p, "threads", "threads", fields[STAT_THREADS]);
	add_head(out, p, "proc_stat", "statistics");
	add_item(out, p, "proc_stat", "cstime", fields[STAT_CSTIME]);
	add_item(out, p, "proc_stat", "cutime", fields[STAT_CUTIME]);
	add_item(out, p, "proc_stat", "stime", fields[STAT_STIME]);
	add_item(out, p, "proc_stat", "utime", fields[STAT_UTIME]);
}

/* A device may be named by whoever has CAP_NET_ADMIN in that namespace. */
static bool is_plain(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] > '~' || name[i] == '"' || name[i] == '\\')
			return false;
	return len > 0;
}

static void add_device(struct str *out, const struct proc_metrics *p, const char *line)
{
	static const char *const items[] = {
		"recv_bytes", "recv_packets", "recv_errs",       "recv_drop",
		"recv_fifo",  "recv_frame",   "recv_compressed", "recv_multicast",
		"sent_bytes", "sent_packets", "sent_errs",       "sent_drop",
		"sent_fifo",  "sent_colls",   "sent_carrier",    "sent_compressed",
	};
	const char *name = line + strspn(line, " ");
	size_t len = strcspn(name, ":\n");
	const char *at = name + len + 1;

	if (name[len] != ':' || !is_plain(name, len))
		return;
	for (size_t i = 0; i < ARRAY_LEN(items); i++) {
		unsigned long long value;
		int n = 0;

		if (sscanf(at, "%*[ ]%llu%n", &value, &n) != 1 &&
		    sscanf(at, "%llu%n", &value, &n) != 1)
			return;
		at += n;
		str_addf(out, "%s_netdev{interface=\"%.*s\",item=\"%s\"} %llu\n", p->prefix,
			 (int)len, name, items[i], value);
	}
}

void proc_metrics_add_netdev(struct str *out, const struct proc_metrics *p, const char *text)
{
	add_head(out, p, "netdev", "network devices");
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n')
		add_device(out, p, text);
}

/* --- of a living process --- */

static char *read_of(pid_t pid, const char *file)
{
	scoped_free char *path = xasprintf("/proc/%d/%s", (int)pid, file);
	struct err gone = ERR_INIT;
	char *text = NULL;

	return file_read(path, PROC_FILE_MAX, &text, NULL, &gone) == 0 ? text : NULL;
}

/* Since Linux 6.2 the directory's size is the count. */
static bool count_fds(pid_t pid, uint64_t *ret)
{
	scoped_free char *path = xasprintf("/proc/%d/fd", (int)pid);
	struct stat st;
	uint64_t n = 0;
	DIR *dir;

	if (stat(path, &st) < 0)
		return false;
	*ret = (uint64_t)st.st_size;
	if (st.st_size > 0)
		return true;
	dir = opendir(path);
	if (!dir)
		return false;
	for (const struct dirent *e; n < FDS_MAX && (e = readdir(dir));)
		n += e->d_name[0] != '.';
	closedir(dir);
	*ret = n;
	return true;
}

typedef void add_text(struct str *out, const struct proc_metrics *p, const char *text);

static void add_file(struct str *out, const struct proc_metrics *p, const char *file, add_text *add)
{
	scoped_free char *text = read_of(p->pid, file);

	if (text)
		add(out, p, text);
}

void proc_metrics_add(struct str *out, const struct proc_metrics *p)
{
	uint64_t n_fds;

	if (!p->pid)
		return;
	if (count_fds(p->pid, &n_fds))
		add_one(out, p, "fds", "open FDs", n_fds);
	add_file(out, p, "stat", proc_metrics_add_stat);
	add_file(out, p, "status", proc_metrics_add_status);
	add_file(out, p, "io", proc_metrics_add_io);
	if (p->netdev)
		add_file(out, p, "net/dev", proc_metrics_add_netdev);
}

/* --- what it uses --- */

static size_t read_children(pid_t pid, pid_t ret[static CHILDREN_MAX])
{
	scoped_free char *file = xasprintf("task/%d/children", (int)pid);
	scoped_free char *text = read_of(pid, file);
	const char *at = text;
	size_t n = 0;
	int child, len;

	while (at && n < CHILDREN_MAX && sscanf(at, "%d%n", &child, &len) == 1) {
		ret[n++] = child;
		at += len;
	}
	return n;
}

static uint64_t read_cpu_ns(pid_t pid)
{
	scoped_free char *text = read_of(pid, "stat");
	const uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);
	uint64_t fields[STAT_FIELDS];

	if (!text || !read_stat(text, fields))
		return 0;
	return (fields[STAT_UTIME] + fields[STAT_STIME]) * (NS_PER_SEC / hz);
}

static uint64_t read_memory(pid_t pid)
{
	scoped_free char *text = read_of(pid, "smaps_rollup");
	const char *at = text;
	char key[64];
	uint64_t value;

	while (at && *at)
		if (take_line(&at, key, sizeof(key), &value) && strcmp(key, "Pss") == 0)
			return value;
	return 0;
}

static void add_process(struct proc_usage *sum, pid_t pid)
{
	sum->cpu_ns += read_cpu_ns(pid);
	sum->memory_bytes += read_memory(pid);
}

void proc_usage_add(struct proc_usage *sum, pid_t pid)
{
	pid_t children[CHILDREN_MAX];
	size_t n = pid ? read_children(pid, children) : 0;

	if (pid)
		add_process(sum, pid);
	for (size_t i = 0; i < n; i++)
		add_process(sum, children[i]);
}

pid_t proc_worker(pid_t pid)
{
	pid_t children[CHILDREN_MAX];

	return pid && read_children(pid, children) == 1 ? children[0] : pid;
}
