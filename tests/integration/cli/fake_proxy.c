/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_proxy.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/persist/journal.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/proc.h"

/* The machine is gone: every process has ended, and no agent answers. */
static void lose(evutil_socket_t sig, short what, void *arg)
{
	struct fake *fake = arg;

	(void)sig, (void)what;
	note(fake, "lost");
	fake->lost = true;
	list_for_each_safe(&fake->procs, struct proc, node, p) {
		struct channel *channels[] = { &p->in, &p->out, &p->err };

		for (size_t i = 0; i < ARRAY_LEN(channels); i++) {
			struct err err = ERR_INIT;

			if (!channels[i]->call)
				continue;
			event_del(&channels[i]->event);
			(void)err_set(&err, ERR_UNAVAILABLE, "there is no agent");
			ttrpc_fail(take_ptr(&channels[i]->call), &err);
		}
		proc_set_exit(p, 255);
	}
}

static void open_journal(struct fake *fake, const char *dir)
{
	struct err err = ERR_INIT;
	uint64_t start;

	fake->journal = journal_create(dir, &err);
	if (!fake->journal || proc_start_time(getpid(), &start, &err) < 0 ||
	    !journal_add_process(fake->journal, "supervisor", getpid(), start, &err)) {
		fprintf(stderr, "fake_proxy: %s\n", err.text);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	struct fake fake = { .log_fd = -1 };
	struct ttrpc_service services[3];
	scoped_free char *dir = NULL;
	struct err err = ERR_INIT;
	struct event *usr1;
	int listen_fd = -1;

	for (int i = 1; i + 1 < argc; i++) {
		if (strcmp(argv[i], "-sandbox") == 0)
			fake.sandbox = argv[++i];
		else if (strcmp(argv[i], "-listen-fd") == 0)
			listen_fd = atoi(argv[++i]);
		else if (strcmp(argv[i], "-log") == 0)
			fake.log_fd =
				open(argv[++i], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	}
	if (!fake.sandbox || listen_fd < 0)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	dir = xasprintf("%s/%s", RUN_SANDBOXES, fake.sandbox);
	open_journal(&fake, dir);
	list_init(&fake.procs);
	fake.base = event_base_new();
	services[0] = (struct ttrpc_service){ .desc = &containerd__task__v2__task__descriptor,
					      .methods = task_methods,
					      .n_methods = n_task_methods,
					      .arg = &fake };
	services[1] = (struct ttrpc_service){ .desc = &grpc__agent_service__descriptor,
					      .methods = agent_methods,
					      .n_methods = n_agent_methods,
					      .arg = &fake };
	services[2] = (struct ttrpc_service){ .desc = &kata__supervisor__supervisor__descriptor,
					      .methods = supervisor_methods,
					      .n_methods = n_supervisor_methods,
					      .arg = &fake };
	fake.server = ttrpc_server_new(fake.base, services, ARRAY_LEN(services));
	if (ttrpc_server_listen(fake.server, listen_fd, &err) < 0)
		return 1;
	usr1 = evsignal_new(fake.base, SIGUSR1, lose, &fake);
	event_add(usr1, NULL);
	event_base_dispatch(fake.base);
	event_free(usr1);
	/* As the engine does: the journal goes with its directory, when nothing is left. */
	if (fake.down && dir_remove(dir, &err) < 0)
		return 1;
	return 0;
}
