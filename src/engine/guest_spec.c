/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/guest_spec.h"

#include <protobuf-c/protobuf-c.h>
#include <stdlib.h>
#include <string.h>

#include "engine/config/config.h"
#include "engine/resource/share.h"
#include "engine/resource/volume.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/oci/message.h"
#include "lib/oci/spec.h"

static void constrain_resources(Grpc__LinuxResources *res)
{
	/* Numbers of host devices and host network classes mean nothing in the guest. */
	message_drop(&res->blockio);
	message_drop(&res->network);
	if (res->cpu) {
		spec_set_string(&res->cpu->cpus, "");
		spec_set_string(&res->cpu->mems, "");
	}
}

/*
 * Network and time namespaces are the VM's own; the others are made anew in the guest, so
 * a path of the host goes. A pid namespace that has a path is the pod's: the agent
 * has one for the sandbox.
 */
static void change_namespaces(Grpc__Linux *lx, struct guest_spec *ret)
{
	static const char *const dropped[] = { "network", "cgroup", "time" };
	size_t n = 0;

	for (size_t i = 0; i < lx->n_namespaces; i++) {
		Grpc__LinuxNamespace *ns = lx->namespaces[i];
		bool drop = false;

		for (size_t k = 0; k < ARRAY_LEN(dropped); k++)
			drop = drop || strcmp(ns->type, dropped[k]) == 0;
		if (strcmp(ns->type, "pid") == 0 && ns->path[0]) {
			ret->sandbox_pidns = true;
			drop = true;
		}
		if (drop) {
			protobuf_c_message_free_unpacked(&ns->base, NULL);
			continue;
		}
		spec_set_string(&ns->path, "");
		lx->namespaces[n++] = ns;
	}
	lx->n_namespaces = n;
}

/* An absolute path is kept, systemd's form and nothing at all become the id. */
static void change_cgroup(Grpc__Linux *lx, const char *container_id)
{
	scoped_free char *path = xasprintf("/%s", container_id);

	if (lx->cgroupspath[0] != '/')
		spec_set_string(&lx->cgroupspath, path);
}

static void drop_option(Grpc__Mount *m, size_t at)
{
	free(m->options[at]);
	m->n_options--;
	memmove(&m->options[at], &m->options[at + 1], (m->n_options - at) * sizeof(*m->options));
}

/* The host has made it: what is left is to bind it. */
static void change_overlay(Grpc__Mount *m)
{
	spec_set_string(&m->type, "bind");
	for (size_t i = m->n_options; i-- > 0;)
		if (volume_is_overlay_option(m->options[i]))
			drop_option(m, i);
}

static void change_mounts(Grpc__Spec *spec, const struct volumes *volumes)
{
	for (size_t i = 0; i < volumes->n; i++) {
		const struct volume *v = &volumes->list[i];

		spec_set_string(&spec->mounts[v->mount]->source, v->guest_path);
		if (v->overlay)
			change_overlay(spec->mounts[v->mount]);
	}
}

static bool is_systemd_hierarchy(const Grpc__Mount *m)
{
	return strcmp(m->type, "bind") == 0 && strcmp(m->source, "/sys/fs/cgroup/systemd") == 0;
}

static void make_groups_writable(Grpc__Spec *spec)
{
	for (size_t i = 0; i < spec->n_mounts; i++) {
		Grpc__Mount *m = spec->mounts[i];

		for (size_t k = m->n_options; strcmp(m->type, "cgroup") == 0 && k-- > 0;)
			if (strcmp(m->options[k], "ro") == 0)
				drop_option(m, k);
	}
}

/*
 * On a host with cgroup v1, a container that is to run systemd is given systemd's hierarchy of the
 * host. The guest's only hierarchy is v2; what a systemd needs there is to make groups in its own.
 */
static void change_systemd(Grpc__Spec *spec)
{
	size_t n = 0;

	for (size_t i = 0; i < spec->n_mounts; i++) {
		if (is_systemd_hierarchy(spec->mounts[i]))
			protobuf_c_message_free_unpacked(&spec->mounts[i]->base, NULL);
		else
			spec->mounts[n++] = spec->mounts[i];
	}
	if (n < spec->n_mounts) {
		spec->n_mounts = n;
		make_groups_writable(spec);
	}
}

static void change_process(Grpc__Process *process)
{
	/* Profiles and labels name policies that are loaded on the host. */
	spec_set_string(&process->apparmorprofile, "");
	spec_set_string(&process->selinuxlabel, "");
}

/*
 * startContainer's programs are those of the image, so they run where the image is. The others
 * are the host's: the front end has run them, or has refused them.
 */
static void change_hooks(Grpc__Spec *spec)
{
	Grpc__Hooks *all = spec->hooks;

	spec->hooks = NULL;
	if (all && all->n_startcontainer > 0) {
		spec->hooks = xnew(Grpc__Hooks);
		grpc__hooks__init(spec->hooks);
		spec->hooks->startcontainer = take_ptr(&all->startcontainer);
		spec->hooks->n_startcontainer = all->n_startcontainer;
		all->n_startcontainer = 0;
	}
	message_drop(&all);
}

int guest_spec_make(const Grpc__Spec *spec, const char *container_id, const struct config *config,
		    const struct volumes *volumes, struct guest_spec *ret, struct err *err)
{
	scoped_free char *root = xasprintf("%s/%s/rootfs", SHARE_GUEST_DIR, container_id);
	struct guest_spec guest = { .spec = spec_copy(spec) };

	if (!guest.spec || !guest.spec->root || !guest.spec->linux || !guest.spec->process) {
		guest_spec_done(&guest);
		return err_set(err, ERR_INVALID,
			       "make guest's spec: root, process or linux is missing");
	}
	spec_set_string(&guest.spec->root->path, root);
	change_hooks(guest.spec);
	change_mounts(guest.spec, volumes);
	change_systemd(guest.spec);
	change_process(guest.spec->process);
	change_namespaces(guest.spec->linux, &guest);
	change_cgroup(guest.spec->linux, container_id);
	spec_set_string(&guest.spec->linux->mountlabel, "");
	if (config->runtime.disable_guest_seccomp)
		message_drop(&guest.spec->linux->seccomp);
	if (guest.spec->linux->resources)
		constrain_resources(guest.spec->linux->resources);
	*ret = guest;
	return 0;
}

Grpc__LinuxResources *guest_resources_make(const Grpc__LinuxResources *res)
{
	Grpc__LinuxResources *guest = message_copy(Grpc__LinuxResources, res);

	constrain_resources(guest);
	return guest;
}

void guest_spec_done(struct guest_spec *guest)
{
	if (guest->spec)
		protobuf_c_message_free_unpacked(&guest->spec->base, NULL);
	*guest = (struct guest_spec){ 0 };
}
