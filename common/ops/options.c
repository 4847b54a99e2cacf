/*
 * options.c - the command line that both programs share.
 *
 * Owns:    nothing.
 * Thread:  main.
 * Floor:   ops.
 */
#include "ops/options.h"
#include "base/str.h"
#include "sys/manager.h"
#include "wire/proof.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_BYTES = 32 }; /* 256 bits */

static void
print_help(const struct options_program *program)
{
	printf(
	    "Usage: %s [OPTION]...\n%s\n\n"
	    "  -c, --config FILE  read FILE (default: %s beside the\n"
	    "                     program, else in the working directory)\n"
	    "      --check        read the file, print what it says, and exit\n"
	    "      --generate-key print a new 256-bit AuthKey and exit\n"
	    "%s"
	    "  -h, --help         print this and exit\n"
	    "  -V, --version      print the version and exit\n\n"
	    "Exit status: 0 ended as asked, 1 could not start or go on,\n"
	    "2 a wrong option or configuration file.\n",
	    program->name, program->purpose, program->config_name,
	    manager_possible()
		? "      --service WORD install or remove the service that "
		  "runs this\n                     program with FILE\n"
		: "");
}

static int
generate_key(void)
{
	char text[2 * KEY_BYTES + 1];
	uint8_t key[KEY_BYTES];

	if (!proof_random(key, sizeof(key))) {
		fputs("no random bytes to be had from the system\n", stderr);
		return EXIT_FAILURE;
	}
	hex_encode(key, sizeof(key), text);
	puts(text);
	proof_forget(key, sizeof(key));
	proof_forget(text, sizeof(text));
	return EXIT_SUCCESS;
}

/* False after one line that says what is wrong. */
static bool
read_service(const char *word, const struct options_program *program,
    struct options *options)
{
	static const char *const words[] = { [SERVICE_INSTALL] = "install",
		[SERVICE_REMOVE] = "remove",
		[SERVICE_RUN] = "run" };

	for (int i = SERVICE_INSTALL; i <= SERVICE_RUN; i++) {
		if (strcmp(word, words[i]) == 0) {
			options->service = (enum service_word)i;
			return true;
		}
	}
	fprintf(stderr,
	    "%s: --service: found \"%s\"; expected install, remove or run\n",
	    program->name, word);
	return false;
}

int
options_read(int argc, char **argv, const struct options_program *program,
    struct options *options)
{
	enum { CHECK = 256, GENERATE_KEY, SERVICE };
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, CHECK },
		{ "generate-key", no_argument, NULL, GENERATE_KEY },
		{ "service", required_argument, NULL, SERVICE },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*options = (struct options){ 0 };
	while ((option = getopt_long(argc, argv, "c:hV", longs, NULL)) != -1) {
		switch (option) {
		case 'c':
			options->config = optarg;
			break;
		case CHECK:
			options->check = true;
			break;
		case GENERATE_KEY:
			return generate_key();
		case SERVICE:
			if (!read_service(optarg, program, options))
				return EXIT_CONFIG;
			break;
		case 'h':
			print_help(program);
			return EXIT_SUCCESS;
		case 'V':
			printf("%s (transponder) %s\n", program->name,
			    PACKAGE_VERSION);
			return EXIT_SUCCESS;
		default: /* getopt has said what is wrong */
			fprintf(stderr, "Try %s --help\n", program->name);
			return EXIT_CONFIG;
		}
	}
	if (optind < argc) {
		fprintf(stderr,
		    "%s: what is \"%s\"? A configuration file is "
		    "named with -c; try --help\n",
		    program->name, argv[optind]);
		return EXIT_CONFIG;
	}
	return -1;
}
