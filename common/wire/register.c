/*
 * register.c - the JSON payloads of the control link.
 *
 * Owns:    nothing; what is decoded owns one block, with all its texts.
 * Thread:  any.
 * Floor:   wire. See doc/PROTOCOL, "The control link".
 */
#include "wire/register.h"
#include "wire/hello.h"
#include "wire/payload.h"

#include <stdlib.h>
#include <string.h>

_Static_assert((int)REGISTER_NAME_MAX == (int)HELLO_INNER_MAX,
    "both are names of one kind");

/* For what does not fit otherwise: with it no service is longer here than in
 * the REGISTER that asked. */
#define BRIEF_ERROR "refused"

#define NOT_AN_OBJECT "a service is not a JSON object"
#define NOT_A_NAME \
	"a service's name is not 1 to 64 letters, digits, '.', '_', '-'"
#define NOT_A_LIST "services is not a list of at most 1000"

bool
register_name_ok(const char *name)
{
	return hello_inner_ok(name);
}

/* --- writing ------------------------------------------------------------- */

/* Writes root and gives it up; 0 when there was no memory to make it, or it
 * does not fit. */
static size_t
dump(json_t *root, char out[REGISTER_PAYLOAD_MAX])
{
	size_t len = 0;

	if (root != NULL)
		len = json_dumpb(root, out, REGISTER_PAYLOAD_MAX, JSON_COMPACT);
	json_decref(root);
	return len <= REGISTER_PAYLOAD_MAX ? len : 0;
}

/* NULL: no memory, or a text is not UTF-8. */
static json_t *
pack_service(const struct register_service *service)
{
	json_t *one = json_pack("{s:s, s:s}", "name", service->name, "target",
	    service->target);
	bool ok = one != NULL;

	if (ok && service->listen != NULL)
		ok = json_object_set_new(one, "listen",
			 json_string(service->listen)) == 0;
	if (ok && service->weight != 1)
		ok = json_object_set_new(one, "weight",
			 json_integer(service->weight)) == 0;
	if (ok && !service->healthy)
		ok = json_object_set_new(one, "healthy", json_false()) == 0;
	if (ok)
		return one;
	json_decref(one);
	return NULL;
}

size_t
register_encode(const struct registration *registration,
    char out[REGISTER_PAYLOAD_MAX])
{
	json_t *services = json_array(), *allow = json_array();
	bool ok = services != NULL && allow != NULL;

	for (size_t i = 0; ok && i < registration->service_count; i++)
		ok = json_array_append_new(services,
			 pack_service(&registration->services[i])) == 0;
	for (size_t i = 0; ok && i < registration->allow_count; i++)
		ok = json_array_append_new(allow,
			 json_string(registration->allow[i])) == 0;
	if (ok)
		return dump(json_pack("{s:o, s:o}", "services", services,
				"allow", allow),
		    out);
	json_decref(services);
	json_decref(allow);
	return 0;
}

static json_t *
pack_registered(const struct registered_service *service, bool brief)
{
	if (service->error != NULL)
		return json_pack("{s:s, s:s}", "name", service->name, "error",
		    brief ? BRIEF_ERROR : service->error);
	if (service->address != NULL && !brief)
		return json_pack("{s:s, s:I, s:s}", "name", service->name, "id",
		    (json_int_t)service->id, "address", service->address);
	return json_pack("{s:s, s:I}", "name", service->name, "id",
	    (json_int_t)service->id);
}

static json_t *
pack_all(const struct registered *registered, bool brief)
{
	json_t *services = json_array();
	bool ok = services != NULL;

	for (size_t i = 0; ok && i < registered->service_count; i++)
		ok = json_array_append_new(services,
			 pack_registered(&registered->services[i], brief)) == 0;
	if (ok)
		return json_pack("{s:o}", "services", services);
	json_decref(services);
	return NULL;
}

size_t
registered_encode(const struct registered *registered,
    char out[REGISTER_PAYLOAD_MAX])
{
	size_t len = dump(pack_all(registered, false), out);

	return len > 0 ? len : dump(pack_all(registered, true), out);
}

/* --- reading ------------------------------------------------------------- */

/* Where the texts of what is decoded go. */
struct texts {
	char *at, *end;
};

/* All texts of a payload with their NULs fit into as many bytes as it has: in
 * the payload each stands between two quotes. */
static const char *
keep(struct texts *texts, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = texts->at;

	if (size > (size_t)(texts->end - texts->at))
		return NULL;
	memcpy(copy, text, size);
	texts->at += size;
	return copy;
}

/* The text if it is one of printable ASCII, kept; else NULL. */
static const char *
keep_text(struct texts *texts, const json_t *value)
{
	const char *text = json_string_value(value);
	size_t len = json_string_length(value);

	if (text == NULL || len == 0 || len > REGISTER_TEXT_MAX)
		return NULL;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 ||
		    (unsigned char)text[i] > 0x7e)
			return NULL;
	return keep(texts, text);
}

static const char *
keep_name(struct texts *texts, const json_t *value)
{
	const char *name = json_string_value(value);

	return name != NULL && register_name_ok(name) ? keep(texts, name)
						      : NULL;
}

static bool
take_weight(const json_t *value, uint32_t *weight)
{
	json_int_t number = json_integer_value(value);

	*weight = 1;
	if (value == NULL)
		return true;
	if (!json_is_integer(value) || number < 1 ||
	    number > REGISTER_WEIGHT_MAX)
		return false;
	*weight = (uint32_t)number;
	return true;
}

static const char *
fill_service(const json_t *one, struct texts *texts,
    struct register_service *service)
{
	const json_t *listen = json_object_get(one, "listen");

	if (!json_is_object(one))
		return NOT_AN_OBJECT;
	service->name = keep_name(texts, json_object_get(one, "name"));
	if (service->name == NULL)
		return NOT_A_NAME;
	service->target = keep_text(texts, json_object_get(one, "target"));
	if (service->target == NULL)
		return "a service's target is not a text of 1 to 512 printable "
		       "characters";
	service->listen = listen == NULL ? NULL : keep_text(texts, listen);
	if (listen != NULL && service->listen == NULL)
		return "a service's listen is not a text of 1 to 512 printable "
		       "characters";
	if (!take_weight(json_object_get(one, "weight"), &service->weight))
		return "a service's weight is not a whole number, 1 to 100";
	if (!payload_flag(one, "healthy", &service->healthy))
		return "a service's healthy is not true or false";
	if (json_object_get(one, "healthy") == NULL)
		service->healthy = true;
	return NULL;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* first: the first name of count structures of that size. */
static const char *
find_twins(const void *first, size_t count, size_t size)
{
	const char **names = calloc(count, sizeof(*names)), *why = NULL;

	if (count == 0 || names == NULL) {
		free(names);
		return count == 0 ? NULL : "out of memory";
	}
	for (size_t i = 0; i < count; i++)
		memcpy(&names[i], (const char *)first + i * size,
		    sizeof(*names));
	qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 1; i < count && why == NULL; i++)
		if (strcmp(names[i - 1], names[i]) == 0)
			why = "two services have one name";
	free(names);
	return why;
}
_Static_assert(offsetof(struct register_service, name) == 0 &&
	offsetof(struct registered_service, name) == 0,
    "find_twins looks for names there");

/* One block for lists and texts; texts: the rest of it. */
static void *
take_block(size_t lists, size_t len, struct texts *texts)
{
	char *block = malloc(lists + len);

	texts->at = block + lists;
	texts->end = texts->at + len;
	return block;
}

static const char *
fill_registration(const json_t *services, const json_t *allow,
    struct texts *texts, struct registration *r)
{
	const char *why;

	for (size_t i = 0; i < r->service_count; i++) {
		why = fill_service(json_array_get(services, i), texts,
		    &r->services[i]);
		if (why != NULL)
			return why;
	}
	for (size_t i = 0; i < r->allow_count; i++) {
		r->allow[i] = keep_text(texts, json_array_get(allow, i));
		if (r->allow[i] == NULL)
			return "an entry of allow is not a text of 1 to 512 "
			       "printable characters";
	}
	return find_twins(r->services, r->service_count, sizeof(*r->services));
}

static const char *
read_registration(const json_t *root, size_t len, struct registration *r)
{
	const json_t *services = json_object_get(root, "services");
	const json_t *allow = json_object_get(root, "allow");
	struct texts texts;
	size_t size;

	if (!json_is_array(services) ||
	    json_array_size(services) > REGISTER_SERVICES_MAX)
		return NOT_A_LIST;
	if (allow != NULL &&
	    (!json_is_array(allow) ||
		json_array_size(allow) > REGISTER_ALLOW_MAX))
		return "allow is not a list of at most 1000";
	r->service_count = json_array_size(services);
	r->allow_count = json_array_size(allow);
	size = r->service_count * sizeof(*r->services);
	r->block = take_block(size + r->allow_count * sizeof(*r->allow), len,
	    &texts);
	if (r->block == NULL)
		return "out of memory";
	r->services = r->block;
	r->allow = (const char **)(void *)((char *)r->block + size);
	return fill_registration(services, allow, &texts, r);
}

const char *
register_decode(const void *json, size_t len, struct registration *r)
{
	const char *why;
	json_t *root = payload_load(json, len, &why);

	memset(r, 0, sizeof(*r));
	if (root != NULL)
		why = read_registration(root, len, r);
	json_decref(root);
	if (why != NULL)
		register_free(r);
	return why;
}

static const char *
fill_error(const json_t *error, struct texts *texts,
    struct registered_service *service)
{
	char text[REGISTER_TEXT_MAX + 1];

	if (!json_is_string(error))
		return "a service's error is not a text";
	payload_label(json_string_value(error), text, sizeof(text));
	service->error = keep(texts, text);
	return service->error != NULL ? NULL : "out of memory";
}

static const char *
fill_registered(const json_t *one, struct texts *texts,
    struct registered_service *service)
{
	const json_t *error = json_object_get(one, "error");
	const json_t *address = json_object_get(one, "address");
	const json_t *id = json_object_get(one, "id");
	json_int_t number = json_integer_value(id);

	*service = (struct registered_service){ 0 };
	if (!json_is_object(one))
		return NOT_AN_OBJECT;
	service->name = keep_name(texts, json_object_get(one, "name"));
	if (service->name == NULL)
		return NOT_A_NAME;
	if ((error == NULL) == (id == NULL))
		return "a service has not one of id and error";
	if (error != NULL)
		return fill_error(error, texts, service);
	if (!json_is_integer(id) || number < 0 || number > UINT32_MAX)
		return "a service's id is not a whole number of 32 bits";
	service->id = (uint32_t)number;
	service->address = address == NULL ? NULL : keep_text(texts, address);
	if (address != NULL && service->address == NULL)
		return "a service's address is not a text of 1 to 512 "
		       "printable characters";
	return NULL;
}

static const char *
read_registered(const json_t *root, size_t len, struct registered *r)
{
	const json_t *services = json_object_get(root, "services");
	const char *why = NULL;
	struct texts texts;

	if (!json_is_array(services) ||
	    json_array_size(services) > REGISTER_SERVICES_MAX)
		return NOT_A_LIST;
	r->service_count = json_array_size(services);
	r->block = take_block(r->service_count * sizeof(*r->services), len,
	    &texts);
	if (r->block == NULL)
		return "out of memory";
	r->services = r->block;
	for (size_t i = 0; i < r->service_count && why == NULL; i++)
		why = fill_registered(json_array_get(services, i), &texts,
		    &r->services[i]);
	if (why != NULL)
		return why;
	return find_twins(r->services, r->service_count, sizeof(*r->services));
}

const char *
registered_decode(const void *json, size_t len, struct registered *r)
{
	const char *why;
	json_t *root = payload_load(json, len, &why);

	memset(r, 0, sizeof(*r));
	if (root != NULL)
		why = read_registered(root, len, r);
	json_decref(root);
	if (why != NULL)
		registered_free(r);
	return why;
}

void
register_free(struct registration *registration)
{
	free(registration->block);
	*registration = (struct registration){ 0 };
}

void
registered_free(struct registered *registered)
{
	free(registered->block);
	*registered = (struct registered){ 0 };
}
