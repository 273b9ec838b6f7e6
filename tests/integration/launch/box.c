/* SPDX-License-Identifier: Apache-2.0 */
#include "box.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/spawn.h"
#include "lib/oci/spec.h"

#define RUN_MS 20000

static void die(const char *what, const struct err *err)
{
	fprintf(stderr, "box: %s: %s\n", what, err ? err->text : strerror(errno));
	abort();
}

void box_shell(struct box *box, const char *fmt, ...)
{
	char *argv[] = { (char *)"/bin/sh", (char *)"-c", NULL, NULL };
	struct spawn s = SPAWN_INIT;
	struct err err = ERR_INIT;
	int pidfd = -1, status = -1;
	va_list ap;

	va_start(ap, fmt);
	argv[2] = xvasprintf(fmt, ap);
	va_end(ap);
	s.argv = argv;
	s.cwd = box->dir;
	s.stderr_fd = 2;
	if (spawn(&s, NULL, &pidfd, &err) < 0 || spawn_wait(pidfd, RUN_MS, &status, &err) < 0)
		die(argv[2], &err);
	if (status != 0) {
		fprintf(stderr, "box: '%s' ended with %d\n", argv[2], status);
		abort();
	}
	close(pidfd);
	free(argv[2]);
}

void box_make(struct box *box)
{
	*box = (struct box){ .base = event_base_new() };
	snprintf(box->dir, sizeof(box->dir), "/tmp/kata-launch-XXXXXX");
	if (!mkdtemp(box->dir))
		die("mkdtemp", NULL);
	snprintf(box->rootfs, sizeof(box->rootfs), "%s/rootfs", box->dir);
	box_shell(
		box,
		"umask 022 && mkdir -p rootfs/bin rootfs/etc rootfs/tmp rootfs/proc rootfs/dev "
		"rootfs/sys && cp /bin/busybox rootfs/bin/ && "
		"for a in $(/bin/busybox --list); do [ -e rootfs/bin/$a ] || ln -s busybox rootfs/bin/$a; done && "
		"echo 'root:x:0:0::/root:/bin/sh' > rootfs/etc/passwd && "
		"echo 'user:x:1000:1000::/home/user:/bin/sh' >> rootfs/etc/passwd && "
		"chmod 755 . rootfs && chmod 1777 rootfs/tmp");
}

void box_remove(struct box *box)
{
	struct err err = ERR_INIT;

	if (dir_remove(box->dir, &err) < 0)
		die("clean up", &err);
	event_base_free(box->base);
}

/* ---- specs ---- */

static const char usual_mounts[] =
	"{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
	"{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","
	"\"options\":[\"nosuid\",\"strictatime\",\"mode=755\",\"size=65536k\"]},"
	"{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\",\"options\":"
	"[\"nosuid\",\"noexec\",\"newinstance\",\"ptmxmode=0666\",\"mode=0620\"]},"
	"{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\",\"source\":\"mqueue\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\"]},"
	"{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"source\":\"shm\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"mode=1777\",\"size=64k\"]},"
	"{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]}";

static const char usual_namespaces[] =
	"{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},"
	"{\"type\":\"network\"}";

static const char *or_else(const char *given, const char *usual)
{
	return given ? given : usual;
}

static char *write_spec(const struct recipe *r)
{
	return xasprintf("{\"ociVersion\":\"1.0.2\",%s"
			 "\"process\":{%s%s\"args\":%s},"
			 "\"root\":{\"path\":\"rootfs\"%s},"
			 "\"mounts\":[%s%s],"
			 "\"linux\":{%s\"namespaces\":[%s]}}",
			 or_else(r->top, ""), or_else(r->process, "\"env\":[\"PATH=/bin\"],"),
			 r->process && strstr(r->process, "\"cwd\"") ? "" : "\"cwd\":\"/\",",
			 r->args, or_else(r->root, ""), or_else(r->mounts, usual_mounts),
			 or_else(r->more_mounts, ""), or_else(r->linux_more, ""),
			 or_else(r->namespaces, usual_namespaces));
}

/* ---- the loop ---- */

struct wait_for {
	struct event_base *base;
	bool called, ok;
	struct err err;
};

static void on_done(void *arg, const struct err *err)
{
	struct wait_for *w = arg;

	w->called = true;
	w->ok = !err;
	if (err)
		w->err = *err;
	event_base_loopbreak(w->base);
}

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	die("no callback in time", NULL);
}

static void run_loop(struct wait_for *w)
{
	struct timeval limit = { .tv_sec = RUN_MS / 1000 };
	struct event *timer = evtimer_new(w->base, on_limit, NULL);

	event_add(timer, &limit);
	event_base_dispatch(w->base);
	event_free(timer);
	if (!w->called)
		die("the loop ended without a callback", NULL);
}

static struct launch *prepare(struct box *box, const struct recipe *r, struct wait_for *w,
			      struct err *err)
{
	struct launch_context ctx = LAUNCH_CONTEXT_INIT;
	scoped_free char *text = write_spec(r);
	struct err bad = ERR_INIT;
	Grpc__Spec *spec =
		(Grpc__Spec *)spec_parse(&grpc__spec__descriptor, text, strlen(text), &bad);
	struct launch *l;

	if (!spec)
		die(text, &bad);
	*w = (struct wait_for){ .base = box->base };
	ctx.container_id = "box";
	ctx.rootfs = or_else(r->rootfs, box->rootfs);
	ctx.init_pid = r->init_pid;
	ctx.cgroup = r->cgroup;
	if (r->ipc_ns_fd)
		ctx.ipc_ns_fd = r->ipc_ns_fd;
	l = launch_prepare(box->base, &ctx, spec, spec->process,
			   r->deadline_ms ? r->deadline_ms : 10000, on_done, w, err);
	protobuf_c_message_free_unpacked(&spec->base, NULL);
	return l;
}

static int reap(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		die("waitpid", NULL);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- output ---- */

static bool drain(int *fd, char *buf, size_t size)
{
	size_t have = strlen(buf);
	ssize_t n = read(*fd, buf + have, size - 1 - have);

	if (n > 0) {
		buf[have + (size_t)n] = '\0';
		return true;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	close_fd(fd); /* end of file, or EIO from a terminal nobody holds */
	return false;
}

static void collect(struct launch_io *io, bool has_terminal, struct outcome *ret)
{
	uint64_t until = clock_mono_ns() + RUN_MS * 1000000ull;
	int *out = has_terminal ? &io->stdin_fd : &io->stdout_fd;

	while ((*out >= 0 || io->stderr_fd >= 0) && clock_mono_ns() < until) {
		struct pollfd p[] = { { .fd = *out, .events = POLLIN },
				      { .fd = io->stderr_fd, .events = POLLIN } };

		if (poll(p, 2, 1000) < 0)
			continue;
		if (p[0].revents)
			(void)drain(out, ret->out, sizeof(ret->out));
		if (p[1].revents)
			(void)drain(&io->stderr_fd, ret->errors, sizeof(ret->errors));
	}
}

static void close_io(struct launch_io *io)
{
	close_fd(&io->stdin_fd);
	close_fd(&io->stdout_fd);
	close_fd(&io->stderr_fd);
	close_fd(&io->pidfd);
}

static bool wants_terminal(const struct recipe *r)
{
	return r->process && strstr(r->process, "\"terminal\":true");
}

void box_run(struct box *box, const struct recipe *r, struct outcome *ret)
{
	struct wait_for w;
	struct launch_io io;
	struct launch *l;
	pid_t pid;

	memset(ret, 0, sizeof(*ret));
	ret->status = -1;
	l = prepare(box, r, &w, &ret->err);
	if (!l)
		return;
	pid = launch_pid(l);
	snprintf(ret->warnings, sizeof(ret->warnings), "%s", launch_warnings(l));
	run_loop(&w);
	ret->is_ready = w.ok;
	if (w.ok) {
		w = (struct wait_for){ .base = box->base };
		launch_start(l, on_done, &w);
		run_loop(&w);
		ret->is_started = w.ok;
	}
	if (!w.ok) {
		ret->err = w.err;
		launch_free(l);
		(void)reap(pid);
		return;
	}
	launch_take_io(l, &io);
	launch_free(l);
	if (r->input && write(io.stdin_fd, r->input, strlen(r->input)) < 0)
		die("write input", NULL);
	if (!wants_terminal(r))
		close_fd(&io.stdin_fd);
	collect(&io, wants_terminal(r), ret);
	ret->status = reap(pid);
	close_io(&io);
}

void box_prepare(struct box *box, const struct recipe *r, struct running *ret)
{
	struct err err = ERR_INIT;
	struct wait_for w;

	*ret = (struct running){ .io = { -1, -1, -1, -1 } };
	ret->launch = prepare(box, r, &w, &err);
	if (!ret->launch)
		die("prepare", &err);
	ret->pid = launch_pid(ret->launch);
	run_loop(&w);
	if (!w.ok)
		die("ready", &w.err);
}

int box_start_prepared(struct box *box, struct running *r, struct err *err)
{
	struct wait_for w = { .base = box->base };

	launch_start(r->launch, on_done, &w);
	run_loop(&w);
	if (!w.ok)
		*err = w.err;
	return w.ok ? 0 : -1;
}

void box_start(struct box *box, const struct recipe *r, struct running *ret)
{
	struct err err = ERR_INIT;

	box_prepare(box, r, ret);
	if (box_start_prepared(box, ret, &err) < 0)
		die("start", &err);
	launch_take_io(ret->launch, &ret->io);
}

int box_forget(struct running *r)
{
	launch_free(r->launch);
	close_io(&r->io);
	return reap(r->pid);
}

int box_stop(struct running *r)
{
	launch_free(r->launch);
	(void)kill(r->pid, SIGKILL);
	close_io(&r->io);
	return reap(r->pid);
}

bool box_read_until(int fd, const char *text, char *buf, size_t size)
{
	uint64_t until = clock_mono_ns() + 5000000000ull;

	buf[0] = '\0';
	while (!strstr(buf, text) && clock_mono_ns() < until) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int copy = fd;

		if (poll(&p, 1, 500) > 0 && !drain(&copy, buf, size))
			break;
	}
	return strstr(buf, text) != NULL;
}

/* ---- census ---- */

static size_t count_lines(const char *path)
{
	struct err err = ERR_INIT;
	scoped_free char *text = NULL;
	size_t n = 0;

	if (file_read(path, 1u << 20, &text, NULL, &err) < 0)
		die(path, &err);
	for (const char *at = text; *at; at++)
		n += *at == '\n';
	return n;
}

static size_t count_entries(const char *path)
{
	DIR *dir = opendir(path);
	size_t n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

void census_take(struct census *ret)
{
	struct err err = ERR_INIT;
	scoped_free char *children = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	ret->n_children = 0;
	if (file_read(path, 65536, &children, NULL, &err) == 0)
		for (const char *at = children; *at; at++)
			ret->n_children += *at == ' ';
	ret->n_fds = count_entries("/proc/self/fd");
	ret->n_mounts = count_lines("/proc/self/mountinfo");
}
