/* SPDX-License-Identifier: Apache-2.0 */
/* The systemd of systemd_player.h as a program: play_systemd SOCKET; says "ready", serves one client. */
#include <stdio.h>

#include "systemd_player.h"

int main(int argc, char **argv)
{
	pid_t player;

	if (argc != 2 || !player_can_play())
		return 77;
	player = player_start(argv[1], PLAY_GOOD);
	puts("ready");
	fflush(stdout);
	return player_result(player) == PLAYER_ASKED_AS_SAID ? 0 : 1;
}
