/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * events.h - tell the front end what happened to the tasks (tasks_front.event)
 */
#include "engine/engine.h"
#include "task.pb-c.h"

struct tasks;

/* Each at the moment that it is true, and before whoever asked for it is answered. */
void event_created(const struct tasks *tasks, const Containerd__Task__V2__CreateTaskRequest *req);
void event_started(const struct tasks *tasks, const struct process *p);
void event_exited(const struct tasks *tasks, const struct process *p);
void event_deleted(const struct tasks *tasks, const char *id, uint32_t pid,
		   const struct exit_info *info);
void event_oom(const struct tasks *tasks, const char *id);

/* Those of an operation that is known by names only when it has ended. */
typedef void event_by_name(const struct tasks *tasks, const char *id, const char *exec_id);
event_by_name event_exec_added, event_paused, event_resumed;
