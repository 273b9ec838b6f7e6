/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * stats.h - what v1's and v2's statistics share: to read files, and to fill the repeated and map
 * fields of the message
 *
 * The message owns everything, so that protobuf_c_message_free_unpacked() frees it.
 * Limits: CG_STATS_MAX entries a list; what is over is left out
 */
#include "lib/cgroup/priv.h"

#define CG_STATS_MAX 4096

Grpc__MemoryData *cg_memory_data(void);
void cg_stats_add_memory(Grpc__MemoryStats *m, const char *key, uint64_t value);
/* Every "key number" line of a memory.stat. */
void cg_stats_memory_stat(Grpc__MemoryStats *m, const char *text);
void cg_stats_add_blkio(Grpc__BlkioStatsEntry ***list, size_t *n, uint64_t major, uint64_t minor,
			const char *op, uint64_t value);
void cg_stats_add_percpu(Grpc__CpuUsage *usage, uint64_t value);

/* A control file's text, owned by the caller; NULL: it cannot be read. */
char *cg_stats_text(int dir_fd, const char *file);

/* The same files in v1 and v2. */
void cg_stats_pids(Grpc__PidsStats *pids, int dir_fd);

/* Add an entry, and have it filled, for the size ("2MB") of every "hugetlb.<size><suffix>". */
void cg_stats_hugetlb(Grpc__CgroupStats *stats, int dir_fd, const char *suffix,
		      void (*fill)(Grpc__HugetlbStats *s, int dir_fd, const char *size));
