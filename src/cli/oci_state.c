/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/oci_state.h"

#include <string.h>

#include "cli/supervisor.h"
#include "engine/hooks.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"

void oci_state_done(struct oci_state *s)
{
	mapping_done(&s->map);
	free(s->status);
	free(s->bundle);
	free(s->rootfs);
	free(s->hypervisor);
	free(s->kernel);
	free(s->image);
}

void oci_state_done_at(struct oci_state *s)
{
	oci_state_done(s);
}

static void fill_known(struct oci_state *s, const char *status)
{
	const char *bundle = s->map.bundle ? s->map.bundle : "";

	s->status = xstrdup(status);
	s->bundle = xstrdup(bundle);
	s->rootfs = xstrdup("");
	s->hypervisor = xstrdup("");
	s->kernel = xstrdup("");
	s->image = xstrdup("");
	s->created_at_ns = s->map.created_at_ns;
}

static void fill_described(struct oci_state *s, const Kata__Supervisor__DescribeResponse *r)
{
	s->status = xstrdup(r->status);
	s->bundle = xstrdup(r->bundle);
	s->rootfs = xstrdup(r->rootfs);
	s->hypervisor = xstrdup(r->hypervisor_path);
	s->kernel = xstrdup(r->kernel_path);
	s->image = xstrdup(r->image_path);
	s->created_at_ns = r->created_at_ns;
	s->pid = r->pid;
}

/* What a failed call says about the container; NULL: nothing that can be relied on. */
static const char *status_without_answer(const struct err *err, bool tolerate)
{
	if (err->code == ERR_UNAVAILABLE)
		return "stopped"; /* with its supervisor the VM is gone */
	if (err->code == ERR_NOT_FOUND)
		return "creating"; /* claimed, and not asked for yet */
	return tolerate ? "unknown" : NULL;
}

int oci_state_get(const struct cli *cli, const char *cid, uint32_t timeout_ms, bool tolerate,
		  struct oci_state *ret, struct err *err)
{
	Kata__Supervisor__DescribeResponse *r = NULL;
	scoped(supervisor_close_at) struct supervisor *sup = NULL;
	scoped(oci_state_done_at) struct oci_state s = { 0 };
	const char *status;

	if (mapping_find(cli->root, cid, &s.map, err) < 0)
		return -1;
	sup = supervisor_open(s.map.sid, err);
	if (sup)
		r = supervisor_describe(sup, cid, timeout_ms, err);
	if (r) {
		fill_described(&s, r);
		protobuf_c_message_free_unpacked(&r->base, NULL);
	} else {
		status = status_without_answer(err, tolerate);
		if (!status)
			return -1;
		fill_known(&s, status);
		*err = ERR_INIT;
	}
	*ret = s;
	s = (struct oci_state){ 0 };
	return 0;
}

char *oci_state_format(const struct oci_state *s, const Grpc__Spec *spec)
{
	return hooks_state(s->map.cid, s->status, s->pid, s->bundle, spec);
}
