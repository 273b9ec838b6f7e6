/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pause - a pod's sandbox container: does nothing, until it is told to end
 *
 * Where the pod's containers share its pid namespace it is process 1 there, to which orphans fall:
 * the kernel buries them for a parent that ignores SIGCHLD.
 */
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

static void end(int sig)
{
	(void)sig;
	_exit(EXIT_SUCCESS);
}

int main(void)
{
	const struct sigaction ends = { .sa_handler = end }, ignored = { .sa_handler = SIG_IGN };

	if (sigaction(SIGTERM, &ends, NULL) < 0 || sigaction(SIGINT, &ends, NULL) < 0 ||
	    sigaction(SIGCHLD, &ignored, NULL) < 0)
		return EXIT_FAILURE;
	for (;;)
		pause();
}
