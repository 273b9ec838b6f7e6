/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One program a hook, all of one form:
 *
 *	r6 = context
 *	if the network namespace is not ours: return 1
 *	if the address is not the server's: return 1
 *	if the port is not the one looked for: return 1
 *	port = the other one
 *	return 1
 *
 * Outward (connect, sendmsg) the known port becomes ours, inward (recvmsg, getpeername) ours
 * becomes the known one.
 */
#include "agent/redirect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/defs.h"

#define INSNS_MAX   24
#define ADDRESS_MAX 4 /* words */
#define TESTS_MAX   (1 + ADDRESS_MAX + 1)
#define MAPPED_V4   0xffff /* ::ffff:127.0.0.11 is what a socket of IPv6 calls it */

enum { R0 = 0, R1 = 1, R2 = 2, R6 = 6 };

struct hook {
	enum bpf_attach_type type;
	bool v6;
	bool inward;
};

static const struct hook hooks[REDIRECT_HOOKS] = {
	{ BPF_CGROUP_INET4_CONNECT, false, false },    { BPF_CGROUP_INET6_CONNECT, true, false },
	{ BPF_CGROUP_UDP4_SENDMSG, false, false },     { BPF_CGROUP_UDP6_SENDMSG, true, false },
	{ BPF_CGROUP_UDP4_RECVMSG, false, true },      { BPF_CGROUP_UDP6_RECVMSG, true, true },
	{ BPF_CGROUP_INET4_GETPEERNAME, false, true }, { BPF_CGROUP_INET6_GETPEERNAME, true, true },
};

struct program {
	struct bpf_insn insns[INSNS_MAX];
	size_t n;
	size_t tests[TESTS_MAX]; /* jumps to the end */
	size_t n_tests;
};

static void emit(struct program *p, uint8_t code, unsigned int dst, unsigned int src, size_t off,
		 uint32_t imm)
{
	p->insns[p->n++] = (struct bpf_insn){
		.code = code,
		.dst_reg = (uint8_t)(dst & 15),
		.src_reg = (uint8_t)(src & 15),
		.off = (int16_t)off,
		.imm = (int32_t)imm,
	};
}

static void emit_test(struct program *p, uint8_t code, unsigned int dst, unsigned int src,
		      uint32_t imm)
{
	p->tests[p->n_tests++] = p->n;
	emit(p, code, dst, src, 0, imm);
}

static void emit_namespace(struct program *p, uint64_t cookie)
{
	emit(p, BPF_ALU64 | BPF_MOV | BPF_X, R6, R1, 0, 0);
	emit(p, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_netns_cookie);
	emit(p, BPF_LD | BPF_DW | BPF_IMM, R2, 0, 0, (uint32_t)cookie);
	emit(p, 0, 0, 0, 0, (uint32_t)(cookie >> 32));
	emit_test(p, BPF_JMP | BPF_JNE | BPF_X, R0, R2, 0);
}

static void emit_word(struct program *p, size_t offset, uint32_t wanted)
{
	emit(p, BPF_LDX | BPF_MEM | BPF_W, R2, R6, offset, 0);
	emit_test(p, BPF_JMP32 | BPF_JNE | BPF_K, R2, 0, wanted);
}

static void emit_address(struct program *p, const struct hook *hook,
			 const struct dns_address *address)
{
	uint32_t words[ADDRESS_MAX] = { 0, 0, htonl(MAPPED_V4), address->v4.sin_addr.s_addr };

	if (!hook->v6) {
		emit_word(p, offsetof(struct bpf_sock_addr, user_ip4), address->v4.sin_addr.s_addr);
		return;
	}
	if (address->any.sa_family == AF_INET6)
		memcpy(words, &address->v6.sin6_addr, sizeof(words));
	for (size_t i = 0; i < ADDRESS_MAX; i++)
		emit_word(p, offsetof(struct bpf_sock_addr, user_ip6) + i * sizeof(words[0]),
			  words[i]);
}

static void write_program(struct program *p, const struct hook *hook, uint64_t cookie,
			  const struct dns_address *address, in_port_t port)
{
	const uint32_t known =
		address->any.sa_family == AF_INET6 ? address->v6.sin6_port : address->v4.sin_port;
	const uint32_t ours = htons(port);
	const size_t at = offsetof(struct bpf_sock_addr, user_port);

	*p = (struct program){ 0 };
	emit_namespace(p, cookie);
	emit_address(p, hook, address);
	emit_word(p, at, hook->inward ? ours : known);
	emit(p, BPF_ALU | BPF_MOV | BPF_K, R2, 0, 0, hook->inward ? known : ours);
	emit(p, BPF_STX | BPF_MEM | BPF_W, R6, R2, at, 0);
	for (size_t i = 0; i < p->n_tests; i++)
		p->insns[p->tests[i]].off = (int16_t)(p->n - p->tests[i] - 1);
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, R0, 0, 0, 1);
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* --- the kernel's side --- */

static int sys_bpf(int cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int load(const struct program *p, const struct hook *hook, struct err *err)
{
	union bpf_attr attr = { 0 };
	int fd;

	attr.prog_type = BPF_PROG_TYPE_CGROUP_SOCK_ADDR;
	attr.expected_attach_type = hook->type;
	attr.insns = (uint64_t)(uintptr_t)p->insns;
	attr.insn_cnt = (uint32_t)p->n;
	attr.license = (uint64_t)(uintptr_t) "Apache-2.0";
	fd = sys_bpf(BPF_PROG_LOAD, &attr);
	if (fd < 0)
		return err_sys(err, errno, "load program of hook %d", (int)hook->type);
	return fd;
}

static int attach(int root_fd, const struct hook *hook, int prog_fd, struct err *err)
{
	union bpf_attr attr = { 0 };
	int fd;

	attr.link_create.prog_fd = (uint32_t)prog_fd;
	attr.link_create.target_fd = (uint32_t)root_fd;
	attr.link_create.attach_type = hook->type;
	fd = sys_bpf(BPF_LINK_CREATE, &attr);
	if (fd < 0)
		return err_sys(err, errno, "attach program to hook %d", (int)hook->type);
	return fd;
}

/* Every process is somewhere below the root of v2, also where limits are those of v1. */
static int open_root(struct err *err)
{
	scoped_fd int fs_fd = fsopen("cgroup2", FSOPEN_CLOEXEC);
	scoped_fd int mount_fd = -1;
	int fd;

	if (fs_fd >= 0 && fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		mount_fd = fsmount(fs_fd, FSMOUNT_CLOEXEC, 0);
	fd = mount_fd < 0 ? -1 : openat(mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "open root of cgroup v2");
	return fd;
}

static int read_cookie(uint64_t *ret, struct err *err)
{
	scoped_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(*ret);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, ret, &len) < 0)
		return err_sys(err, errno, "read the network namespace's cookie");
	return 0;
}

static int start_hook(int root_fd, const struct hook *hook, uint64_t cookie,
		      const struct dns_address *address, in_port_t port, struct err *err)
{
	scoped_fd int prog_fd = -1;
	struct program p;

	write_program(&p, hook, cookie, address, port);
	prog_fd = load(&p, hook, err);
	return prog_fd < 0 ? -1 : attach(root_fd, hook, prog_fd, err);
}

int redirect_start(const struct dns_address *address, in_port_t port, struct redirect *ret,
		   struct err *err)
{
	scoped_fd int root_fd = open_root(err);
	struct redirect made = REDIRECT_INIT;
	uint64_t cookie = 0;

	if (root_fd < 0 || read_cookie(&cookie, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(hooks); i++) {
		if (!hooks[i].v6 && address->any.sa_family != AF_INET)
			continue;
		made.fds[i] = start_hook(root_fd, &hooks[i], cookie, address, port, err);
		if (made.fds[i] < 0) {
			redirect_stop(&made);
			return -1;
		}
	}
	*ret = made;
	return 0;
}

void redirect_stop(struct redirect *redirect)
{
	for (size_t i = 0; i < ARRAY_LEN(redirect->fds); i++)
		close_fd(&redirect->fds[i]);
}
