/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox_up.c - from an empty struct sandbox to a guest that answers
 *
 * The table at the end is the whole story; the functions above are its rows, in order.
 * Each undo removes what its run made, however far run got.
 */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/agent/agent.h"
#include "engine/config/config.h"
#include "engine/persist/journal.h"
#include "engine/resource/guest_sandbox.h"
#include "engine/resource/host_limits.h"
#include "engine/resource/netns.h"
#include "engine/resource/network/network.h"
#include "engine/resource/resolver.h"
#include "engine/resource/scope.h"
#include "engine/resource/share.h"
#include "engine/resource/sizing.h"
#include "engine/sandbox_priv.h"
#include "engine/vmm/accel.h"
#include "engine/vmm/qemu.h"
#include "engine/vmm/tsc.h"
#include "engine/vmm/virtiofsd.h"
#include "engine/vmm/vmm.h"
#include "engine/vmm/vsock.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/cgroup/cgroup.h"
#include "lib/oci/message.h"

#define VIRTIOFSD_MS      5000u
#define QEMU_READY_MS     15000u /* QEMU's own start on a loaded host; the guest has dial_timeout */
#define CGROUP_REMOVE_MS  2000u
#define HOST_CGROUP_ROOT  "/vc" /* Kata's parent of relative cgroup paths */
#define CONSOLE_TAIL_SHOW 160   /* bytes of the console's end shown in an error */

static void undo_if_failed(struct sandbox *sb, int r, const struct err *err)
{
	if (r < 0)
		sandbox_warn(sb, err);
}

/* --- choose accelerator --- */

static void on_accel(void *arg, enum vm_accel accel, const char *warning, const struct err *err)
{
	struct sandbox *sb = arg;

	sb->accel = accel;
	if (warning && sb->events.warning)
		sb->events.warning(sb->events_arg, warning);
	flow_resume(&sb->up, err);
}

static enum flow_next choose_accel(void *owner, struct err *err)
{
	struct sandbox *sb = owner;

	(void)err;
	sb->accel_choice =
		accel_choose(sb->base, sb->config->hypervisor.accel, ACCEL_CACHE_DIR, on_accel, sb);
	return FLOW_WAIT;
}

static void drop_accel_choice(void *owner)
{
	struct sandbox *sb = owner;

	accel_choice_free(take_ptr(&sb->accel_choice));
}

/* --- host cgroup --- */

/* "slice:prefix:name", and somebody who can make scopes of it. */
static bool wants_scope(const char *path)
{
	return scope_is_asked(path) && access("/run/systemd/system", F_OK) == 0;
}

static void on_scope_made(void *arg, const struct err *err)
{
	struct sandbox *sb = arg;
	struct err why = ERR_INIT;

	if (!err) {
		scoped_free char *path = scope_path(sb->spec->linux->cgroupspath, &why);

		sb->cgroup = path ? cgroup_open(path, &why) : NULL;
		if (!sb->cgroup)
			err = &why;
	}
	flow_resume(&sb->up, err);
}

static enum flow_next make_scope(struct sandbox *sb, const char *wanted, struct err *err)
{
	scoped_free char *path = scope_path(wanted, err);

	if (!path)
		return FLOW_FAIL;
	sb->cgroup_seq = journal_add(sb->journal, JOURNAL_CGROUP, path, err);
	if (!sb->cgroup_seq)
		return FLOW_FAIL;
	sb->scope = scope_make(sb->base, wanted, on_scope_made, sb, err);
	return sb->scope ? FLOW_WAIT : FLOW_FAIL;
}

static enum flow_next make_cgroup(void *owner, struct err *err)
{
	struct sandbox *sb = owner;
	const char *wanted = sb->spec->linux ? sb->spec->linux->cgroupspath : "";
	scoped_free char *path = NULL;

	if (wants_scope(wanted))
		return make_scope(sb, wanted, err);
	/* systemd's form without a systemd names no path. */
	path = cgroup_path(scope_is_asked(wanted) ? "" : wanted, HOST_CGROUP_ROOT, sb->id, err);
	if (!path)
		return FLOW_FAIL;
	sb->cgroup_seq = journal_add(sb->journal, JOURNAL_CGROUP, path, err);
	if (!sb->cgroup_seq)
		return FLOW_FAIL;
	sb->cgroup = cgroup_create(path, err);
	return sb->cgroup ? FLOW_NEXT : FLOW_FAIL;
}

/* A helper that was interrupted may have come as far as the scope with us in it. */
static void find_scope(struct sandbox *sb)
{
	struct err ignored = ERR_INIT;
	scoped_free char *path = scope_path(sb->spec->linux->cgroupspath, &ignored);

	if (path)
		sb->cgroup = cgroup_open(path, &ignored);
}

void sandbox_undo_cgroup(struct sandbox *sb)
{
	bool in_scope = sb->scope != NULL;
	struct err err = ERR_INIT;
	int r;

	scope_call_free(take_ptr(&sb->scope));
	if (in_scope && !sb->cgroup)
		find_scope(sb);
	if (!sb->cgroup)
		return;
	/* While we are in it ourselves, nothing in it may be killed. */
	if (in_scope && cgroup_return_pid(sb->cgroup, getpid(), &err) < 0) {
		sandbox_warn(sb, &err);
		cgroup_free(take_ptr(&sb->cgroup));
		return;
	}
	r = cgroup_remove(sb->cgroup, CGROUP_REMOVE_MS, &err);
	/* A kata-shim whose reader has stopped: there is no guest left for it to read from. */
	if (r < 0 && cgroup_signal(sb->cgroup, SIGKILL, &err) == 0)
		r = cgroup_remove(sb->cgroup, CGROUP_REMOVE_MS, &err);
	undo_if_failed(sb, r, &err);
	if (r == 0)
		journal_strike(sb->journal, sb->cgroup_seq);
	cgroup_free(take_ptr(&sb->cgroup));
}

static void undo_cgroup(void *owner)
{
	sandbox_undo_cgroup(owner);
}

int sandbox_limit(struct sandbox *sb, const Grpc__LinuxResources *res, struct err *err)
{
	Grpc__LinuxResources *limits = res ? host_limits_make(res) : NULL;
	int r = limits ? cgroup_apply(sb->cgroup, limits, err) : 0;

	message_drop(&limits);
	return r;
}

static enum flow_next limit_cgroup(void *owner, struct err *err)
{
	struct sandbox *sb = owner;
	const Grpc__Linux *lx = sb->spec->linux;

	return sandbox_limit(sb, lx ? lx->resources : NULL, err) < 0 ? FLOW_FAIL : FLOW_NEXT;
}

/* --- shared directory --- */

static bool wants_share(const struct sandbox *sb)
{
	return strcmp(sb->config->hypervisor.shared_fs, "none") != 0;
}

static enum flow_next make_share(void *owner, struct err *err)
{
	struct sandbox *sb = owner;

	if (!wants_share(sb))
		return FLOW_NEXT;
	sb->share = share_new(sb->id, sb->journal, err);
	return sb->share ? FLOW_NEXT : FLOW_FAIL;
}

void sandbox_undo_share(struct sandbox *sb)
{
	struct err err = ERR_INIT;

	undo_if_failed(sb, share_remove(take_ptr(&sb->share), &err), &err);
}

static void undo_share(void *owner)
{
	sandbox_undo_share(owner);
}

/* --- virtiofsd --- */

struct place {
	struct vmm_place place;
	int fds[CGROUP_FDS_MAX];
};

static int open_place(const struct sandbox *sb, struct place *ret, struct err *err)
{
	ret->place = VMM_PLACE_INIT;
	if (cgroup_enter_fds(sb->cgroup, ret->fds, &ret->place.n_cgroup_fds, err) < 0)
		return -1;
	ret->place.cgroup_fds = ret->fds;
	ret->place.cgroup_dir_fd = cgroup_dir_fd(sb->cgroup);
	return 0;
}

static void close_place(struct place *place)
{
	for (size_t i = 0; i < place->place.n_cgroup_fds; i++)
		close(place->fds[i]);
}

static void tell_virtiofsd_lost(evutil_socket_t fd, short what, void *arg)
{
	struct sandbox *sb = arg;

	(void)fd, (void)what;
	sandbox_lose(sb, &sb->virtiofsd_lost);
}

/*
 * It also goes when QEMU goes, and may be seen to go first. QEMU's own end has the reason
 * then, and gets the time to be told.
 */
static void on_virtiofsd_lost(void *arg, const struct err *why)
{
	static const struct timeval grace = { .tv_usec = 500000 };
	struct sandbox *sb = arg;

	sb->virtiofsd_lost = *why;
	err_wrap(&sb->virtiofsd_lost, "virtiofsd");
	event_add(sb->virtiofsd_lost_event, sb->vmm ? &grace : &(struct timeval){ 0 });
}

static void on_virtiofsd_up(void *arg, const struct err *err)
{
	struct sandbox *sb = arg;
	struct err why = ERR_INIT;
	uint64_t start;
	pid_t pid;

	if (!err) {
		pid = virtiofsd_pid(sb->virtiofsd, &start);
		sb->virtiofsd_seq = journal_add_process(sb->journal, "virtiofsd", pid, start, &why);
		if (!sb->virtiofsd_seq)
			err = &why;
	}
	flow_resume(&sb->up, err);
}

static int note_vm_dir(struct sandbox *sb, const char *vm_dir, struct err *err)
{
	if (!sb->vm_dir_seq)
		sb->vm_dir_seq = journal_add(sb->journal, JOURNAL_DIR, vm_dir, err);
	return sb->vm_dir_seq ? 0 : -1;
}

/* See virtiofsd.h. A pod's groups are its first container's too. */
static bool needs_override(const Grpc__Spec *spec)
{
	const Grpc__User *user = spec->process ? spec->process->user : NULL;

	return (spec->linux && spec->linux->n_uidmappings > 0) ||
	       (user && user->n_additionalgids > 0);
}

static enum flow_next start_virtiofsd(void *owner, struct err *err)
{
	struct sandbox *sb = owner;
	struct place place = { 0 };
	scoped_free char *vm_dir = xasprintf("%s/%s", RUN_VMS, sb->id);

	if (strcmp(sb->config->hypervisor.shared_fs, "virtio-fs") != 0)
		return FLOW_NEXT;
	sb->virtiofsd_lost_event = evtimer_new(sb->base, tell_virtiofsd_lost, sb);
	if (!sb->virtiofsd_lost_event) {
		err_set(err, ERR_EXHAUSTED, "make a timer");
		return FLOW_FAIL;
	}
	/* Its socket is the first thing in the machine's directory. */
	if (note_vm_dir(sb, vm_dir, err) < 0 || open_place(sb, &place, err) < 0)
		return FLOW_FAIL;
	sb->virtiofsd = virtiofsd_new(sb->base, on_virtiofsd_lost, sb);
	virtiofsd_start(sb->virtiofsd,
			&(struct virtiofsd_start){
				.config = sb->config,
				.share_dir = share_exported_dir(sb->share),
				.vm_dir = vm_dir,
				.cache_dir = ACCEL_CACHE_DIR,
				.place = &place.place,
				.overrides = needs_override(sb->spec),
			},
			VIRTIOFSD_MS, on_virtiofsd_up, sb);
	close_place(&place);
	return FLOW_WAIT;
}

void sandbox_undo_virtiofsd(struct sandbox *sb)
{
	if (sb->virtiofsd_lost_event)
		event_free(take_ptr(&sb->virtiofsd_lost_event));
	if (!sb->virtiofsd)
		return;
	virtiofsd_free(take_ptr(&sb->virtiofsd));
	journal_strike(sb->journal, sb->virtiofsd_seq);
	if (!sb->vmm)
		journal_strike(sb->journal, sb->vm_dir_seq); /* it went with virtiofsd */
}

static void undo_virtiofsd(void *owner)
{
	sandbox_undo_virtiofsd(owner);
}

/* --- plan of the VM --- */

static int open_vsock(struct sandbox *sb, struct err *err)
{
	struct err why = ERR_INIT;

	if (sb->config->hypervisor.use_vsock == CONFIG_NO)
		return 0;
	sb->vsock_fd = vsock_open(&sb->cid, &why);
	if (sb->vsock_fd >= 0 || sb->config->hypervisor.use_vsock == CONFIG_AUTO)
		return 0; /* auto: the serial port does as well */
	*err = why;
	return -1;
}

/* From here on the configuration says what this sandbox gets. */
static void size_vm(struct sandbox *sb)
{
	struct config_hypervisor *hv = &sb->config->hypervisor;
	const struct sizing wanted = sizing_wanted(sb->spec);

	hv->default_memory = sizing_memory_mib(&wanted, hv->default_memory, hv->default_maxmemory);
	hv->default_vcpus = sizing_cpus(&wanted, hv->default_vcpus, hv->default_maxvcpus);
}

static enum flow_next plan_vm(void *owner, struct err *err)
{
	struct sandbox *sb = owner;
	scoped_free char *vm_dir = xasprintf("%s/%s", RUN_VMS, sb->id);
	struct vm_facts facts = {
		.id = sb->id,
		.vm_dir = vm_dir,
		.share_dir = sb->share ? share_exported_dir(sb->share) : "",
		.accel = sb->accel,
		.tsc_khz = sb->accel == VM_ACCEL_TCG ? tsc_known(ACCEL_CACHE_DIR) : 0,
	};

	sb->tsc_mark = tsc_mark_now();
	size_vm(sb);
	if (open_vsock(sb, err) < 0)
		return FLOW_FAIL;
	facts.has_vsock = sb->vsock_fd >= 0;
	facts.cid = sb->cid;
	if (vm_facts_read_host(&facts, err) < 0 ||
	    vm_user_choose(sb->config, &facts.user, err) < 0 ||
	    vm_config_plan(sb->config, &facts, &sb->vm_config, err) < 0)
		return FLOW_FAIL;
	return FLOW_NEXT;
}

static void drop_plan(void *owner)
{
	struct sandbox *sb = owner;

	close_fd(&sb->vsock_fd);
	vm_config_done(&sb->vm_config);
}

/* --- QEMU --- */

static void on_vmm_lost(void *arg, const struct err *why)
{
	sandbox_lose(arg, why);
}

static void on_console(void *arg, const char *line)
{
	struct sandbox *sb = arg;

	/* The agent's line that it listens (agent.c of the guest) ends a vsock dial's wait. */
	if (sb->agent && strstr(line, "\"agent is ready\""))
		agent_announced(sb->agent);
	if (sb->events.console)
		sb->events.console(sb->events_arg, line);
}

static int record_vmm(struct sandbox *sb, struct err *err)
{
	uint64_t start;
	pid_t pid = vmm_pid(sb->vmm, &start);

	sb->vmm_seq = journal_add_process(sb->journal, "vmm", pid, start, err);
	return sb->vmm_seq ? 0 : -1;
}

static void on_vmm_ready(void *arg, const struct err *err)
{
	struct sandbox *sb = arg;

	flow_resume(&sb->up, err);
}

static enum flow_next start_vmm(void *owner, struct err *err)
{
	static const struct vmm_events events = { .lost = on_vmm_lost, .console = on_console };
	struct sandbox *sb = owner;
	struct place place = { 0 };
	scoped_fd int fs_fd = sb->virtiofsd ? virtiofsd_take_fd(sb->virtiofsd) : -1;
	int r;

	if (note_vm_dir(sb, sb->vm_config.vm_dir, err) < 0 || open_place(sb, &place, err) < 0)
		return FLOW_FAIL;
	place.place.vsock_fd = sb->vsock_fd;
	place.place.fs_fd = fs_fd;
	sb->vmm = qemu_new(sb->base, &sb->vm_config, &events, sb);
	r = vmm_start(sb->vmm, &place.place, err);
	close_place(&place);
	if (r < 0 || record_vmm(sb, err) < 0)
		return FLOW_FAIL;
	vmm_ready(sb->vmm, QEMU_READY_MS, on_vmm_ready, sb);
	return FLOW_WAIT;
}

void sandbox_undo_vmm(struct sandbox *sb)
{
	if (!sb->vmm)
		return;
	if (sb->network)
		network_detach(sb->network);
	vmm_free(take_ptr(&sb->vmm));
	journal_strike(sb->journal, sb->vmm_seq);
	journal_strike(sb->journal, sb->vm_dir_seq);
}

static void undo_vmm(void *owner)
{
	sandbox_undo_vmm(owner);
}

/* --- agent --- */

static void on_agent_lost(void *arg, const struct err *why)
{
	struct err err = *why;

	err_wrap(&err, "agent's channel");
	sandbox_lose(arg, &err);
}

/* What the guest said last is the best hint why it does not answer. */
static void on_agent_answered(void *arg, const struct err *err)
{
	struct sandbox *sb = arg;
	struct err why;
	scoped_free char *tail = NULL;
	size_t len;

	if (!err) {
		if (sb->accel == VM_ACCEL_TCG && !sb->vm_config.tsc_khz)
			tsc_learn(&sb->tsc_mark, ACCEL_CACHE_DIR);
		flow_resume(&sb->up, NULL);
		return;
	}
	why = *err;
	tail = vmm_console_tail(sb->vmm);
	len = strlen(tail);
	for (char *at = tail; *at; at++)
		if (*at == '\n')
			*at = ' ';
	if (len > 0)
		err_set(&why, err->code, "%.100s; console ends: %s", err->text,
			tail + (len > CONSOLE_TAIL_SHOW ? len - CONSOLE_TAIL_SHOW : 0));
	flow_resume(&sb->up, &why);
}

static enum flow_next reach_agent(void *owner, struct err *err)
{
	struct sandbox *sb = owner;
	scoped_free char *address = vmm_agent_path(sb->vmm);
	const uint32_t times = sb->accel == VM_ACCEL_TCG ? CONFIG_DIAL_EMULATED : 1;

	(void)err;
	sb->agent = agent_new(sb->base, on_agent_lost, sb);
	agent_watch_calls(sb->agent, sb->events.agent_called, sb->events_arg);
	agent_dial(sb->agent, address, times * sb->config->agent.dial_timeout * 1000,
		   on_agent_answered, sb);
	return FLOW_WAIT;
}

void sandbox_undo_agent(struct sandbox *sb)
{
	resolver_free(take_ptr(&sb->resolver));
	agent_free(take_ptr(&sb->agent));
}

static void undo_agent(void *owner)
{
	sandbox_undo_agent(owner);
}

static void on_guest_sandbox(void *arg, const struct err *err)
{
	struct sandbox *sb = arg;

	flow_resume(&sb->up, err);
}

static enum flow_next create_guest_sandbox(void *owner, struct err *err)
{
	struct sandbox *sb = owner;
	Grpc__CreateSandboxRequest *req = guest_sandbox_make(sb->id, sb->config, sb->spec, err);

	if (!req)
		return FLOW_FAIL;
	agent_create_sandbox(sb->agent, req, on_guest_sandbox, sb);
	protobuf_c_message_free_unpacked(&req->base, NULL);
	return FLOW_WAIT;
}

/* --- events of the guest --- */

static void on_oom(void *arg, const char *container_id)
{
	struct sandbox *sb = arg;
	struct err ignored = ERR_INIT; /* a container deleted meanwhile, or a guest that lies */
	struct container *c = sandbox_find(sb, container_id, &ignored);

	if (c && sb->events.oom)
		sb->events.oom(sb->events_arg, c);
}

static void on_no_names(void *arg, const struct err *why)
{
	sandbox_warn(arg, why);
}

static enum flow_next watch_guest(void *owner, struct err *err)
{
	struct sandbox *sb = owner;

	(void)err;
	agent_watch_oom(sb->agent, on_oom, sb);
	if (netns_is_private()) /* else it would be the host's servers that are asked */
		sb->resolver = resolver_new(sb->base, sb->agent, sb->spec, on_no_names, sb);
	if (sb->network)
		network_follow(sb->network);
	return FLOW_NEXT;
}

const struct flow_step sandbox_up_steps[] = {
	{ "choose accelerator", choose_accel, drop_accel_choice },
	{ "make host cgroup", make_cgroup, undo_cgroup },
	{ "limit host cgroup", limit_cgroup, NULL }, /* they go with it */
	{ "make shared directory", make_share, undo_share },
	{ "start virtiofsd", start_virtiofsd, undo_virtiofsd },
	{ "plan virtual machine", plan_vm, drop_plan },
	{ "connect network", sandbox_connect_network, sandbox_undo_network },
	{ "start virtual machine", start_vmm, undo_vmm },
	{ "plug network devices", sandbox_plug_network, NULL }, /* they go with the VM */
	{ "reach agent", reach_agent, undo_agent },
	{ "configure guest network", sandbox_configure_network, NULL },
	{ "create guest sandbox", create_guest_sandbox, NULL }, /* dies with the VM */
	{ "watch guest", watch_guest, NULL },
};
const size_t sandbox_up_n_steps = ARRAY_LEN(sandbox_up_steps);
