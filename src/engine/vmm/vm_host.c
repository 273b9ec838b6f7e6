/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm_host.c - what the planner must know of this host
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/config/config.h"
#include "engine/vmm/vm_config.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/str.h"

#define VM_USER "kata"

/*
 * Numbers that no distribution and no /etc/subuid range in use gives away: below the
 * signed limit, above what systemd (to 0x6fffffff) hands to containers.
 */
#define OWN_UID_FIRST 0x70000000u
#define OWN_UID_COUNT 0x0f000000u

int vm_facts_read_host(struct vm_facts *facts, struct err *err)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN), pages = sysconf(_SC_PHYS_PAGES);
	long page_size = sysconf(_SC_PAGESIZE);
	struct err ignored = ERR_INIT; /* a kernel without FIPS has no such file */
	scoped_free char *fips = NULL;

	if (cpus < 1 || pages < 1 || page_size < 1)
		return err_set(err, ERR_INTERNAL, "count this host's CPUs and memory");
	facts->host_cpus = (unsigned int)cpus;
	facts->host_memory_mib = ((uint64_t)pages * (uint64_t)page_size) >> 20;
	facts->fips = file_read("/proc/sys/crypto/fips_enabled", 64, &fips, NULL, &ignored) == 0 &&
		      fips[0] == '1';
	return 0;
}

bool vm_user_parse(char *passwd, struct vm_user *ret)
{
	char *line, *save = NULL;

	for (line = strtok_r(passwd, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned long long uid, gid;
		char *field[4] = { line };

		for (size_t i = 1; i < ARRAY_LEN(field); i++) {
			field[i] = strchr(field[i - 1], ':');
			if (!field[i])
				break;
			*field[i]++ = '\0';
		}
		if (!field[1] || !field[2] || !field[3] || strcmp(line, VM_USER) != 0)
			continue;
		field[3][strcspn(field[3], ":")] = '\0';
		if (!parse_u64(field[2], INT32_MAX, &uid) || !parse_u64(field[3], INT32_MAX, &gid) ||
		    uid == 0)
			return false;
		*ret = (struct vm_user){ .own = true, .uid = (uid_t)uid, .gid = (gid_t)gid };
		return true;
	}
	return false;
}

bool vm_user_may_read(const struct vm_user *user, const struct stat *st)
{
	if (st->st_uid == user->uid)
		return st->st_mode & S_IRUSR;
	if (st->st_gid == user->gid || (user->kvm_gid && st->st_gid == user->kvm_gid))
		return st->st_mode & S_IRGRP;
	return st->st_mode & S_IROTH;
}

/* So that no two sandboxes can touch one another's processes. */
static void make_user(struct vm_user *ret)
{
	uint32_t n = 0;

	(void)!getrandom(&n, sizeof(n), GRND_NONBLOCK);
	n = OWN_UID_FIRST + n % OWN_UID_COUNT;
	*ret = (struct vm_user){ .own = true, .uid = n, .gid = n };
}

int vm_user_choose(const struct config *config, struct vm_user *ret, struct err *err)
{
	struct vm_user user = { .own = false };
	scoped_free char *passwd = NULL;
	struct err ignored = ERR_INIT; /* no file, no such user */
	struct stat st;

	if (geteuid() != 0) {
		if (config->hypervisor.rootless)
			return err_set(err, ERR_DENIED, "rootless: only root can change the user");
		*ret = user;
		return 0;
	}
	if (config->hypervisor.rootless)
		make_user(&user);
	else if (file_read("/etc/passwd", 4u << 20, &passwd, NULL, &ignored) == 0)
		(void)vm_user_parse(passwd, &user);
	if (user.own && stat("/dev/kvm", &st) == 0 && (st.st_mode & S_IRGRP))
		user.kvm_gid = st.st_gid;
	*ret = user;
	return 0;
}
