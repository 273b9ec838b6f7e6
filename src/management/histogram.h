/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * histogram.h - how long calls took, by method, as a Prometheus histogram
 *
 * Source: Kata 3.x: buckets of 1, 2, 4 ... 512 milliseconds, label "action"
 * Limits: HISTOGRAM_ACTIONS_MAX methods; more are not counted
 */
#include <stdint.h>

struct histograms;
struct str;

#define HISTOGRAM_ACTIONS_MAX 64

/* name: "kata_shim_rpc_durations_histogram_milliseconds"; borrowed, as help is. */
struct histograms *histograms_new(const char *name, const char *help);
void histograms_free(struct histograms *h);

/* action is copied the first time; it holds no character that a label would have to escape. */
void histograms_add(struct histograms *h, const char *action, uint64_t took_ns);

/* Nothing while nothing was added. */
void histograms_print(const struct histograms *h, struct str *out);
