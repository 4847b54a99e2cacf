/* conf_reload.h - two readings of one file: what has changed between them, and
 * what of it a running program takes. Floor: conf. */
#ifndef CONF_CONF_RELOAD_H
#define CONF_CONF_RELOAD_H

#include "conf/conf.h"

/*
 * Writes the names of the fields whose values differ into out, cut at size:
 * of those with CONF_RELOAD, or of those without. Returns how many they are.
 */
size_t
conf_changed(const struct conf_field *fields, size_t count, const void *running,
    const void *fresh, bool reloadable, char *out, size_t size);

/* Swaps the values of all fields with CONF_RELOAD. Both settings own what
 * they have then. */
void conf_take(const struct conf_field *fields, size_t count, void *running,
    void *fresh);

#endif
