/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/resource/guest_sandbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "engine/config/config.h"
#include "engine/resource/resolv_conf.h"
#include "engine/resource/share.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/oci/message.h"
#include "lib/oci/spec.h"

#define HOSTNAME_LEN_MAX  64          /* linux/utsname.h */
#define SHM_SIZE_DEFAULT  (64ull << 20)
#define SHM_GUEST_PATH    "/run/kata-containers/sandbox/shm"

/* The messages own their strings, as if they had been unpacked from the wire. */

static Grpc__Storage *add_storage(Grpc__CreateSandboxRequest *req, const char *driver,
				  const char *source, const char *fstype, const char *mount_point)
{
	Grpc__Storage *st = xnew(Grpc__Storage);

	grpc__storage__init(st);
	spec_set_string(&st->driver, driver);
	spec_set_string(&st->source, source);
	spec_set_string(&st->fstype, fstype);
	spec_set_string(&st->mount_point, mount_point);
	message_append(&req->storages, &req->n_storages, st);
	return st;
}

static void add_option(Grpc__Storage *st, char *option)
{
	message_append(&st->options, &st->n_options, option);
}

static void add_share(Grpc__CreateSandboxRequest *req, const struct config *config)
{
	const struct config_hypervisor *hv = &config->hypervisor;
	Grpc__Storage *st;

	if (strcmp(hv->shared_fs, "virtio-9p") == 0) {
		st = add_storage(req, "9p", SHARE_TAG, "9p", SHARE_GUEST_DIR "/");
		add_option(st, xasprintf("trans=virtio,version=9p2000.L,cache=mmap,nodev,msize=%u",
					 hv->msize_9p));
		return;
	}
	st = add_storage(req, "virtio-fs", SHARE_TAG, "virtiofs", SHARE_GUEST_DIR "/");
	if (hv->virtio_fs_cache_size > 0 && strcmp(hv->virtio_fs_cache, "never") != 0 &&
	    strcmp(hv->virtio_fs_cache, "metadata") != 0)
		add_option(st, xstrdup("dax"));
}

static const Grpc__Mount *find_mount(const Grpc__Spec *spec, const char *destination)
{
	for (size_t i = 0; i < spec->n_mounts; i++)
		if (strcmp(spec->mounts[i]->destination, destination) == 0)
			return spec->mounts[i];
	return NULL;
}

/* As large as what the caller prepared on the host for this sandbox. */
static unsigned long long shm_size(const Grpc__Spec *spec)
{
	const Grpc__Mount *m = find_mount(spec, "/dev/shm");
	struct statvfs st;

	if (!m || strcmp(m->type, "bind") != 0 || statvfs(m->source, &st) < 0 || st.f_blocks == 0)
		return SHM_SIZE_DEFAULT;
	return (unsigned long long)st.f_blocks * st.f_frsize;
}

static void add_shm(Grpc__CreateSandboxRequest *req, const Grpc__Spec *spec)
{
	Grpc__Storage *st = add_storage(req, "ephemeral", "shm", "tmpfs", SHM_GUEST_PATH);
	static const char *const fixed[] = { "noexec", "nosuid", "nodev", "mode=1777" };

	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		add_option(st, xstrdup(fixed[i]));
	add_option(st, xasprintf("size=%llu", shm_size(spec)));
}

static int add_dns(Grpc__CreateSandboxRequest *req, const Grpc__Spec *spec, struct err *err)
{
	const Grpc__Mount *m = find_mount(spec, "/etc/resolv.conf");
	scoped_free char *text = NULL;
	char *save = NULL;

	if (!m || !m->source[0])
		return 0;
	if (file_read(m->source, RESOLV_CONF_MAX, &text, NULL, err) < 0)
		return -1;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		message_append(&req->dns, &req->n_dns, xstrdup(line));
	return 0;
}

/* "name parameter parameter..." */
static void add_module(Grpc__CreateSandboxRequest *req, const char *text)
{
	scoped_free char *copy = xstrdup(text);
	char *save = NULL;
	char *word = strtok_r(copy, " ", &save);
	Grpc__KernelModule *module;

	if (!word)
		return;
	module = xnew(Grpc__KernelModule);
	grpc__kernel_module__init(module);
	spec_set_string(&module->name, word);
	while ((word = strtok_r(NULL, " ", &save)))
		message_append(&module->parameters, &module->n_parameters, xstrdup(word));
	message_append(&req->kernel_modules, &req->n_kernel_modules, module);
}

static bool has_shared_pidns(const Grpc__Spec *spec)
{
	for (size_t i = 0; spec->linux && i < spec->linux->n_namespaces; i++)
		if (strcmp(spec->linux->namespaces[i]->type, "pid") == 0)
			return spec->linux->namespaces[i]->path[0] != '\0';
	return false;
}

Grpc__CreateSandboxRequest *guest_sandbox_make(const char *sandbox_id, const struct config *config,
					       const Grpc__Spec *spec, struct err *err)
{
	Grpc__CreateSandboxRequest *req = xnew(Grpc__CreateSandboxRequest);
	scoped_free char *hostname = xasprintf("%.*s", HOSTNAME_LEN_MAX, spec->hostname);

	grpc__create_sandbox_request__init(req);
	spec_set_string(&req->sandbox_id, sandbox_id);
	spec_set_string(&req->hostname, hostname);
	spec_set_string(&req->guest_hook_path, config->hypervisor.guest_hook_path);
	req->sandbox_pidns = has_shared_pidns(spec);
	if (strcmp(config->hypervisor.shared_fs, "none") != 0)
		add_share(req, config);
	add_shm(req, spec);
	for (size_t i = 0; config->agent.kernel_modules[i]; i++)
		add_module(req, config->agent.kernel_modules[i]);
	if (add_dns(req, spec, err) == 0)
		return req;
	protobuf_c_message_free_unpacked(&req->base, NULL);
	return NULL;
}
