/* SPDX-License-Identifier: Apache-2.0 */
/*
 * census.c - what an agent and its containers hold, and the fixtures that compare it
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/integration/agent/drive.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/ttrpc/client.h"

static size_t count_entries(const char *path, bool digits_only)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	size_t n = 0;

	while (dir && (entry = readdir(dir)))
		n += entry->d_name[0] != '.' &&
		     (!digits_only || (entry->d_name[0] >= '0' && entry->d_name[0] <= '9'));
	if (dir)
		closedir(dir);
	return n;
}

static size_t count_dirs(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	size_t n = 0;

	while (dir && (entry = readdir(dir)))
		n += entry->d_type == DT_DIR && entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return n;
}

static size_t n_found;

static int count_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)path;
	(void)st;
	(void)type;
	(void)ftw;
	n_found++;
	return 0;
}

static size_t count_tree(const char *path)
{
	n_found = 0;
	nftw(path, count_one, 16, FTW_PHYS);
	return n_found;
}

static size_t count_cgroups(void)
{
	DIR *dir = opendir("/sys/fs/cgroup");
	struct dirent *entry;
	size_t n = 0;

	while (dir && (entry = readdir(dir))) {
		char path[512];

		if (strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(path, sizeof(path), "/sys/fs/cgroup/%s%s", entry->d_name, drive.cgroup);
		n += count_dirs(path);
	}
	if (dir)
		closedir(dir);
	return n;
}

/* Ours alone: those of the machine go away when somebody removes the directory they are on. */
static size_t count_mounts(void)
{
	scoped_free char *text = NULL;
	struct err err = ERR_INIT;
	char *save = NULL;
	size_t n = 0;

	assert_int_equal(file_read("/proc/self/mountinfo", 1 << 20, &text, NULL, &err), 0);
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		n += strstr(line, " /run/") || strstr(line, drive.dir);
	return n;
}

static void check_health(int fd)
{
	Grpc__CheckRequest req = GRPC__CHECK_REQUEST__INIT;
	struct err err = ERR_INIT;
	ProtobufCMessage *resp = ttrpc_client_call_wait(fd, &grpc__health__descriptor, "Check",
							&req.base, DRIVE_CALL_MS, &err);

	if (!resp)
		fail_msg("Check: %s", err.text);
	protobuf_c_message_free_unpacked(resp, NULL);
}

struct census drive_census(void)
{
	int fd = drive_connect();
	struct census c;
	char fds[64];

	/* An answer on a connection that stays: what was closed before is closed over there. */
	check_health(fd);
	snprintf(fds, sizeof(fds), "/proc/%d/fd", (int)drive.agent);
	c = (struct census){
		.processes = count_entries("/proc", true),
		.mounts = count_mounts(),
		.agent_fds = count_entries(fds, false),
		.cgroups = count_cgroups(),
		.files = count_tree("/run/kata-containers"),
	};
	close(fd);
	return c;
}

int drive_compare(const struct census *before, const struct census *after)
{
	if (memcmp(before, after, sizeof(*after)) == 0)
		return 0;
	fprintf(stderr, "left: processes %zd, mounts %zd, fds %zd, cgroups %zd, files %zd\n",
		(ssize_t)(after->processes - before->processes),
		(ssize_t)(after->mounts - before->mounts),
		(ssize_t)(after->agent_fds - before->agent_fds),
		(ssize_t)(after->cgroups - before->cgroups),
		(ssize_t)(after->files - before->files));
	return -1;
}

/* --- fixtures --- */

static struct census before;

int start_agent(void **state)
{
	(void)state;
	drive_start();
	return 0;
}

int start_sandbox(void **state)
{
	(void)start_agent(state);
	drive_create_sandbox();
	return 0;
}

int stop_agent(void **state)
{
	(void)state;
	drive_stop();
	return 0;
}

int count_before(void **state)
{
	(void)state;
	before = drive_census();
	return 0;
}

int count_after(void **state)
{
	struct census after = drive_census();

	(void)state;
	return drive_compare(&before, &after);
}
