/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start.c - the address of the supervisor that a container belongs to
 *
 * A container of a pod belongs to its sandbox's. Anything else begins a sandbox: the socket is made
 * here, so that there is no moment at which it could be found but not be connected to, and the
 * supervisor gets it open. No VM, nothing slow: containerd waits.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/persist/cleanup.h"
#include "engine/persist/journal.h"
#include "engine/pod.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/spawn.h"
#include "lib/base/str.h"
#include "lib/oci/spec.h"
#include "lib/ttrpc/unix.h"
#include "management/monitor.h"
#include "shim/shim.h"

#define ADDRESS_MAX 4096

/*
 * containerd 2.x names the newest Task service that it speaks, and then reads JSON; others want the
 * bare address. It has read everything when we end.
 */
static int print_address(const char *address, struct err *err)
{
	const char *max = getenv("MAX_SHIM_VERSION");
	unsigned long long version = 2;
	int n;

	if (max && parse_u64(max, 1000, &version) && version >= 3)
		n = printf("{\"version\":3,\"address\":\"%s\",\"protocol\":\"ttrpc\"}\n", address);
	else
		n = printf("%s", address);
	if (n < 0 || fflush(stdout) != 0)
		return err_sys(err, errno, "print the address");
	return 0;
}

static int write_address(const char *bundle, const char *address, struct err *err)
{
	scoped_free char *path = xasprintf("%s/address", bundle);

	return file_replace(path, address, strlen(address), 0644, err);
}

static int write_pid(const char *bundle, pid_t pid, struct err *err)
{
	scoped_free char *path = xasprintf("%s/shim.pid", bundle);
	scoped_free char *text = xasprintf("%d", (int)pid);

	return file_replace(path, text, strlen(text), 0644, err);
}

/* --- a container of a pod --- */

static int join(const struct shim_args *args, const char *sid, struct err *err)
{
	scoped_free char *path = xasprintf("%s/../%s/address", args->bundle, sid);
	scoped_free char *address = NULL;

	if (file_read(path, ADDRESS_MAX, &address, NULL, err) < 0)
		return err_wrap(err, "find the supervisor of sandbox '%s'", sid);
	if (write_address(args->bundle, address, err) < 0)
		return -1;
	return print_address(address, err);
}

/* --- a sandbox --- */

static bool is_served(const char *socket)
{
	struct err ignored = ERR_INIT;
	scoped_fd int fd = unix_connect_now(socket, &ignored);

	return fd >= 0;
}

/* The journal is not there before the first Create, but the sockets are: ours, or kata-proxy's. */
static bool is_alive(const char *dir, const char *name, const char *socket)
{
	scoped_free char *proxy = xasprintf("%s/proxy.sock", dir);
	scoped_free char *monitor = xasprintf("%s/" MONITOR_SOCKET, dir);

	return sandbox_supervisor_alive(name) || is_served(socket) || is_served(proxy) ||
	       is_served(monitor);
}

/* What a lost one left is removed; one that lives is not ours to touch. */
static int make_dir(const char *dir, const char *name, const char *socket, struct err *err)
{
	if (dir_make(RUN_SANDBOXES, 0700, err) < 0)
		return -1;
	for (int tries = 0; tries < 2; tries++) {
		if (mkdir(dir, 0700) == 0)
			return 0;
		if (errno != EEXIST)
			return err_sys(err, errno, "make '%s'", dir);
		if (is_alive(dir, name, socket))
			break;
		if (sandbox_cleanup(name, err) < 0)
			return -1;
	}
	return err_set(err, ERR_EXISTS,
		       "sandbox '%s' exists: ID already in use, unique ID should be provided", name);
}

static void hand_on(char ***envp, const char *name)
{
	const char *value = getenv(name);

	if (value)
		strv_addf(envp, "%s=%s", name, value);
}

static int spawn_supervisor(const struct shim_args *args, int listen_fd, pid_t *ret_pid,
			    struct err *err)
{
	static const char *const handed_on[] = { "TTRPC_ADDRESS", "GRPC_ADDRESS", "NAMESPACE",
						 "SCHED_CORE", "KATA_CONF_FILE",
						 "KATA_TEST_STEP" /* flow.h */ };
	const struct spawn_fd fds[] = { { .from = listen_fd, .to = SHIM_LISTEN_FD } };
	scoped_strv char **argv = NULL;
	scoped_strv char **envp = NULL;
	struct spawn s = SPAWN_INIT;

	strv_add(&envp, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	for (size_t i = 0; i < ARRAY_LEN(handed_on); i++)
		hand_on(&envp, handed_on[i]);
	strv_add(&argv, SHIM_NAME);
	strv_addf(&argv, "-namespace=%s", args->namespace);
	strv_addf(&argv, "-address=%s", args->address);
	strv_addf(&argv, "-id=%s", args->id);
	strv_addf(&argv, "-bundle=%s", args->bundle);
	if (args->socket[0])
		strv_addf(&argv, "-socket=%s", args->socket);
	if (args->debug)
		strv_add(&argv, "-debug");
	s.path = "/proc/self/exe";
	s.argv = argv;
	s.envp = envp;
	s.fds = fds;
	s.n_fds = ARRAY_LEN(fds);
	s.new_session = true;
	return spawn(&s, ret_pid, NULL, err);
}

/* Once it runs, a supervisor to whom nobody comes ends by itself, with all that is its own. */
static int begin(const struct shim_args *args, const char *dir, const char *socket,
		 struct err *err)
{
	scoped_free char *address = xasprintf("unix://%s", socket);
	scoped_free char *parent = xstrndup(socket, (size_t)(strrchr(socket, '/') - socket));
	scoped_fd int listen_fd = dir_make(parent, 0711, err) < 0 ? -1 : unix_listen(socket, err);
	pid_t pid;

	if (listen_fd < 0) {
		(void)rmdir(dir);
		return -1;
	}
	if (spawn_supervisor(args, listen_fd, &pid, err) < 0) {
		(void)unlink(socket);
		(void)rmdir(dir);
		return -1;
	}
	if (write_address(args->bundle, address, err) < 0 ||
	    write_pid(args->bundle, pid, err) < 0)
		return -1;
	return print_address(address, err);
}

int shim_start(const struct shim_args *args, struct err *err)
{
	scoped_free char *name = shim_sandbox_name(args->namespace, args->id);
	scoped_free char *dir = xasprintf("%s/%s", RUN_SANDBOXES, name);
	scoped_free char *socket = args->socket[0] ? xstrdup(args->socket)
						   : shim_socket_path(args->address,
								      args->namespace, args->id);
	Grpc__Spec *spec = spec_load(args->bundle, err);
	const char *sid = spec ? pod_sandbox_id(spec, args->id, err) : NULL;
	int r = -1;

	if (sid && strcmp(sid, args->id) != 0)
		r = join(args, sid, err);
	else if (sid && make_dir(dir, name, socket, err) == 0)
		r = begin(args, dir, socket, err);
	if (spec)
		protobuf_c_message_free_unpacked(&spec->base, NULL);
	return r < 0 ? err_wrap(err, "start the supervisor of '%s'", args->id) : 0;
}
