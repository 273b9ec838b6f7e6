/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/integration/agent/drive.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ttrpc/client.h"

#define BUSYBOX "/bin/busybox"

struct drive drive;
const char *drive_caps;

static const char *const applets[] = { "sh",       "cat",  "echo",     "sleep", "true", "false",
				       "id",       "stty", "hostname", "head",  "yes",  "wc",
				       "ls",       "ps",   "dd",       "mknod", "kill", "seq",
				       "readlink", "tty",  "test" };

static void make_rootfs(void)
{
	static const char *const dirs[] = { "bin", "proc", "sys", "dev", "tmp", "etc" };
	char path[256], cmd[256];

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		struct err err = ERR_INIT;

		snprintf(path, sizeof(path), "%s/%s", drive.rootfs, dirs[i]);
		assert_int_equal(dir_make(path, 0755, &err), 0);
	}
	snprintf(cmd, sizeof(cmd), "cp %s %s/bin/busybox", BUSYBOX, drive.rootfs);
	assert_int_equal(system(cmd), 0);
	for (size_t i = 0; i < ARRAY_LEN(applets); i++) {
		snprintf(path, sizeof(path), "%s/bin/%s", drive.rootfs, applets[i]);
		assert_int_equal(symlink("busybox", path), 0);
	}
}

static void wait_for_agent(void)
{
	uint64_t limit = clock_mono_ns() + 10 * NS_PER_SEC;
	const struct timespec pause = { .tv_nsec = 5000000 };

	while (clock_mono_ns() < limit) {
		struct err err = ERR_INIT;
		int fd = unix_connect(drive.socket, &err);

		if (fd >= 0) {
			close(fd);
			return;
		}
		nanosleep(&pause, NULL); /* the only wait: there is no socket to wait on yet */
	}
	fail_msg("agent does not listen");
}

void drive_start(void)
{
	const char *agent = getenv("KATA_AGENT");
	char address[128], log[128], dir[] = "/tmp/kata-agent-test.XXXXXX";
	struct err err = ERR_INIT;

	assert_non_null(agent);
	if (!mkdtemp(dir))
		fail_msg("make directory '%s'", dir);
	snprintf(drive.dir, sizeof(drive.dir), "%s", dir);
	snprintf(drive.socket, sizeof(drive.socket), "%s/agent.sock", dir);
	snprintf(drive.rootfs, sizeof(drive.rootfs), "%s/rootfs", dir);
	snprintf(drive.cgroup, sizeof(drive.cgroup), "/kata-agent-test-%s", dir + strlen(dir) - 6);
	make_rootfs();
	assert_int_equal(dir_make("/run/kata-containers/shared/containers", 0755, &err), 0);
	snprintf(address, sizeof(address), "unix://%s", drive.socket);
	snprintf(log, sizeof(log), "%s/log", drive.dir);
	drive.agent = fork();
	assert_true(drive.agent >= 0);
	if (drive.agent == 0) {
		int fd = open(log, O_CREAT | O_WRONLY | O_APPEND, 0600);

		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		setenv("KATA_AGENT_SERVER_ADDR", address, 1);
		setenv("KATA_AGENT_LOG_LEVEL", "debug", 1);
		execl(agent, agent, (char *)NULL);
		_exit(127);
	}
	wait_for_agent();
}

int drive_connect(void)
{
	struct err err = ERR_INIT;
	int fd = unix_connect(drive.socket, &err);

	if (fd < 0)
		fail_msg("%s", err.text);
	return fd;
}

ProtobufCMessage *drive_call(const char *method, const ProtobufCMessage *req, struct err *err)
{
	int fd = drive_connect();
	ProtobufCMessage *resp = ttrpc_client_call_wait(fd, &grpc__agent_service__descriptor,
							method, req, DRIVE_CALL_MS, err);

	close(fd);
	return resp;
}

void drive_do(const char *method, const ProtobufCMessage *req)
{
	struct err err = ERR_INIT;
	ProtobufCMessage *resp = drive_call(method, req, &err);

	if (!resp)
		fail_msg("%s: %s", method, err.text);
	protobuf_c_message_free_unpacked(resp, NULL);
}

void drive_fails(const char *method, const ProtobufCMessage *req, enum err_code code,
		 const char *words)
{
	struct err err = ERR_INIT;
	ProtobufCMessage *resp = drive_call(method, req, &err);

	if (resp)
		fail_msg("%s succeeded, wanted: %s", method, words);
	if (err.code != code || !strstr(err.text, words))
		fail_msg("%s: code %d, '%s'; wanted %d, '%s'", method, (int)err.code, err.text,
			 (int)code, words);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void drive_stop(void)
{
	static const char *const hierarchies[] = {
		"",         "blkio",      "cpu",     "cpu,cpuacct", "cpuacct", "cpuset",
		"devices",  "freezer",    "hugetlb", "memory",      "net_cls", "net_cls,net_prio",
		"net_prio", "perf_event", "pids",    "rdma",        "misc",    "systemd",
		"unified",
	};
	Grpc__DestroySandboxRequest req = GRPC__DESTROY_SANDBOX_REQUEST__INIT;
	int status = -1;

	drive_do("DestroySandbox", &req.base);
	assert_int_equal(waitpid(drive.agent, &status, 0), drive.agent);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		char cmd[128];

		snprintf(cmd, sizeof(cmd), "tail -50 %s/log >&2", drive.dir);
		(void)!system(cmd);
		fail_msg("agent ended with status 0x%x", (unsigned int)status);
	}
	for (size_t i = 0; i < ARRAY_LEN(hierarchies); i++) {
		char path[256];

		snprintf(path, sizeof(path), "/sys/fs/cgroup/%s%s", hierarchies[i], drive.cgroup);
		(void)rmdir(path); /* the containers' parent; theirs are gone */
	}
	nftw(drive.dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

void drive_create_sandbox(void)
{
	Grpc__CreateSandboxRequest req = GRPC__CREATE_SANDBOX_REQUEST__INIT;
	static char id[] = "sandbox1", host[] = "guest";
	scoped_free char *hooks = xasprintf("%s/hooks", drive.dir);

	req.sandbox_id = id;
	req.hostname = host;
	req.guest_hook_path = hooks;
	drive_do("CreateSandbox", &req.base);
}

static char **dup_list(const char *const *list, size_t *ret_n)
{
	char **v = NULL;

	for (size_t i = 0; list[i]; i++)
		strv_add(&v, list[i]);
	*ret_n = strv_len(v);
	return v;
}

static Grpc__LinuxCapabilities *capabilities(const char *name)
{
	const char *const list[] = { name, NULL };
	Grpc__LinuxCapabilities *c = xnew(Grpc__LinuxCapabilities);

	grpc__linux_capabilities__init(c);
	c->bounding = dup_list(list, &c->n_bounding);
	c->effective = dup_list(list, &c->n_effective);
	c->permitted = dup_list(list, &c->n_permitted);
	return c;
}

Grpc__Process *drive_process(const char *const *args)
{
	static const char *const env[] = { "PATH=/bin", "TERM=xterm", NULL };
	Grpc__Process *p = xnew(Grpc__Process);

	grpc__process__init(p);
	p->args = dup_list(args, &p->n_args);
	p->env = dup_list(env, &p->n_env);
	p->cwd = xstrdup("/");
	p->user = xnew(Grpc__User);
	grpc__user__init(p->user);
	if (drive_caps)
		p->capabilities = capabilities(drive_caps);
	return p;
}

static void add_mount(Grpc__Spec *spec, const char *destination, const char *type,
		      const char *const *options)
{
	Grpc__Mount *m = xnew(Grpc__Mount);

	grpc__mount__init(m);
	m->destination = xstrdup(destination);
	m->type = xstrdup(type);
	m->source = xstrdup(type);
	m->options = dup_list(options, &m->n_options);
	spec->mounts = xrealloc(spec->mounts, spec->n_mounts + 1, sizeof(*spec->mounts));
	spec->mounts[spec->n_mounts++] = m;
}

static void add_namespace(Grpc__Linux *lx, const char *type)
{
	Grpc__LinuxNamespace *ns = xnew(Grpc__LinuxNamespace);

	grpc__linux_namespace__init(ns);
	ns->type = xstrdup(type);
	lx->namespaces = xrealloc(lx->namespaces, lx->n_namespaces + 1, sizeof(*lx->namespaces));
	lx->namespaces[lx->n_namespaces++] = ns;
}

Grpc__Spec *drive_spec(const char *id, const char *const *args)
{
	static const char *const proc[] = { "nosuid", "noexec", "nodev", NULL };
	static const char *const dev[] = { "nosuid", "strictatime", "mode=755", "size=65536k",
					   NULL };
	static const char *const pts[] = { "nosuid",        "noexec",    "newinstance",
					   "ptmxmode=0666", "mode=0620", NULL };
	Grpc__Spec *spec = xnew(Grpc__Spec);

	grpc__spec__init(spec);
	spec->version = xstrdup("1.0.2");
	spec->process = drive_process(args);
	spec->root = xnew(Grpc__Root);
	grpc__root__init(spec->root);
	spec->root->path = xasprintf("/run/kata-containers/shared/containers/%s/rootfs", id);
	spec->linux = xnew(Grpc__Linux);
	grpc__linux__init(spec->linux);
	spec->linux->cgroupspath = xasprintf("%s/%s", drive.cgroup, id);
	add_namespace(spec->linux, "pid");
	add_namespace(spec->linux, "ipc");
	add_namespace(spec->linux, "uts");
	add_namespace(spec->linux, "mount");
	add_mount(spec, "/proc", "proc", proc);
	add_mount(spec, "/dev", "tmpfs", dev);
	add_mount(spec, "/dev/pts", "devpts", pts);
	return spec;
}

void drive_create(const char *id, const char *const *args, bool terminal)
{
	Grpc__CreateContainerRequest req = GRPC__CREATE_CONTAINER_REQUEST__INIT;
	Grpc__Storage root = GRPC__STORAGE__INIT;
	Grpc__Storage *storages[] = { &root };
	Grpc__Spec *spec = drive_spec(id, args);

	spec->process->terminal = terminal;
	root.driver = unconst("bind");
	root.source = drive.rootfs;
	root.mount_point = spec->root->path;
	req.container_id = unconst(id);
	req.exec_id = unconst(id);
	req.storages = storages;
	req.n_storages = 1;
	req.oci = spec;
	drive_do("CreateContainer", &req.base);
	protobuf_c_message_free_unpacked(&spec->base, NULL);
}

void drive_start_container(const char *id)
{
	Grpc__StartContainerRequest req = GRPC__START_CONTAINER_REQUEST__INIT;

	req.container_id = unconst(id);
	drive_do("StartContainer", &req.base);
}

void drive_run(const char *id, const char *const *args)
{
	drive_create(id, args, false);
	drive_start_container(id);
}

void drive_exec(const char *id, const char *exec_id, const char *const *args, bool terminal)
{
	Grpc__ExecProcessRequest req = GRPC__EXEC_PROCESS_REQUEST__INIT;

	req.container_id = unconst(id);
	req.exec_id = unconst(exec_id);
	req.process = drive_process(args);
	req.process->terminal = terminal;
	drive_do("ExecProcess", &req.base);
	protobuf_c_message_free_unpacked(&req.process->base, NULL);
}

void drive_remove(const char *id)
{
	Grpc__RemoveContainerRequest req = GRPC__REMOVE_CONTAINER_REQUEST__INIT;

	req.container_id = unconst(id);
	req.timeout = 10;
	drive_do("RemoveContainer", &req.base);
}

int drive_wait(const char *id, const char *exec_id)
{
	Grpc__WaitProcessRequest req = GRPC__WAIT_PROCESS_REQUEST__INIT;
	struct err err = ERR_INIT;
	ProtobufCMessage *resp;
	int status;

	req.container_id = unconst(id);
	req.exec_id = unconst(exec_id);
	resp = drive_call("WaitProcess", &req.base, &err);
	if (!resp)
		fail_msg("WaitProcess: %s", err.text);
	status = ((Grpc__WaitProcessResponse *)(void *)resp)->status;
	protobuf_c_message_free_unpacked(resp, NULL);
	return status;
}

void drive_signal(const char *id, const char *exec_id, int sig)
{
	Grpc__SignalProcessRequest req = GRPC__SIGNAL_PROCESS_REQUEST__INIT;

	req.container_id = unconst(id);
	req.exec_id = unconst(exec_id);
	req.signal = (uint32_t)sig;
	drive_do("SignalProcess", &req.base);
}

char *drive_read_all(const char *id, const char *exec_id, bool errors, size_t *ret_len)
{
	Grpc__ReadStreamRequest req = GRPC__READ_STREAM_REQUEST__INIT;
	struct str all = { .max = 64 << 20 };

	req.container_id = unconst(id);
	req.exec_id = unconst(exec_id);
	req.len = 1 << 20;
	for (;;) {
		struct err err = ERR_INIT;
		ProtobufCMessage *msg =
			drive_call(errors ? "ReadStderr" : "ReadStdout", &req.base, &err);
		Grpc__ReadStreamResponse *resp = (void *)msg;
		size_t n;

		if (!msg)
			fail_msg("read: %s", err.text);
		n = resp->data.len;
		str_add_n(&all, resp->data.data, n);
		protobuf_c_message_free_unpacked(msg, NULL);
		if (n == 0)
			break;
	}
	if (ret_len)
		*ret_len = all.len;
	return str_take(&all);
}
