/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * guest_metrics.h - what of a guest's metrics may be shown beside the host's
 *
 * The text comes from the agent, which is the guest's. A line passes when it is a sample or a TYPE
 * or HELP line of a metric called kata_agent_... or kata_guest_..., in Prometheus' text form.
 * Whatever would make the whole answer unreadable to a scraper is dropped: a family that comes a
 * second time, a second TYPE, a type or value or escape that there is not. So a guest can lie about
 * itself, and about nothing else.
 *
 * Names with "process_" in front get "kata_agent_" before that, as agents in Rust expect.
 *
 * Spec:   Prometheus text exposition format 0.0.4
 * Limits: GUEST_METRICS_MAX bytes in, GUEST_LINE_MAX a line, GUEST_FAMILIES_MAX names; after
 *         GUEST_DROPS_MAX lines that did not pass the rest is not looked at
 * Trust:  hostile
 */
#include <stddef.h>

struct str;

#define GUEST_METRICS_MAX  (1u << 20)
#define GUEST_LINE_MAX     2048u
#define GUEST_FAMILIES_MAX 256u
#define GUEST_DROPS_MAX    1000u

/* Appends what passes; of more than GUEST_METRICS_MAX only the beginning is looked at. Pure. */
void guest_metrics_add(struct str *out, const char *text, size_t len);
