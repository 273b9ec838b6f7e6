/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * scrape.h - everything that /metrics shows, collected when somebody asks
 *
 * The processes of the pod on this host, how long calls took, the overhead, and the guest's own
 * words (guest_metrics.h). A guest that does not answer in SCRAPE_MS is left out: the host's half
 * comes all the same.
 *
 * Overhead: what the supervisor, the VM and virtiofsd use, less what the containers use inside by
 * the guest's word; not below nothing. Processor time is of the time since the last scrape, or
 * since the supervisor started, in percent of one CPU.
 *
 * Source: Kata 3.x, shim_metrics.go (definition of the overhead; Kata samples for a second, we from
 *         scrape to scrape)
 * Thread: the loop's
 */
#include <stddef.h>

struct event_base;
struct scrape;
struct scraper;
struct tasks;

#define SCRAPE_MS             4000u
#define SCRAPE_CONTAINERS_MAX 64 /* asked for what they use; of more the rest counts as overhead \
				  */

/* Counts calls from here on. tasks is borrowed. */
struct scraper *scraper_new(struct event_base *base, struct tasks *tasks);
void scraper_free(struct scraper *scraper); /* with every scrape under way, silently */

/* Once, from the loop; text is borrowed until it returns. The scrape is gone by then. */
typedef void scrape_done(void *arg, const char *text, size_t len);
struct scrape *scraper_start(struct scraper *scraper, scrape_done *done, void *arg);
/* done will not be called, but the scrape counts until the guest has answered. NULL is fine. */
void scrape_cancel(struct scrape *scrape);

size_t scraper_under_way(const struct scraper *scraper);
