/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/vmm/virtiofsd_probe.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/vmm/child.h"
#include "engine/vmm/tail.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define HELP_MAX 32768u /* bytes; the C one says 3 KiB, the Rust one 6 */

struct virtiofsd_probe {
	char *cache_path;
	char *key; /* what the cached line must begin with */
	struct child child;
	struct tail *help;
	struct event timer; /* the deadline, or the answer that was known at once */
	enum virtiofsd_dialect dialect;
	struct err err; /* ERR_OK: dialect counts */
	virtiofsd_probe_done *done;
	void *arg;
};

static void finish(struct virtiofsd_probe *probe)
{
	struct err err = probe->err;

	event_del(&probe->timer);
	probe->done(probe->arg, probe->dialect, err.code == ERR_OK ? NULL : &err);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	finish(arg);
}

static const char *word(enum virtiofsd_dialect dialect)
{
	return dialect == VIRTIOFSD_C ? "c" : "rust";
}

static void remember(const struct virtiofsd_probe *probe)
{
	scoped_free char *text = xasprintf("%s%s\n", probe->key, word(probe->dialect));
	struct err ignored = ERR_INIT; /* then it is asked again next time */

	(void)file_replace(probe->cache_path, text, strlen(text), 0600, &ignored);
}

static bool recall(struct virtiofsd_probe *probe)
{
	scoped_free char *text = NULL;
	struct err ignored = ERR_INIT;
	size_t len = strlen(probe->key);

	if (file_read(probe->cache_path, 8192, &text, NULL, &ignored) < 0 ||
	    strncmp(text, probe->key, len) != 0)
		return false;
	if (strcmp(text + len, "c\n") == 0)
		probe->dialect = VIRTIOFSD_C;
	else if (strcmp(text + len, "rust\n") == 0)
		probe->dialect = VIRTIOFSD_RUST;
	else
		return false;
	return true;
}

static void on_exit_of_help(void *arg)
{
	struct virtiofsd_probe *probe = arg;
	scoped_free char *text = NULL;

	tail_drain(probe->help);
	text = tail_text(probe->help);
	probe->err = ERR_INIT;
	if (virtiofsd_dialect_of(text, &probe->dialect, &probe->err) == 0)
		remember(probe);
	finish(probe);
}

static int run_help(struct virtiofsd_probe *probe, struct event_base *base, const char *program,
		    struct err *err)
{
	scoped_free char *path = xstrdup(program);
	static char option[] = "--help";
	char *argv[] = { path, option, NULL };
	struct spawn s = SPAWN_INIT;
	int p[2], r;

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make pipe");
	s.argv = argv;
	s.stdout_fd = s.stderr_fd = p[1];
	s.death_signal = SIGKILL;
	s.new_session = true;
	r = child_start(&probe->child, base, &s, on_exit_of_help, probe, err);
	close(p[1]);
	probe->help = tail_new(base, p[0], (struct tail_limits){ HELP_MAX, 4096 }, NULL, NULL);
	return r;
}

static char *make_key(const char *program, struct err *err)
{
	struct stat st;

	if (stat(program, &st) < 0) {
		err_sys(err, errno, "virtio_fs_daemon '%s'", program);
		return NULL;
	}
	return xasprintf("%s %jd %jd.%09ld ", program, (intmax_t)st.st_size,
			 (intmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

struct virtiofsd_probe *virtiofsd_probe_new(struct event_base *base, const char *program,
					    const char *cache_dir, uint32_t timeout_ms,
					    virtiofsd_probe_done *done, void *arg)
{
	struct timeval at_once = { 0 }, late = { .tv_sec = timeout_ms / 1000,
						 .tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000 };
	struct virtiofsd_probe *probe = xnew(struct virtiofsd_probe);
	bool asks = false;

	probe->child = CHILD_INIT;
	probe->done = done;
	probe->arg = arg;
	probe->cache_path = xasprintf("%s/virtiofsd-dialect", cache_dir);
	probe->key = make_key(program, &probe->err);
	evtimer_assign(&probe->timer, base, on_timer, probe);
	if (probe->key && !recall(probe))
		asks = run_help(probe, base, program, &probe->err) == 0;
	if (asks)
		err_set(&probe->err, ERR_TIMEOUT, "'%s' --help: no answer within %u ms", program,
			timeout_ms);
	evtimer_add(&probe->timer, asks ? &late : &at_once);
	return probe;
}

void virtiofsd_probe_free(struct virtiofsd_probe *probe)
{
	if (!probe)
		return;
	event_del(&probe->timer);
	child_done(&probe->child);
	tail_free(probe->help);
	free(probe->cache_path);
	free(probe->key);
	free(probe);
}
