/*
 * list.h - intrusive doubly linked lists. Floor: base.
 *
 * The node sits inside the element and knows its list, so an element leaves
 * wherever it is without asking which list that is, and a list's length is
 * always at hand. Nothing here allocates. A node that is on no list has
 * list == NULL; zeroed memory is such a node, and a zeroed list is NOT an
 * empty one: call list_init.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

struct list;

struct list_node {
	struct list_node *next, *prev;
	struct list *list; /* NULL: on no list */
};

struct list {
	struct list_node head; /* sentinel; head.list stays NULL */
	size_t length;
};

/* The element that embeds node as its member. */
#define list_entry(node, type, member) \
	((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void
list_init(struct list *list)
{
	list->head.next = list->head.prev = &list->head;
	list->head.list = NULL;
	list->length = 0;
}

static inline void
list_insert_before(struct list *list, struct list_node *at,
    struct list_node *node)
{
	assert(node->list == NULL);
	node->next = at;
	node->prev = at->prev;
	at->prev->next = node;
	at->prev = node;
	node->list = list;
	list->length++;
}

static inline void
list_push_front(struct list *list, struct list_node *node)
{
	list_insert_before(list, list->head.next, node);
}

static inline void
list_push_back(struct list *list, struct list_node *node)
{
	list_insert_before(list, &list->head, node);
}

/* Takes node off the list it is on; does nothing when it is on none. */
static inline void
list_remove(struct list_node *node)
{
	if (node->list == NULL)
		return;
	node->prev->next = node->next;
	node->next->prev = node->prev;
	node->list->length--;
	node->list = NULL;
	node->next = node->prev = NULL;
}

/* The first node, or NULL of an empty list. */
static inline struct list_node *
list_first(const struct list *list)
{
	return list->length == 0 ? NULL : list->head.next;
}

/* The last node, or NULL of an empty list. */
static inline struct list_node *
list_last(const struct list *list)
{
	return list->length == 0 ? NULL : list->head.prev;
}

/* The node behind node, or NULL at the end. */
static inline struct list_node *
list_next(const struct list *list, const struct list_node *node)
{
	return node->next == &list->head ? NULL : node->next;
}

/* Takes the first node off and returns it; NULL of an empty list. */
static inline struct list_node *
list_pop(struct list *list)
{
	struct list_node *node = list_first(list);

	if (node != NULL)
		list_remove(node);
	return node;
}

#endif
