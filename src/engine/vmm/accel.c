/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/vmm/accel.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "engine/vmm/child.h"
#include "engine/vmm/kvm_probe.h"
#include "engine/vmm/tail.h"
#include "engine/vmm/text.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define CACHE_FILE  "kvm-probe"
#define REASON_MAX  160u
#define ANSWER_MS   (ACCEL_PROBE_MS * 3 / 4) /* for the probe; the rest to see it die */
#define BOOT_ID     "/proc/sys/kernel/random/boot_id"

struct accel_choice {
	bool must_kvm;
	bool works;
	bool probed; /* now, so that a warning is due */
	bool late;   /* killed because it took too long */
	char *reason; /* why KVM does not work; "" */
	char *cache_path, *boot_id;
	struct child child;
	struct tail *output;
	struct event timer;
	accel_done *done;
	void *arg;
};

static void finish(struct accel_choice *c)
{
	struct err err = ERR_INIT;
	struct str warning = { 0 };
	scoped_free char *text = NULL;

	event_del(&c->timer);
	if (c->works) {
		c->done(c->arg, VM_ACCEL_KVM, NULL, NULL);
		return;
	}
	if (c->must_kvm) {
		err_set(&err, ERR_UNAVAILABLE, "accel 'kvm': %s", c->reason);
		c->done(c->arg, VM_ACCEL_TCG, NULL, &err);
		return;
	}
	if (c->probed)
		str_addf(&warning, "KVM does not work on this host, guests are emulated and slow: %s",
			 c->reason);
	text = str_take(&warning);
	c->done(c->arg, VM_ACCEL_TCG, *text ? text : NULL, NULL);
}

static void set_reason(struct accel_choice *c, const char *reason)
{
	free(c->reason);
	c->reason = xstrdup(reason);
}

/* "BOOT-ID ok" or "BOOT-ID no REASON" */
static void remember(const struct accel_choice *c)
{
	scoped_free char *text = xasprintf("%s %s%s\n", c->boot_id, c->works ? "ok" : "no ",
					   c->works ? "" : c->reason);
	struct err ignored = ERR_INIT; /* then it is tried again next time */

	if (*c->boot_id)
		(void)file_replace(c->cache_path, text, strlen(text), 0600, &ignored);
}

static bool recall(struct accel_choice *c)
{
	scoped_free char *text = NULL;
	struct err ignored = ERR_INIT;
	size_t len = strlen(c->boot_id);

	if (len == 0 || file_read(c->cache_path, 1024, &text, NULL, &ignored) < 0 ||
	    strncmp(text, c->boot_id, len) != 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	if (strcmp(text + len, " ok") == 0)
		c->works = true;
	else if (str_starts(text + len, " no "))
		set_reason(c, text + len + strlen(" no "));
	else
		return false;
	return true;
}

static void set_timer(struct accel_choice *c, uint32_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000 };

	evtimer_add(&c->timer, &tv);
}

static void take_verdict(struct accel_choice *c)
{
	scoped_free char *output = NULL;
	struct str reason = { 0 };

	tail_drain(c->output);
	output = tail_text(c->output);
	c->probed = true;
	c->works = c->child.ended && c->child.status == 0 && !c->late;
	if (c->late)
		str_addf(&reason, "a trial guest did not end within %u ms", ANSWER_MS);
	else if (*output)
		text_last_line(&reason, output, REASON_MAX);
	else
		child_describe(&c->child, &reason);
	set_reason(c, str_get(&reason));
	str_done(&reason);
	remember(c);
	finish(c);
}

static void on_probe_exit(void *arg)
{
	take_verdict(arg);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct accel_choice *c = arg;

	(void)fd;
	(void)what;
	if (c->child.pid == 0) {
		finish(c); /* known without asking */
	} else if (!c->late) {
		c->late = true;
		child_kill(&c->child);
		set_timer(c, ACCEL_PROBE_MS - ANSWER_MS);
	} else {
		take_verdict(c); /* it does not even die at once */
	}
}

static int start_probe(struct accel_choice *c, struct event_base *base, struct err *err)
{
	static char program[] = "/proc/self/exe", option[] = KVM_PROBE_ARG;
	char *argv[] = { program, option, NULL };
	struct spawn s = SPAWN_INIT;
	int p[2], r;

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make pipe");
	s.argv = argv;
	s.stdout_fd = p[1];
	s.death_signal = SIGKILL;
	s.new_session = true;
	r = child_start(&c->child, base, &s, on_probe_exit, c, err);
	close(p[1]);
	c->output = tail_new(base, p[0], (struct tail_limits){ 512, 256 }, NULL, NULL);
	return r;
}

/* True: an answer from a process is awaited. */
static bool ask_kvm(struct accel_choice *c, struct event_base *base)
{
	struct err err = ERR_INIT;

	if (access("/dev/kvm", R_OK | W_OK) < 0) {
		err_sys(&err, errno, "open '/dev/kvm'");
		c->probed = true; /* as good as tried; not remembered: a module may come */
	} else if (recall(c) || start_probe(c, base, &err) == 0) {
		return c->child.pid > 0;
	}
	set_reason(c, err.text);
	return false;
}

struct accel_choice *accel_choose(struct event_base *base, const char *accel,
				  const char *cache_dir, accel_done *done, void *arg)
{
	struct accel_choice *c = xnew(struct accel_choice);
	struct err ignored = ERR_INIT;
	bool waits = false;

	*c = (struct accel_choice){ .must_kvm = strcmp(accel, "kvm") == 0, .child = CHILD_INIT,
				    .done = done, .arg = arg, .reason = xstrdup("") };
	c->cache_path = xasprintf("%s/" CACHE_FILE, cache_dir);
	if (file_read(BOOT_ID, 64, &c->boot_id, NULL, &ignored) < 0)
		c->boot_id = xstrdup("");
	c->boot_id[strcspn(c->boot_id, "\n")] = '\0';
	evtimer_assign(&c->timer, base, on_timer, c);
	(void)dir_make(cache_dir, 0755, &ignored);
	if (strcmp(accel, "tcg") != 0)
		waits = ask_kvm(c, base);
	set_timer(c, waits ? ANSWER_MS : 0);
	return c;
}

void accel_choice_free(struct accel_choice *c)
{
	if (!c)
		return;
	event_del(&c->timer);
	child_done(&c->child);
	tail_free(c->output);
	free(c->reason);
	free(c->cache_path);
	free(c->boot_id);
	free(c);
}
