/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * proc_metrics.h - one process of the host as Prometheus metrics, out of /proc/PID
 *
 * Source: Kata 3.x (names and items); proc(5). As Kata has it, sizes of proc_status are bytes,
 * times of proc_stat are clock ticks. Blocks: as /proc does
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct str;

struct proc_metrics {
	const char *prefix; /* "kata_hypervisor" */
	const char *who;    /* "Hypervisor process", for the help texts */
	pid_t pid;          /* 0: there is none, and nothing is added */
	bool netdev;        /* the network devices that it sees, too */
};

/* What the process does not have, or a kernel does not tell, is left out. */
void proc_metrics_add(struct str *out, const struct proc_metrics *p);

/* The parts, from the text of the file. Pure. */
void proc_metrics_add_status(struct str *out, const struct proc_metrics *p, const char *text);
void proc_metrics_add_stat(struct str *out, const struct proc_metrics *p, const char *text);
void proc_metrics_add_io(struct str *out, const struct proc_metrics *p, const char *text);
void proc_metrics_add_netdev(struct str *out, const struct proc_metrics *p, const char *text);

struct proc_usage {
	uint64_t cpu_ns;
	uint64_t memory_bytes; /* its share of what it has in memory (PSS) */
};

/* Adds what the process and its children use to *sum. A process that is gone uses nothing. */
void proc_usage_add(struct proc_usage *sum, pid_t pid);

/* A process that only waits for its one child, as virtiofsd's first does, stands for that child. */
pid_t proc_worker(pid_t pid);
