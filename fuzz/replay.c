/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.c - run a fuzz target over files, where there is no libFuzzer
 *
 * Arguments are files and directories of files. Fails when there was nothing to run: a
 * corpus that went missing must not pass for a test. With each file go its
 * truncations at a few places, which are where parsers fall, and up to N_CHANGES changes
 * of a single byte: the same ones on every run.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

#define FILE_MAX  (1u << 20)
#define N_CHANGES 256

static size_t n_run;

/* From memory of exactly that size, so that a sanitizer sees a read past the end. */
static void run_bytes(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	(void)LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void run_changed(uint8_t *data, size_t size)
{
	static const uint8_t with[] = { 0, 0xff, ' ', '9', '"', '\n', '/', '-' };
	size_t step = size / N_CHANGES + 1;

	for (size_t i = 0; i < size; i += step) {
		uint8_t was = data[i];

		data[i] = with[(i / step) % sizeof(with)];
		run_bytes(data, size);
		data[i] = was ^ (uint8_t)(1u << (i % 8));
		run_bytes(data, size);
		data[i] = was;
	}
}

static int run_file(const char *path)
{
	static uint8_t data[FILE_MAX];
	FILE *file = fopen(path, "rbe");
	size_t size;

	if (!file) {
		perror(path);
		return -1;
	}
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	run_bytes(data, size);
	for (size_t part = 1; part < 8; part++)
		run_bytes(data, size * part / 8);
	run_changed(data, size);
	n_run++;
	return 0;
}

static int run_dir(const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, alphasort);
	int r = n < 0 ? -1 : 0;

	for (int i = 0; i < n; i++) {
		char file[4096];

		snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.' && run_file(file) < 0)
			r = -1;
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return r;
}

int main(int argc, char **argv)
{
	int r = 0;

	for (int i = 1; i < argc; i++) {
		struct stat st;

		if (stat(argv[i], &st) < 0) {
			perror(argv[i]);
			return 1;
		}
		if ((S_ISDIR(st.st_mode) ? run_dir(argv[i]) : run_file(argv[i])) < 0)
			r = 1;
	}
	printf("%zu files\n", n_run);
	return n_run ? r : 1;
}
