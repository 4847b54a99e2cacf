/* register.h - REGISTER and REGISTERED: what an inner offers, and what the outer
 * makes of it. Unknown keys are ignored; a missing or ill-typed one is an error,
 * as in wire/hello.h. Floor: wire. Source: doc/PROTOCOL, "The control link". */
#ifndef WIRE_REGISTER_H
#define WIRE_REGISTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	REGISTER_NAME_MAX = 64,	 /* bytes of a service's name */
	REGISTER_TEXT_MAX = 512, /* of any other text */
	REGISTER_SERVICES_MAX = 1000,
	REGISTER_ALLOW_MAX = 1000,
	REGISTER_WEIGHT_MAX = 100,
	REGISTER_PAYLOAD_MAX = 65536, /* either's */
};

/* The service that every inner has which registers no other. */
#define REGISTER_DEFAULT "default"

/* Texts are borrowed: from whoever encodes, or from the block of what was
 * decoded. Decoded ones are printable ASCII, and not empty. */
struct register_service {
	const char *name;   /* see register_name_ok */
	const char *target; /* an address, or a range of them, as text */
	const char *listen; /* likewise, on the outer; NULL: it asks for none */
	uint32_t weight;    /* 1 to REGISTER_WEIGHT_MAX */
	bool healthy;
};

struct registration {
	struct register_service *services; /* no two of one name */
	size_t service_count;
	const char **allow; /* entries of AllowTargets, as text */
	size_t allow_count;
	void *block; /* owned: what register_decode took; NULL: nothing */
};

struct registered_service {
	const char *name;
	const char *error;   /* NULL: it is registered. Decoded: '?' stands for
			      * what is not printable */
	uint32_t id;	     /* if it is */
	const char *address; /* where the outer listens for it; NULL: nowhere */
};

struct registered {
	struct registered_service *services; /* no two of one name */
	size_t service_count;
	void *block; /* owned: what registered_decode took */
};

/* 1 to REGISTER_NAME_MAX letters, digits, '.', '_', '-': as an inner's id. */
bool register_name_ok(const char *name);

/*
 * Each writes JSON without a NUL and returns its length in bytes; 0 when there
 * is no memory, a text is not UTF-8, or it does not fit. registered_encode
 * leaves addresses out and cuts errors short rather than not fit: what answers
 * a REGISTER of these names whose targets are addresses always does.
 */
size_t register_encode(const struct registration *registration,
    char out[REGISTER_PAYLOAD_MAX]);
size_t registered_encode(const struct registered *registered,
    char out[REGISTER_PAYLOAD_MAX]);

/*
 * Each returns NULL, or a constant text that says what is wrong; then nothing
 * is owned. Whether an address is one is not looked at. Give what was decoded
 * to register_free, registered_free.
 */
const char *register_decode(const void *json, size_t len,
    struct registration *registration);
const char *
registered_decode(const void *json, size_t len, struct registered *registered);

/* Leave it empty. Zeroed, and what was not decoded, is fine. */
void register_free(struct registration *registration);
void registered_free(struct registered *registered);

#endif
