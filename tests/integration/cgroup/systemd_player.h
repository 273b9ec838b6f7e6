/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * systemd_player.h - a systemd for tests, played by a child process
 *
 * libsystemd's own server side on a private socket, which DBUS_SYSTEM_BUS_ADDRESS is set to. It
 * checks that a scope "docker-c1.scope" in "test-kata.slice" is asked for, and answers as told.
 */
#include <stdbool.h>
#include <sys/types.h>

enum play { PLAY_GOOD, PLAY_JOB_FAILS, PLAY_REFUSE };

#define PLAYER_SCOPE         "test-kata.slice:docker:c1"
#define PLAYER_ASKED_AS_SAID 42 /* exit code of the player when all was asked as it should be */

bool player_can_play(void); /* false: no libsystemd here */
pid_t player_start(const char *socket_path, enum play play);
int player_result(pid_t player); /* its exit code */
