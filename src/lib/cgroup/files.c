/* SPDX-License-Identifier: Apache-2.0 */
/*
 * files.c - read control files, and wait for what they will say
 */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/cgroup/priv.h"

int cg_read(int dir_fd, const char *file, char **ret, struct err *err)
{
	return file_read_at(dir_fd, file, CG_FILE_MAX, ret, NULL, err);
}

static bool parse_amount(const char *text, size_t len, uint64_t *ret)
{
	char word[32];
	unsigned long long value;

	if (len >= sizeof(word))
		return false;
	memcpy(word, text, len);
	word[len] = '\0';
	if (strcmp(word, "max") == 0)
		value = UINT64_MAX;
	else if (!parse_u64(word, UINT64_MAX, &value))
		return false;
	*ret = value;
	return true;
}

bool cg_read_u64(int dir_fd, const char *file, uint64_t *ret)
{
	scoped_free char *text = NULL;
	struct err ignored = ERR_INIT;

	if (cg_read(dir_fd, file, &text, &ignored) < 0)
		return false;
	return parse_amount(text, strcspn(text, " \n"), ret);
}

bool cg_find_key(const char *text, const char *key, uint64_t *ret)
{
	size_t key_len = strlen(key);

	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n");

		if (len > key_len && line[key_len] == ' ' && strncmp(line, key, key_len) == 0)
			return parse_amount(line + key_len + 1, len - key_len - 1, ret);
		line += len + (line[len] == '\n');
	}
	return false;
}

bool cg_has_file(int dir_fd, const char *file)
{
	return faccessat(dir_fd, file, F_OK, 0) == 0;
}

struct cg_nap cg_nap_start(uint32_t timeout_ms)
{
	return (struct cg_nap){
		.deadline_ns = clock_mono_ns() + timeout_ms * NS_PER_MS,
		.next_ns = NS_PER_MS / 2,
	};
}

bool cg_nap_event(struct cg_nap *nap, int events_fd)
{
	struct pollfd events = { .fd = events_fd, .events = POLLPRI };
	uint64_t now = clock_mono_ns();
	uint64_t wait;
	struct timespec ts;

	if (now >= nap->deadline_ns)
		return false;
	/* An event may tell of something else than what is waited for: look again soon. */
	wait = MIN(nap->deadline_ns - now, events_fd < 0 ? nap->next_ns : 50 * NS_PER_MS);
	nap->next_ns = MIN(nap->next_ns * 2, 20 * NS_PER_MS);
	ts = (struct timespec){ .tv_sec = (time_t)(wait / NS_PER_SEC),
				.tv_nsec = (long)(wait % NS_PER_SEC) };
	(void)ppoll(&events, 1, &ts, NULL); /* a signal only makes this one shorter */
	return true;
}

bool cg_nap(struct cg_nap *nap)
{
	return cg_nap_event(nap, -1);
}
