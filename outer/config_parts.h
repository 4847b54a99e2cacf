/* config_parts.h - what the files of the outer's configuration know of each
 * other. Only outer/config*.c include this. Floor: outer. */
#ifndef OUTER_CONFIG_PARTS_H
#define OUTER_CONFIG_PARTS_H

#include "outer/config.h"

enum { NETS_MAX = 1024, PORTS_MAX = 1000, SERVICES_OF_FILE_MAX = 1000 };

#define RATE_MAX (1024.0 * (1 << 30)) /* 1 TiB a second */

/* What stands in Services and in PortRange. */
extern const struct conf_items config_service_items, config_port_range_items;

/* Whether two addresses cannot both be listened on. */
bool config_same_place(const struct addr *a, const struct addr *b);

/* Whether any two of them have an address in common. */
bool
config_have_common(const struct addr_ranges *a, const struct addr_ranges *b);

/* What one key of Services alone does not show, and NewSessionsBurst. False with
 * one line in problem. */
bool config_check_services(const char *path, const struct outer_config *config,
    char problem[CONF_PROBLEM_SIZE]);
bool config_check_burst(const char *path, const struct outer_config *config,
    char problem[CONF_PROBLEM_SIZE]);

#endif
