/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox_up.c - from an empty struct sandbox to a guest that answers
 *
 * The table at the end is the whole story; its rows are the functions above, in order, and those of
 * sandbox_cgroup.c, sandbox_share.c and sandbox_network.c.
 * Each undo removes what its run made, however far run got.
 */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "engine/agent/agent.h"
#include "engine/config/config.h"
#include "engine/persist/journal.h"
#include "engine/resource/guest_sandbox.h"
#include "engine/resource/netns.h"
#include "engine/resource/network/network.h"
#include "engine/resource/resolver.h"
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

#define QEMU_READY_MS     15000u /* QEMU's own start on a loaded host; the guest has dial_timeout */
#define CONSOLE_TAIL_SHOW 160   /* bytes of the console's end shown in an error */

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
	struct sandbox_place place = { 0 };
	scoped_fd int fs_fd = sb->virtiofsd ? virtiofsd_take_fd(sb->virtiofsd) : -1;
	int r;

	if (sandbox_note_vm_dir(sb, sb->vm_config.vm_dir, err) < 0 || sandbox_open_place(sb, &place, err) < 0)
		return FLOW_FAIL;
	place.place.vsock_fd = sb->vsock_fd;
	place.place.fs_fd = fs_fd;
	sb->vmm = qemu_new(sb->base, &sb->vm_config, &events, sb);
	r = vmm_start(sb->vmm, &place.place, err);
	sandbox_close_place(&place);
	if (r < 0 || record_vmm(sb, err) < 0)
		return FLOW_FAIL;
	vmm_ready(sb->vmm, QEMU_READY_MS, on_vmm_ready, sb);
	return FLOW_WAIT;
}

void sandbox_undo_vmm(void *owner)
{
	struct sandbox *sb = owner;
	if (!sb->vmm)
		return;
	if (sb->network)
		network_detach(sb->network);
	vmm_free(take_ptr(&sb->vmm));
	journal_strike(sb->journal, sb->vmm_seq);
	journal_strike(sb->journal, sb->vm_dir_seq);
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

void sandbox_undo_agent(void *owner)
{
	struct sandbox *sb = owner;
	resolver_free(take_ptr(&sb->resolver));
	agent_free(take_ptr(&sb->agent));
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
	{ "make host cgroup", sandbox_make_cgroup, sandbox_undo_cgroup },
	{ "limit host cgroup", sandbox_limit_cgroup, NULL }, /* they go with it */
	{ "make shared directory", sandbox_make_share, sandbox_undo_share },
	{ "start virtiofsd", sandbox_start_virtiofsd, sandbox_undo_virtiofsd },
	{ "plan virtual machine", plan_vm, drop_plan },
	{ "connect network", sandbox_connect_network, sandbox_undo_network },
	{ "start virtual machine", start_vmm, sandbox_undo_vmm },
	{ "plug network devices", sandbox_plug_network, NULL }, /* they go with the VM */
	{ "reach agent", reach_agent, sandbox_undo_agent },
	{ "configure guest network", sandbox_configure_network, NULL },
	{ "create guest sandbox", create_guest_sandbox, NULL }, /* dies with the VM */
	{ "watch guest", watch_guest, NULL },
};
const size_t sandbox_up_n_steps = ARRAY_LEN(sandbox_up_steps);
