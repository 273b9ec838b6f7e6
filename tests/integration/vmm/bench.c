/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/fs.h"

#define DEADLINE_S 20

void bench_set(char **member, const char *text)
{
	free(*member);
	*member = xstrdup(text);
}

void bench_write(const char *path, const void *data, size_t len, unsigned int mode)
{
	struct err err = ERR_INIT;

	if (file_replace(path, data, len, mode, &err) < 0)
		fail_msg("%s", err.text);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct bench *b = arg;

	(void)fd;
	(void)what;
	b->late = true;
}

struct bench *bench_new(void)
{
	struct bench *b = xnew(struct bench);
	struct config_hypervisor *hv;

	strcpy(b->dir, "/tmp/test-vmm-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	assert_int_equal(chmod(b->dir, 0711), 0);
	snprintf(b->kernel, sizeof(b->kernel), "%s/kernel", b->dir);
	snprintf(b->vm_dir, sizeof(b->vm_dir), "%s/vm", b->dir);
	snprintf(b->share, sizeof(b->share), "%s/shared", b->dir);
	assert_int_equal(mkdir(b->share, 0755), 0);
	bench_write(b->kernel, "", 0, 0644);
	b->base = event_base_new();
	evtimer_assign(&b->deadline, b->base, on_deadline, b);
	b->accel = VM_ACCEL_TCG;
	b->config = config_new_default();
	hv = &b->config->hypervisor;
	bench_set(&hv->path, QEMU);
	bench_set(&hv->kernel, b->kernel);
	bench_set(&hv->initrd, b->kernel);
	bench_set(&hv->image, "");
	bench_set(&hv->shared_fs, "none");
	hv->default_memory = 128;
	hv->use_vsock = CONFIG_NO;
	return b;
}

static bool has_children(void)
{
	siginfo_t si = { 0 };

	return waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

void bench_free(struct bench *b)
{
	struct err err = ERR_INIT;

	vmm_free(b->vmm);
	assert_int_equal(access(b->vm_dir, F_OK), -1);
	assert_false(has_children());
	assert_int_equal(dir_remove(b->dir, &err), 0);
	vm_config_done(&b->vm);
	config_free(b->config);
	event_base_free(b->base);
	free(b);
}

void bench_run_until(struct bench *b, const bool *flag)
{
	struct timeval tv = { .tv_sec = DEADLINE_S };

	evtimer_add(&b->deadline, &tv);
	while (!*flag && !b->late)
		event_base_loop(b->base, EVLOOP_ONCE);
	event_del(&b->deadline);
	if (b->late && b->vmm) {
		char *tail = vmm_console_tail(b->vmm);

		print_error("too late; console:\n%s\n", tail);
		free(tail);
	}
	assert_false(b->late);
}

void bench_run_for(struct bench *b, unsigned int ms, const bool *flag, const bool *other)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000 };

	evtimer_add(&b->deadline, &tv);
	while (!*flag && !*other && !b->late)
		event_base_loop(b->base, EVLOOP_ONCE);
	event_del(&b->deadline);
	b->late = false;
}

void bench_on_done(void *arg, const struct err *err)
{
	struct bench *b = arg;

	assert_false(b->done);
	b->done = true;
	b->done_err = err ? *err : ERR_INIT;
}

void bench_on_lost(void *arg, const struct err *why)
{
	struct bench *b = arg;

	assert_false(b->lost);
	b->lost = true;
	b->lost_err = *why;
}

void bench_on_console(void *arg, const char *line)
{
	struct bench *b = arg;

	b->n_lines++;
	if (b->awaited_line && strstr(line, b->awaited_line))
		b->said = true;
}

void bench_plan(struct bench *b)
{
	struct vm_facts facts = { .id = "testvm", .vm_dir = b->vm_dir, .share_dir = b->share,
				  .accel = b->accel };
	struct err err = ERR_INIT;

	vm_config_done(&b->vm);
	if (vm_facts_read_host(&facts, &err) < 0 ||
	    vm_user_choose(b->config, &facts.user, &err) < 0 ||
	    vm_config_plan(b->config, &facts, &b->vm, &err) < 0)
		fail_msg("%s", err.text);
}

void bench_start(struct bench *b, int fs_fd)
{
	const struct vmm_events events = { bench_on_lost, bench_on_console };
	struct vmm_place place = VMM_PLACE_INIT;
	struct err err = ERR_INIT;

	place.fs_fd = fs_fd;
	bench_plan(b);
	b->vm.start_paused = b->start_paused;
	b->vmm = qemu_new(b->base, &b->vm, &events, b);
	if (vmm_start(b->vmm, &place, &err) < 0)
		fail_msg("%s", err.text);
	b->pid = vmm_pid(b->vmm, NULL);
	assert_true(b->pid > 0);
}

void bench_make_ready(struct bench *b)
{
	BENCH_ASK(b, vmm_ready, 10000);
	if (b->done_err.code != ERR_OK)
		fail_msg("%s", b->done_err.text);
	b->done = false;
}

bool bench_enter_netns(void)
{
	if (access(QEMU, X_OK) == 0 && access("/dev/net/tun", R_OK | W_OK) == 0 &&
	    unshare(CLONE_NEWNET) == 0)
		return true;
	fprintf(stderr, "skipped: no " QEMU ", no /dev/net/tun, or no network namespace: %s\n",
		strerror(errno));
	return false;
}

int bench_open_tap(const char *name, short flags)
{
	struct ifreq ifr = { .ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | flags) };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

	assert_true(fd >= 0);
	strcpy(ifr.ifr_name, name);
	if (ioctl(fd, TUNSETIFF, &ifr) < 0)
		fail_msg("make tap '%s': %s", name, strerror(errno));
	return fd;
}

bool bench_is_gone(pid_t pid)
{
	char path[64], *text;
	struct err ignored = ERR_INIT;
	bool gone;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (file_read(path, 8192, &text, NULL, &ignored) < 0)
		return true;
	gone = strstr(text, "\nState:\tZ") != NULL;
	free(text);
	return gone;
}

void bench_stop(struct bench *b)
{
	b->done = false;
	vmm_stop(b->vmm, bench_on_done, b);
	assert_false(b->done);
	bench_run_until(b, &b->done);
	if (b->done_err.code != ERR_OK)
		fail_msg("%s", b->done_err.text);
	assert_true(bench_is_gone(b->pid));
	assert_int_equal(access(b->vm_dir, F_OK), -1);
}

void bench_expect_text(const struct err *err, const char *part)
{
	if (!strstr(err->text, part))
		fail_msg("'%s' does not say '%s'", err->text, part);
}
