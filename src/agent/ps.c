/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/ps.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define STAT_MAX    4096
#define COMMAND_MAX 4096 /* bytes of a command line shown */

struct row {
	int ppid, tty;
	unsigned long long cpu_ticks, start_ticks;
	unsigned int uid;
	char name[64];
};

static char *format_json(const pid_t *pids, size_t n)
{
	struct str out = { .max = PS_TEXT_MAX };

	str_add(&out, "[");
	for (size_t i = 0; i < n; i++)
		str_addf(&out, "%s%d", i ? "," : "", (int)pids[i]);
	str_add(&out, "]");
	return str_take(&out);
}

/* proc(5): the name is in brackets and may hold anything, so fields count from the last ")". */
static bool parse_stat(char *text, struct row *row)
{
	char *open = strchr(text, '('), *close = strrchr(text, ')');
	unsigned long long user, system;

	if (!open || !close || close < open)
		return false;
	*close = '\0';
	snprintf(row->name, sizeof(row->name), "%s", open + 1);
	if (sscanf(close + 1,
		   " %*c %d %*d %*d %d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d "
		   "%*d %*d %*d %llu",
		   &row->ppid, &row->tty, &user, &system, &row->start_ticks) != 5)
		return false;
	row->cpu_ticks = user + system;
	return true;
}

static void add_printable(struct str *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = text[i] ? text[i] : ' ';

		if (!isprint((unsigned char)c))
			c = '?';
		str_add_n(out, &c, 1);
	}
}

static void add_command(struct str *out, int dir_fd, const struct row *row)
{
	char buf[COMMAND_MAX];
	scoped_fd int fd = openat(dir_fd, "cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, sizeof(buf));

	while (n > 0 && buf[n - 1] == '\0')
		n--;
	if (n > 0) {
		add_printable(out, buf, (size_t)n);
	} else {
		str_add(out, "[");
		add_printable(out, row->name, strlen(row->name));
		str_add(out, "]");
	}
	str_add(out, "\n");
}

static void add_row(struct str *out, pid_t pid, int dir_fd, const struct row *row)
{
	long hz = sysconf(_SC_CLK_TCK);
	time_t started = (time_t)((clock_real_ns() - clock_mono_ns()) / NS_PER_SEC +
				  row->start_ticks / (unsigned long long)hz);
	unsigned long long cpu = row->cpu_ticks / (unsigned long long)hz;
	struct tm tm;
	char when[8] = "", tty[16] = "?";

	if (gmtime_r(&started, &tm))
		strftime(when, sizeof(when), "%H:%M", &tm);
	if (row->tty >> 8 == 136) /* UNIX98_PTY_SLAVE_MAJOR */
		snprintf(tty, sizeof(tty), "pts/%d", row->tty & 0xff);
	str_addf(out, "%-8u %5d %5d  0 %5s %-8s %02llu:%02llu:%02llu ", row->uid, (int)pid,
		 row->ppid, when, tty, cpu / 3600, cpu / 60 % 60, cpu % 60);
	add_command(out, dir_fd, row);
}

static void add_process(struct str *out, pid_t pid)
{
	scoped_free char *path = xasprintf("/proc/%d", (int)pid);
	scoped_fd int dir_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	scoped_free char *text = NULL;
	struct err ignored = ERR_INIT; /* gone in between */
	struct row row = { 0 };
	struct stat st;

	if (dir_fd < 0 || fstat(dir_fd, &st) < 0 ||
	    file_read_at(dir_fd, "stat", STAT_MAX, &text, NULL, &ignored) < 0 ||
	    !parse_stat(text, &row))
		return;
	row.uid = st.st_uid;
	add_row(out, pid, dir_fd, &row);
}

char *ps_format(const pid_t *pids, size_t n, const char *format, struct err *err)
{
	struct str out = { .max = PS_TEXT_MAX };

	if (strcmp(format, "json") == 0)
		return format_json(pids, n);
	if (*format && strcmp(format, "table") != 0) {
		err_set(err, ERR_INVALID, "format '%.32s' is neither json nor table", format);
		return NULL;
	}
	str_addf(&out, "%-8s %5s %5s  C %5s %-8s %8s %s\n", "UID", "PID", "PPID", "STIME", "TTY",
		 "TIME", "CMD");
	for (size_t i = 0; i < n; i++)
		add_process(&out, pids[i]);
	return str_take(&out);
}
