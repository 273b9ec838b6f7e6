/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/pod.h"

#include <string.h>

#include "lib/base/defs.h"
#include "lib/base/id.h"
#include "lib/oci/spec.h"

struct pod_annotations {
	const char *type, *container_value, *sandbox_id;
};

static const struct pod_annotations known[] = {
	{ "io.kubernetes.cri.container-type", "container", "io.kubernetes.cri.sandbox-id" },
	{ "io.kubernetes.cri-o.ContainerType", "container", "io.kubernetes.cri-o.SandboxID" },
	{ "io.kubernetes.docker.type", "container", "io.kubernetes.sandbox.id" },
};

const char *pod_sandbox_id(const Grpc__Spec *spec, const char *cid, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		const char *type = spec_annotation(spec, known[i].type);
		const char *sid = spec_annotation(spec, known[i].sandbox_id);

		if (!type || strcmp(type, known[i].container_value) != 0)
			continue;
		if (!sid || id_check(sid, err) < 0) {
			(void)err_set(err, ERR_INVALID, "annotation '%s': no valid sandbox ID",
				      known[i].sandbox_id);
			return NULL;
		}
		return sid;
	}
	return cid;
}
