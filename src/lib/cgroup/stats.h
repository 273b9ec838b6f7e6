/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * stats.h - fill the repeated and map fields of the statistics message
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
Grpc__HugetlbStats *cg_stats_add_hugetlb(Grpc__CgroupStats *stats, const char *size);
void cg_stats_add_percpu(Grpc__CpuUsage *usage, uint64_t value);

/* Call fn with the size ("2MB") of every file "hugetlb.<size><suffix>" in dir_fd. */
void cg_each_hugetlb(int dir_fd, const char *suffix, void (*fn)(void *arg, const char *size),
		     void *arg);
