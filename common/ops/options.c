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

enum {
	KEY_BYTES = 32,	    /* 256 bits */
	VALUE_COLUMN = 23,  /* of the help behind it */
	FIRST_VALUE = 1000, /* what getopt calls the first of the values */
};

static void
print_values(const struct options_program *program)
{
	if (program->value_count == 0)
		return;
	puts("In place of a file:\n");
	for (size_t i = 0; i < program->value_count; i++) {
		const struct options_value *value = &program->values[i];

		printf("      --%s %s%*s %s\n", value->name, value->text,
		    (int)(VALUE_COLUMN - strlen(value->name) -
			strlen(value->text)),
		    "", value->help);
	}
	putchar('\n');
}

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
	    "  -V, --version      print the version and exit\n\n",
	    program->name, program->purpose, program->config_name,
	    manager_possible()
		? "      --service WORD install or remove the service that "
		  "runs this\n                     program with FILE\n"
		: "");
	print_values(program);
	puts("Exit status: 0 ended as asked, 1 could not start or go on,\n"
	     "2 a wrong option or configuration file.");
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

enum { CHECK = 256, GENERATE_KEY, SERVICE };

static const struct option common[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "check", no_argument, NULL, CHECK },
	{ "generate-key", no_argument, NULL, GENERATE_KEY },
	{ "service", required_argument, NULL, SERVICE },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
};
enum { COMMON_COUNT = sizeof(common) / sizeof(common[0]) };

/* Those that both programs have, and those of this one. */
static void
list_options(const struct options_program *program,
    struct option longs[COMMON_COUNT + OPTIONS_VALUES_MAX + 1])
{
	memcpy(longs, common, sizeof(common));
	longs += COMMON_COUNT;
	for (int i = 0; i < (int)program->value_count; i++)
		*longs++ = (struct option){ program->values[i].name,
			required_argument, NULL, FIRST_VALUE + i };
	*longs = (struct option){ 0 };
}

/* One option; as options_read. */
static int
take_option(int option, const struct options_program *program,
    struct options *options)
{
	switch (option) {
	case 'c':
		options->config = optarg;
		return -1;
	case CHECK:
		options->check = true;
		return -1;
	case GENERATE_KEY:
		return generate_key();
	case SERVICE:
		return read_service(optarg, program, options) ? -1
							      : EXIT_CONFIG;
	case 'h':
		print_help(program);
		return EXIT_SUCCESS;
	case 'V':
		printf("%s (transponder) %s\n", program->name, PACKAGE_VERSION);
		return EXIT_SUCCESS;
	default:
		break;
	}
	if (option >= FIRST_VALUE) {
		options->values[option - FIRST_VALUE] = optarg;
		options->has_values = true;
		return -1;
	}
	/* getopt has said what is wrong */
	fprintf(stderr, "Try %s --help\n", program->name);
	return EXIT_CONFIG;
}

/* Whether what was given goes together. */
static bool
check(const struct options_program *program, const struct options *options)
{
	const char *other = options->config != NULL ? "--config"
	    : options->service != SERVICE_NONE	    ? "--service"
						    : NULL;

	for (size_t i = 0; other != NULL && i < program->value_count; i++) {
		if (options->values[i] == NULL)
			continue;
		fprintf(stderr,
		    "%s: --%s: found it with %s; expected a file, or options "
		    "in its place\n",
		    program->name, program->values[i].name, other);
		return false;
	}
	return true;
}

int
options_read(int argc, char **argv, const struct options_program *program,
    struct options *options)
{
	struct option longs[COMMON_COUNT + OPTIONS_VALUES_MAX + 1];
	int option, code;

	*options = (struct options){ 0 };
	list_options(program, longs);
	while ((option = getopt_long(argc, argv, "c:hV", longs, NULL)) != -1) {
		code = take_option(option, program, options);
		if (code >= 0)
			return code;
	}
	if (optind < argc) {
		fprintf(stderr,
		    "%s: what is \"%s\"? A configuration file is "
		    "named with -c; try --help\n",
		    program->name, argv[optind]);
		return EXIT_CONFIG;
	}
	return check(program, options) ? -1 : EXIT_CONFIG;
}
