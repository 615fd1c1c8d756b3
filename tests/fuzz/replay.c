/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The main of a fuzz target that is built without libFuzzer: runs the target over the files
 * named, and over those in the directories named, in order of their names.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned int files;

static void
run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;
	size_t size;
	long end;

	if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (end = ftell(f)) < 0) {
		perror(path);
		exit(1);
	}
	rewind(f);
	/* Its own block of its own size: a read past the end is seen. */
	data = malloc(end != 0 ? (size_t)end : 1);
	if (data == NULL)
		abort();
	size = fread(data, 1, (size_t)end, f);
	fclose(f);
	if (getenv("REPLAY_VERBOSE") != NULL)
		fprintf(stderr, "%s\n", path);
	(void)LLVMFuzzerTestOneInput(data, size);
	free(data);
	files++;
}

static int
is_visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static void
run_dir(const char *path)
{
	struct dirent **entry;
	char name[4096];
	int n = scandir(path, &entry, is_visible, alphasort);

	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s/%s", path, entry[i]->d_name);
		run_file(name);
		free(entry[i]);
	}
	if (n >= 0)
		free(entry);
}

int
main(int argc, char **argv)
{
	struct stat st;

	for (int i = 1; i < argc; i++)
		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			run_dir(argv[i]);
		else
			run_file(argv[i]);
	printf("%u inputs\n", files);
	return files != 0 ? 0 : 1;
}
