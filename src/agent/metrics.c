/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/metrics.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/fs.h"
#include "lib/base/mem.h"

#define PROC_FILE_MAX (1u << 20)
#define FIELDS_MAX    24

static void add_type(struct str *out, const char *name, const char *type)
{
	str_addf(out, "# TYPE %s %s\n", name, type);
}

static void add_one(struct str *out, const char *name, const char *type, unsigned long long value)
{
	add_type(out, name, type);
	str_addf(out, "%s %llu\n", name, value);
}

/* Lower case; what a label's value should not hold becomes '_'. */
static void add_label(struct str *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = isalnum((unsigned char)text[i]) ? (char)tolower((unsigned char)text[i])
							 : '_';

		str_add_n(out, &c, 1);
	}
}

static bool read_number(const char *text, unsigned long long *ret)
{
	char digits[24];
	size_t len = strspn(text, "0123456789");

	if (len == 0 || len >= sizeof(digits))
		return false;
	memcpy(digits, text, len);
	digits[len] = '\0';
	return parse_u64(digits, ~0ull, ret);
}

static void add_pairs(struct str *out, const char *name, const char *text, char separator)
{
	add_type(out, name, "gauge");
	while (*text) {
		size_t len = strcspn(text, "\n");
		const char *end = memchr(text, separator, len);
		unsigned long long value;

		if (end && read_number(end + 1 + strspn(end + 1, " \t"), &value)) {
			str_addf(out, "%s{item=\"", name);
			add_label(out, text, (size_t)(end - text));
			str_addf(out, "\"} %llu\n", value);
		}
		text += len + (text[len] == '\n');
	}
}

void metrics_add_keys(struct str *out, const char *name, const char *text)
{
	add_pairs(out, name, text, ':');
}

void metrics_add_words(struct str *out, const char *name, const char *text)
{
	add_pairs(out, name, text, ' ');
}

/* A table: one line a thing, its name first, then numbers called as in columns. */
static void add_row(struct str *out, const char *name, const char *label, const char *thing,
		    size_t thing_len, const char *numbers, const char *const *columns,
		    size_t n_columns)
{
	const char *at = numbers;

	for (size_t i = 0; i < n_columns; i++) {
		unsigned long long value;

		at += strspn(at, " \t");
		if (!read_number(at, &value))
			return;
		str_addf(out, "%s{%s=\"", name, label);
		add_label(out, thing, thing_len);
		str_addf(out, "\",item=\"%s\"} %llu\n", columns[i], value);
		at += strspn(at, "0123456789");
	}
}

void metrics_add_cpus(struct str *out, const char *name, const char *text)
{
	static const char *const columns[] = { "user", "nice",    "system", "idle",  "iowait",
					       "irq",  "softirq", "steal",  "guest", "guest_nice" };

	add_type(out, name, "gauge");
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		size_t len = strcspn(text, " \n");

		if (!str_starts(text, "cpu"))
			continue;
		if (len == 3)
			add_row(out, name, "cpu", "total", 5, text + len, columns,
				ARRAY_LEN(columns));
		else
			add_row(out, name, "cpu", text + 3, len - 3, text + len, columns,
				ARRAY_LEN(columns));
	}
}

void metrics_add_netdev(struct str *out, const char *name, const char *text)
{
	static const char *const columns[] = {
		"recv_bytes", "recv_packets", "recv_errs",       "recv_drop",
		"recv_fifo",  "recv_frame",   "recv_compressed", "recv_multicast",
		"sent_bytes", "sent_packets", "sent_errs",       "sent_drop",
		"sent_fifo",  "sent_colls",   "sent_carrier",    "sent_compressed",
	};

	add_type(out, name, "gauge");
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		const char *start = text + strspn(text, " ");
		const char *colon = memchr(start, ':', strcspn(start, "\n"));

		if (colon)
			add_row(out, name, "interface", start, (size_t)(colon - start), colon + 1,
				columns, ARRAY_LEN(columns));
	}
}

void metrics_add_disks(struct str *out, const char *name, const char *text)
{
	static const char *const columns[] = {
		"reads",
		"merged",
		"sectors_read",
		"time_reading",
		"writes",
		"writes_merged",
		"sectors_written",
		"time_writing",
		"in_progress",
		"time_in_progress",
		"weighted_time_in_progress",
	};

	add_type(out, name, "gauge");
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		const char *disk = text;

		for (int i = 0; i < 2; i++) { /* major and minor */
			disk += strspn(disk, " ");
			disk += strspn(disk, "0123456789");
		}
		disk += strspn(disk, " ");
		if (isalpha((unsigned char)*disk))
			add_row(out, name, "disk", disk, strcspn(disk, " \n"),
				disk + strcspn(disk, " \n"), columns, ARRAY_LEN(columns));
	}
}

/* Of /proc/PID/status what is a quantity: the rest is masks, ids and names. */
static void add_status(struct str *out, const char *name, const char *text)
{
	static const char *const wanted[] = { "Vm", "Rss", "Threads:", "FDSize:", "HugetlbPages:",
					      "voluntary_", "nonvoluntary_" };
	struct str some = { .max = PROC_FILE_MAX };

	while (*text) {
		size_t len = strcspn(text, "\n");

		len += text[len] == '\n';
		for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
			if (str_starts(text, wanted[i]))
				str_add_n(&some, text, len);
		text += len;
	}
	metrics_add_keys(out, name, str_get(&some));
	str_done(&some);
}

typedef void add_file(struct str *out, const char *name, const char *text);

static void add_from(struct str *out, const char *path, const char *name, add_file *add)
{
	scoped_free char *text = NULL;
	struct err ignored = ERR_INIT; /* a kernel built without it */

	if (file_read(path, PROC_FILE_MAX, &text, NULL, &ignored) == 0)
		add(out, name, text);
}

/* "0.01 0.05 0.10 1/83 123": three loads, running and all tasks. */
static void add_load(struct str *out, const char *name, const char *text)
{
	static const char *const items[] = { "load1", "load5", "load15" };
	unsigned long long tasks;

	add_type(out, name, "gauge");
	for (size_t i = 0; i < ARRAY_LEN(items); i++) {
		size_t len = strspn(text, "0123456789.");

		str_addf(out, "%s{item=\"%s\"} ", name, items[i]);
		str_add_n(out, text, len);
		str_add(out, "\n");
		text += len + strspn(text + len, " ");
	}
	add_type(out, "kata_guest_tasks", "gauge");
	if (read_number(text, &tasks))
		str_addf(out, "kata_guest_tasks{item=\"cur\"} %llu\n", tasks);
	text = strchr(text, '/');
	if (text && read_number(text + 1, &tasks))
		str_addf(out, "kata_guest_tasks{item=\"max\"} %llu\n", tasks);
}

/* proc(5): fields 14, 15 (times), 20 (threads), 23 (bytes), 24 (pages) count from ")". */
static void add_own_stat(struct str *out, const char *name, const char *text)
{
	unsigned long long fields[FIELDS_MAX] = { 0 };
	unsigned long long page = (unsigned long long)sysconf(_SC_PAGESIZE);
	unsigned long long hz = (unsigned long long)sysconf(_SC_CLK_TCK);
	const char *at = strrchr(text, ')');

	(void)name;
	if (!at)
		return;
	at += strlen(") R");
	for (size_t i = 0; i < FIELDS_MAX && *at; i++) {
		at += strspn(at, " ");
		(void)read_number(at, &fields[i]); /* a negative one is of no use here */
		at += strcspn(at, " ");
	}
	add_one(out, "kata_agent_total_time", "gauge", (fields[10] + fields[11]) / hz);
	add_one(out, "kata_agent_threads", "gauge", fields[16]);
	add_one(out, "kata_agent_total_vm", "gauge", fields[19]);
	add_one(out, "kata_agent_total_rss", "gauge", fields[20] * page);
	add_type(out, "kata_agent_proc_stat", "gauge");
	str_addf(out, "kata_agent_proc_stat{item=\"utime\"} %llu\n", fields[10]);
	str_addf(out, "kata_agent_proc_stat{item=\"stime\"} %llu\n", fields[11]);
}

char *metrics_format(unsigned long long n_scrapes)
{
	struct str out = { .max = METRICS_TEXT_MAX };

	add_one(&out, "kata_agent_scrape_count", "counter", n_scrapes);
	add_from(&out, "/proc/self/stat", "kata_agent_proc_stat", add_own_stat);
	add_from(&out, "/proc/self/status", "kata_agent_proc_status", add_status);
	add_from(&out, "/proc/self/io", "kata_agent_io_stat", metrics_add_keys);
	add_from(&out, "/proc/loadavg", "kata_guest_load", add_load);
	add_from(&out, "/proc/stat", "kata_guest_cpu_time", metrics_add_cpus);
	add_from(&out, "/proc/vmstat", "kata_guest_vm_stat", metrics_add_words);
	add_from(&out, "/proc/net/dev", "kata_guest_netdev_stat", metrics_add_netdev);
	add_from(&out, "/proc/diskstats", "kata_guest_diskstat", metrics_add_disks);
	add_from(&out, "/proc/meminfo", "kata_guest_meminfo", metrics_add_keys);
	return str_take(&out);
}
