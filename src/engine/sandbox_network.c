/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox_network.c - the steps of sandbox_up that bring the pod's network into the VM
 *
 * We are in the pod's network namespace; a hook or a CNI plugin has filled it, or will.
 */
#include <string.h>

#include "engine/config/config.h"
#include "engine/resource/netns.h"
#include "engine/resource/network/dan.h"
#include "engine/resource/network/network.h"
#include "engine/sandbox_priv.h"
#include "engine/vmm/vmm.h"
#include "lib/base/defs.h"

#define RESUME_MS 5000u

static void on_warning(void *arg, const struct err *err)
{
	sandbox_warn(arg, err);
}

/* Devices that a file describes are the sandbox's whatever else the configuration says. */
static int find_dan(const struct sandbox *sb, struct dan **ret, struct err *err)
{
	struct err why = ERR_INIT;

	*ret = dan_load(sb->config->runtime.dan_conf, sb->id, &why);
	if (*ret && !netns_is_ours(dan_netns(*ret))) {
		err_set(&why, ERR_UNIMPLEMENTED,
			"'%s': network namespace '%s' is not the sandbox's", dan_path(*ret),
			dan_netns(*ret));
		dan_free(take_ptr(ret));
	}
	if (why.code == ERR_OK)
		return 0;
	*err = why;
	return -1;
}

static bool wants_network(const struct sandbox *sb)
{
	return strcmp(sb->config->runtime.internetworking_model, "none") != 0 && netns_is_private();
}

enum flow_next sandbox_connect_network(void *owner, struct err *err)
{
	struct sandbox *sb = owner;
	const char *path = netns_path(sb->spec);
	struct dan *dan;

	if (find_dan(sb, &dan, err) < 0)
		return FLOW_FAIL;
	if (!dan && !wants_network(sb))
		return FLOW_NEXT;
	sb->network =
		network_new(sb->base, sb->config, sb->journal, path ? path : "", on_warning, sb);
	network_use_dan(sb->network, dan);
	if (network_connect(sb->network, sb->vm_config.cpus, err) < 0)
		return FLOW_FAIL;
	sb->vm_config.start_paused = network_n_devices(sb->network) > 0;
	return FLOW_NEXT;
}

void sandbox_undo_network(void *owner)
{
	struct sandbox *sb = owner;

	network_free(take_ptr(&sb->network));
}

static void on_step_done(void *arg, const struct err *err)
{
	struct sandbox *sb = arg;

	flow_resume(&sb->up, err);
}

static void on_plugged(void *arg, const struct err *err)
{
	struct sandbox *sb = arg;

	if (err)
		flow_resume(&sb->up, err);
	else
		vmm_resume(sb->vmm, RESUME_MS, on_step_done, sb);
}

enum flow_next sandbox_plug_network(void *owner, struct err *err)
{
	struct sandbox *sb = owner;

	(void)err;
	if (!sb->network)
		return FLOW_NEXT;
	network_attach_vmm(sb->network, sb->vmm);
	if (!sb->vm_config.start_paused)
		return FLOW_NEXT;
	network_sync(sb->network, on_plugged, sb);
	return FLOW_WAIT;
}

enum flow_next sandbox_configure_network(void *owner, struct err *err)
{
	struct sandbox *sb = owner;

	(void)err;
	if (!sb->network)
		return FLOW_NEXT;
	network_attach_agent(sb->network, sb->agent);
	network_sync(sb->network, on_step_done, sb);
	return FLOW_WAIT;
}
