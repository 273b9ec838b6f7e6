/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/signals.h"

#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KERNEL_SIGNALS 64

struct kernel_sigaction {
	void *handler; /* NULL is SIG_DFL */
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};

void signals_reset(void)
{
	const struct kernel_sigaction dfl = { 0 };
	uint64_t none = 0;

	for (int sig = 1; sig <= KERNEL_SIGNALS; sig++)
		(void)syscall(SYS_rt_sigaction, sig, &dfl, NULL, sizeof(dfl.mask));
	(void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none));
}
