/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * iptables.h - the guest's packet filter as text, by the programs of its image
 *
 * iptables-save and iptables-restore (ip6tables-...) of the image, which need not have them: ours
 * has them when it was built so (osbuilder/initrd -t).
 *
 * Limits: IPTABLES_MAX bytes in and out, IPTABLES_MS for the program, which is killed then,
 *         IPTABLES_AT_ONCE of them
 * Trust:  the programs are the image's; the text is the supervisor's caller's, and their business
 * Thread: the loop's
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

#define IPTABLES_MAX     (1u << 20)
#define IPTABLES_MS      8000
#define IPTABLES_AT_ONCE 4

struct agent;
struct iptables;

/* From the loop, once. text is what the program wrote, borrowed; NULL on failure. */
typedef void iptables_done(void *arg, const char *text, size_t len, const struct err *err);

/*
 * rules NULL: save. ERR_UNIMPLEMENTED when the image has no such program. The text of a program's
 * failure is the first line of what it complained.
 */
struct iptables *iptables_run(struct agent *agent, bool ipv6, const uint8_t *rules, size_t len,
			      iptables_done *done, void *arg, struct err *err);
/* Kill it, without a call; not for one that was told. */
void iptables_free(struct iptables *run);
