/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm_boot - boot a guest through the engine's vmm module, until its agent answers
 *
 *	vm_boot [-n BOOTS] [-d SHARE_DIR] [-o KEY=VALUE]... [-w SECONDS] [-v] [-P] GUEST_DIR
 *
 * GUEST_DIR is what osbuilder/initrd made. KEY=VALUE is a line of [hypervisor.qemu]. Prints
 * one line a boot: milliseconds until virtiofsd runs, QEMU runs, QMP answers, the agent answers,
 * everything is gone again; and the CPU time that all of it took. -w waits after the
 * agent's answer, -v shows the guest's console, -P prints QEMU's words and ends.
 * Blocks on its own loop; a test's and a developer's tool only.
 */
#include <err.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "engine/config/config.h"
#include "engine/vmm/accel.h"
#include "engine/vmm/qemu.h"
#include "engine/vmm/qemu_argv.h"
#include "engine/vmm/virtiofsd.h"
#include "engine/vmm/vsock.h"
#include "health.pb-c.h"
#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ttrpc/client.h"

#define AGENT_MS 60000u

struct boot {
	struct event_base *base;
	struct config *config;
	struct vm_config vm;
	struct virtiofsd *vfs;
	struct vmm *vmm;
	struct ttrpc_client *agent;
	enum vm_accel accel;
	char dir[64], *vm_dir;
	const char *share;
	bool verbose, print_only, done;
	struct event stay;
	int stay_s;
	uint64_t start_ns;
	double cpu_before;
};

static void stamp(struct boot *b, const char *what)
{
	printf("%s %.1f  ", what, (double)(clock_mono_ns() - b->start_ns) / NS_PER_MS);
	fflush(stdout);
}

static void give_up(struct boot *b, const char *what, const struct err *err)
{
	char *tail = b->vmm ? vmm_console_tail(b->vmm) : xstrdup("");
	struct err ignored = ERR_INIT;

	fprintf(stderr, "\n%s\n%s: %s\n", tail, what, err->text);
	free(tail);
	ttrpc_client_free(b->agent);
	vmm_free(b->vmm);
	virtiofsd_free(b->vfs);
	(void)dir_remove(b->dir, &ignored);
	exit(1);
}

static void on_lost(void *arg, const struct err *why)
{
	give_up(arg, "lost", why);
}

static void on_console(void *arg, const char *line)
{
	struct boot *b = arg;

	if (b->verbose)
		fprintf(stderr, "[%8.1f] %s\n", (double)(clock_mono_ns() - b->start_ns) / NS_PER_MS,
			line);
}

/* Of all children that have ended: less noisy than the clock on a busy machine. */
static double cpu_ms(void)
{
	struct rusage u;

	getrusage(RUSAGE_CHILDREN, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
}

static void on_stopped(void *arg, const struct err *err)
{
	struct boot *b = arg;

	if (err)
		give_up(b, "stop", err);
	virtiofsd_free(take_ptr(&b->vfs));
	vmm_free(take_ptr(&b->vmm));
	stamp(b, "gone");
	printf("cpu %.1f\n", cpu_ms() - b->cpu_before);
	b->done = true;
}

static void on_stayed(evutil_socket_t fd, short what, void *arg)
{
	struct boot *b = arg;

	(void)fd;
	(void)what;
	vmm_stop(b->vmm, on_stopped, b);
}

static void on_answer(void *arg, const ProtobufCMessage *resp, const struct err *err)
{
	struct boot *b = arg;
	struct timeval after = { .tv_sec = b->stay_s };

	(void)resp;
	if (err)
		give_up(b, "agent", err);
	stamp(b, "agent");
	ttrpc_client_free(take_ptr(&b->agent));
	evtimer_assign(&b->stay, b->base, on_stayed, b);
	evtimer_add(&b->stay, &after);
}

static void on_ready(void *arg, const struct err *err)
{
	struct boot *b = arg;

	if (err)
		give_up(b, "ready", err);
	stamp(b, "qmp");
}

static void dial(struct boot *b)
{
	Grpc__CheckRequest req = GRPC__CHECK_REQUEST__INIT;
	struct err err = ERR_INIT;
	char *address = vmm_agent_path(b->vmm);
	int fd;

	if (!str_starts(address, "unix://"))
		errx(1, "agent at %s: this tool speaks over unix sockets only", address);
	fd = unix_connect(address + strlen("unix://"), &err);
	free(address);
	if (fd < 0)
		give_up(b, "dial", &err);
	b->agent = ttrpc_client_new(b->base, fd, on_lost, b);
	ttrpc_client_call(b->agent, &grpc__health__descriptor, "Check", &req.base, AGENT_MS,
			  on_answer, b);
}

static void start_qemu(struct boot *b)
{
	static const struct vmm_events events = { on_lost, on_console };
	struct vmm_place place = VMM_PLACE_INIT;
	struct err err = ERR_INIT;

	if (b->vfs)
		place.fs_fd = virtiofsd_take_fd(b->vfs);
	b->vmm = qemu_new(b->base, &b->vm, &events, b);
	if (vmm_start(b->vmm, &place, &err) < 0)
		give_up(b, "start", &err);
	close_fd(&place.fs_fd);
	stamp(b, "qemu");
	vmm_ready(b->vmm, 20000, on_ready, b);
	dial(b);
}

static void on_virtiofsd(void *arg, const struct err *err)
{
	if (err)
		give_up(arg, "virtiofsd", err);
	stamp(arg, "virtiofsd");
	start_qemu(arg);
}

static void plan(struct boot *b)
{
	struct vm_facts facts = { .id = "boot", .vm_dir = b->vm_dir, .share_dir = b->share,
				  .accel = b->accel };
	struct err err = ERR_INIT;

	if (vm_facts_read_host(&facts, &err) < 0 ||
	    vm_user_choose(b->config, &facts.user, &err) < 0 ||
	    vm_config_plan(b->config, &facts, &b->vm, &err) < 0)
		errx(1, "%s", err.text);
}

static void boot(struct boot *b)
{
	const struct virtiofsd_start args = { .config = b->config, .share_dir = b->share,
					      .vm_dir = b->vm_dir, .cache_dir = b->dir };

	b->start_ns = clock_mono_ns();
	b->cpu_before = cpu_ms();
	b->done = false;
	plan(b);
	if (b->vm.share == VM_SHARE_VIRTIOFS) {
		b->vfs = virtiofsd_new(b->base, on_lost, b);
		virtiofsd_start(b->vfs, &args, 5000, on_virtiofsd, b);
	} else {
		start_qemu(b);
	}
	while (!b->done)
		event_base_loop(b->base, EVLOOP_ONCE);
	vm_config_done(&b->vm);
}

static void print_words(struct boot *b)
{
	char **argv;

	plan(b);
	argv = qemu_argv(&b->vm);
	for (char **word = argv; *word; word++)
		printf("%s\n", *word);
	strv_free(argv);
	vm_config_done(&b->vm);
}

static void on_accel(void *arg, enum vm_accel accel, const char *warning, const struct err *err)
{
	struct boot *b = arg;

	if (warning)
		warnx("%s", warning);
	if (err)
		errx(1, "%s", err->text);
	b->accel = accel;
	b->done = true;
}

static void choose_accel(struct boot *b)
{
	struct accel_choice *c = accel_choose(b->base, b->config->hypervisor.accel, b->dir,
					      on_accel, b);

	while (!b->done)
		event_base_loop(b->base, EVLOOP_ONCE);
	accel_choice_free(c);
}

static void load_config(struct boot *b, const char *guest, const struct str *options)
{
	char *text = xasprintf("[hypervisor.qemu]\n"
			       "kernel = \"%s/vmlinux.container\"\n"
			       "initrd = \"%s/kata-containers-initrd.img\"\n"
			       "%s",
			       guest, guest, str_get(options));
	scoped_strv char **warnings = NULL;
	struct err err = ERR_INIT;

	b->config = config_new_default();
	if (config_load_text(b->config, "command line", text, strlen(text), &warnings, &err) < 0)
		errx(1, "%s", err.text);
	for (char **w = warnings; w && *w; w++)
		warnx("%s", *w);
	if (!b->share) {
		free(b->config->hypervisor.shared_fs);
		b->config->hypervisor.shared_fs = xstrdup("none");
	}
	free(text);
}

int main(int argc, char **argv)
{
	struct boot b = { .dir = "/tmp/vm_boot-XXXXXX" };
	int option, boots = 1, probe = kvm_probe_main(argc, argv);
	struct str options = { 0 };
	struct err err = ERR_INIT;

	if (probe >= 0)
		return probe;
	while ((option = getopt(argc, argv, "n:d:o:w:vP")) != -1) {
		switch (option) {
		case 'n':
			boots = atoi(optarg);
			break;
		case 'd':
			b.share = optarg;
			break;
		case 'o':
			str_addf(&options, "%s\n", optarg);
			break;
		case 'w':
			b.stay_s = atoi(optarg);
			break;
		case 'v':
			b.verbose = true;
			break;
		case 'P':
			b.print_only = true;
			break;
		default:
			return 2;
		}
	}
	if (optind + 1 != argc)
		errx(2, "usage: vm_boot [-n BOOTS] [-d SHARE_DIR] [-o KEY=VALUE]... [-w SECONDS] [-v] [-P] GUEST_DIR");
	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(b.dir))
		errx(1, "make a directory");
	b.vm_dir = xasprintf("%s/vm", b.dir);
	b.base = event_base_new();
	load_config(&b, argv[optind], &options);
	choose_accel(&b);
	if (b.print_only)
		print_words(&b);
	for (int i = 0; i < boots && !b.print_only; i++)
		boot(&b);
	str_done(&options);
	config_free(b.config);
	event_base_free(b.base);
	free(b.vm_dir);
	return dir_remove(b.dir, &err) < 0 ? 1 : 0;
}
