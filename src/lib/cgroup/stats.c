/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/cgroup/stats.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"

Grpc__MemoryData *cg_memory_data(void)
{
	Grpc__MemoryData *d = xnew(Grpc__MemoryData);

	grpc__memory_data__init(d);
	return d;
}

void cg_stats_add_memory(Grpc__MemoryStats *m, const char *key, uint64_t value)
{
	Grpc__MemoryStats__StatsEntry *e;

	if (m->n_stats == CG_STATS_MAX)
		return;
	e = xnew(Grpc__MemoryStats__StatsEntry);
	grpc__memory_stats__stats_entry__init(e);
	e->key = xstrdup(key);
	e->value = value;
	m->stats = xrealloc(m->stats, m->n_stats + 1, sizeof(m->stats[0]));
	m->stats[m->n_stats++] = e;
}

void cg_stats_memory_stat(Grpc__MemoryStats *m, const char *text)
{
	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n");
		size_t key_len = strcspn(line, " \n");
		scoped_free char *key = xstrndup(line, key_len);
		uint64_t value;

		if (key_len && cg_find_key(line, key, &value))
			cg_stats_add_memory(m, key, value);
		line += len + (line[len] == '\n');
	}
}

void cg_stats_add_blkio(Grpc__BlkioStatsEntry ***list, size_t *n, uint64_t major, uint64_t minor,
			const char *op, uint64_t value)
{
	Grpc__BlkioStatsEntry *e;

	if (*n == CG_STATS_MAX)
		return;
	e = xnew(Grpc__BlkioStatsEntry);
	grpc__blkio_stats_entry__init(e);
	e->major = major;
	e->minor = minor;
	e->op = xstrdup(op);
	e->value = value;
	*list = xrealloc(*list, *n + 1, sizeof(**list));
	(*list)[(*n)++] = e;
}

static Grpc__HugetlbStats *add_hugetlb(Grpc__CgroupStats *stats, const char *size)
{
	Grpc__CgroupStats__HugetlbStatsEntry *e = xnew(Grpc__CgroupStats__HugetlbStatsEntry);

	grpc__cgroup_stats__hugetlb_stats_entry__init(e);
	e->key = xstrdup(size);
	e->value = xnew(Grpc__HugetlbStats);
	grpc__hugetlb_stats__init(e->value);
	stats->hugetlb_stats = xrealloc(stats->hugetlb_stats, stats->n_hugetlb_stats + 1,
					sizeof(stats->hugetlb_stats[0]));
	stats->hugetlb_stats[stats->n_hugetlb_stats++] = e;
	return e->value;
}

void cg_stats_add_percpu(Grpc__CpuUsage *usage, uint64_t value)
{
	if (usage->n_percpu_usage == CG_STATS_MAX)
		return;
	usage->percpu_usage = xrealloc(usage->percpu_usage, usage->n_percpu_usage + 1,
				       sizeof(usage->percpu_usage[0]));
	usage->percpu_usage[usage->n_percpu_usage++] = value;
}

char *cg_stats_text(int dir_fd, const char *file)
{
	struct err ignored = ERR_INIT;
	char *text = NULL;

	if (dir_fd < 0 || cg_read(dir_fd, file, &text, &ignored) < 0)
		return NULL;
	return text;
}

void cg_stats_pids(Grpc__PidsStats *pids, int dir_fd)
{
	(void)cg_read_u64(dir_fd, "pids.current", &pids->current);
	(void)cg_read_u64(dir_fd, "pids.max", &pids->limit);
	if (pids->limit == UINT64_MAX) /* the message's "no limit" */
		pids->limit = 0;
}

void cg_stats_hugetlb(Grpc__CgroupStats *stats, int dir_fd, const char *suffix,
		      void (*fill)(Grpc__HugetlbStats *s, int dir_fd, const char *size))
{
	static const char prefix[] = "hugetlb.";
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	if (!dir) {
		close_at(&fd);
		return;
	}
	while ((d = readdir(dir)) != NULL) {
		const char *size = d->d_name + strlen(prefix);
		scoped_free char *name = NULL;

		if (!str_starts(d->d_name, prefix) || !str_ends(size, suffix))
			continue;
		name = xstrndup(size, strlen(size) - strlen(suffix));
		if (!strchr(name, '.')) /* "2MB.rsvd" is another count */
			fill(add_hugetlb(stats, name), dir_fd, name);
	}
	closedir(dir);
}

static Grpc__CgroupStats *stats_new(void)
{
	Grpc__CgroupStats *s = xnew(Grpc__CgroupStats);

	grpc__cgroup_stats__init(s);
	s->cpu_stats = xnew(Grpc__CpuStats);
	grpc__cpu_stats__init(s->cpu_stats);
	s->cpu_stats->cpu_usage = xnew(Grpc__CpuUsage);
	grpc__cpu_usage__init(s->cpu_stats->cpu_usage);
	s->cpu_stats->throttling_data = xnew(Grpc__ThrottlingData);
	grpc__throttling_data__init(s->cpu_stats->throttling_data);
	s->memory_stats = xnew(Grpc__MemoryStats);
	grpc__memory_stats__init(s->memory_stats);
	s->memory_stats->usage = cg_memory_data();
	s->memory_stats->swap_usage = cg_memory_data();
	s->memory_stats->kernel_usage = cg_memory_data();
	s->pids_stats = xnew(Grpc__PidsStats);
	grpc__pids_stats__init(s->pids_stats);
	s->blkio_stats = xnew(Grpc__BlkioStats);
	grpc__blkio_stats__init(s->blkio_stats);
	return s;
}

Grpc__CgroupStats *cgroup_stats(struct cgroup *cg, struct err *err)
{
	Grpc__CgroupStats *stats;
	bool any = false;

	for (size_t i = 0; i < cg->tree.n; i++)
		any |= cg->dir_fds[i] >= 0 && cg_has_file(cg->dir_fds[i], "cgroup.procs");
	if (!any) {
		err_set(err, ERR_NOT_FOUND, "read statistics of cgroup '%s': it is gone", cg->path);
		return NULL;
	}
	stats = stats_new();
	cg_stats_v1(cg, stats);
	cg_stats_v2(cg, stats);
	return stats;
}
