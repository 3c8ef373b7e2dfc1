/* SPDX-License-Identifier: ISC */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * Runs a fuzz target once over every file of its corpus, without libFuzzer: so what fuzzing has
 * found stays found in every build. Usage: fuzz_x CORPUS_DIRECTORY
 */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void replay(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes = NULL;
	size_t len = 0, got;

	if (!file)
		return;
	do {
		bytes = realloc(bytes, len + 65536);
		if (!bytes)
			abort();
		got = fread(bytes + len, 1, 65536, file);
		len += got;
	} while (got > 0);
	fclose(file);
	/* A block of exactly this length: reading past it is seen by ASan. */
	bytes = realloc(bytes, len ? len : 1);
	LLVMFuzzerTestOneInput(bytes, len);
	free(bytes);
}

int main(int argc, char **argv)
{
	DIR *corpus = argc == 2 ? opendir(argv[1]) : NULL;
	struct dirent *entry;
	size_t count = 0;

	if (!corpus) {
		fprintf(stderr, "usage: %s CORPUS_DIRECTORY\n", argv[0]);
		return 64;
	}
	while ((entry = readdir(corpus))) {
		char path[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
		replay(path);
		count++;
	}
	closedir(corpus);
	printf("%zu inputs\n", count);
	return count ? 0 : 1; /* an empty corpus proves nothing */
}
