/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * metrics.h - what the guest's kernel counts, as Prometheus text
 *
 * Source: names and labels of Kata Containers' agent (kata_agent_*, kata_guest_*); values
 *         as /proc has them, proc(5)
 * Limits: METRICS_TEXT_MAX bytes
 */
#include "lib/base/str.h"

#define METRICS_TEXT_MAX (2u << 20)

/* Everything; owned by the caller. */
char *metrics_format(unsigned long long n_scrapes);

/* Pure parts: text of a file of /proc into lines. */

/* "Key:  123 kB" a line (/proc/meminfo, /proc/PID/status, /proc/PID/io): name{item="key"} */
void metrics_add_keys(struct str *out, const char *name, const char *text);
/* "key 123" a line (/proc/vmstat). */
void metrics_add_words(struct str *out, const char *name, const char *text);
/* The cpu lines of /proc/stat. */
void metrics_add_cpus(struct str *out, const char *name, const char *text);
/* /proc/net/dev. */
void metrics_add_netdev(struct str *out, const char *name, const char *text);
/* /proc/diskstats. */
void metrics_add_disks(struct str *out, const char *name, const char *text);
