/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * log.h - one line an event: a constant message and pairs
 *
 *	log_info("container created", "sandbox", sb->id, "container", c->id);
 *
 * For the edges of the program only (style: libraries do not log). Levels: error, an
 * operation we were asked for failed; warn, something failed and we went on; info, life
 * cycle; debug, every call and step. Values are escaped, so a guest cannot forge a line.
 *
 * Formats: text is logrus' (time="…" level=info msg="…" key=value …), json is
 * {"level":…,"msg":…,"time":…,key:value}, agent is the guest agent's console line
 * {msg,level,ts,version,name,pid,source,subsystem, key:value}.
 * Source: reference formats of kata-runtime, runc --log-format json and kata-agent.
 *
 * Never blocks: a line that the sink does not take at once is dropped and counted.
 */
#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON, LOG_FORMAT_AGENT };

/* fd is borrowed; -1 drops everything. name and source are borrowed for ever. */
void log_setup(int fd, enum log_format format, enum log_level level, const char *name,
	       const char *source);

/* A pair that every further line carries ("sandbox", id); copied; at most 4. */
void log_add_pair(const char *key, const char *value);
bool log_wants(enum log_level level);

/* Pairs of const char *, ended by NULL; a NULL value is printed as "". */
void log_write(enum log_level level, const char *msg, ...) __attribute__((sentinel));

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__, (char *)0)
#define log_warn(...)  log_write(LOG_LEVEL_WARN, __VA_ARGS__, (char *)0)
#define log_info(...)  log_write(LOG_LEVEL_INFO, __VA_ARGS__, (char *)0)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__, (char *)0)
