/*
 * shard.c - all that one event loop of the inner owns: its spares.
 *
 * Owns:    its worker, its resolver and every spare on its loop.
 * Thread:  messages from the keeper and events of spares run on the shard's;
 *          inner_shard_start and the like on main.
 * Floor:   inner.
 *
 * The exchange of a message's flag orders what both threads see: who posts
 * has written before, who takes reads after.
 */
#include "inner/shard.h"
#include "inner/control.h"
#include "inner/keeper.h"
#include "base/str.h"
#include "net/loop.h"
#include "net/resolve.h"
#include "net/tls.h"
#include "net/worker.h"
#include "relay/pump_kit.h"
#include "sys/sys.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { REFILL_WEIGHT = 8 }; /* of what was known before, to one new one */
enum { STALE_MS = 1000 };   /* to replace links by an older key */

static void
to_shard(struct inner_shard *shard, struct inbox_message *message)
{
	if (shard->worker == NULL)
		message->run(message);
	else
		inbox_post(loop_inbox(shard->loop), message);
}

static void
to_main(struct inner_shard *shard, struct inbox_message *message)
{
	if (shard->worker == NULL)
		message->run(message);
	else
		inbox_post(loop_inbox(shard->main_loop), message);
}

static void
on_look(struct inbox_message *message)
{
	struct inner_shard *shard = list_entry(message, struct inner_shard,
	    look);

	atomic_exchange(&shard->look_waits, false);
	keeper_on_look(shard->keeper, shard);
}

static void
tell(struct inner_shard *shard)
{
	if (!atomic_exchange(&shard->look_waits, true))
		to_main(shard, &shard->look);
}

static void
on_end(struct inbox_message *message)
{
	struct inner_shard *shard = list_entry(message, struct inner_shard,
	    end);

	keeper_on_end(shard->keeper, shard->end_kind, shard->end_why);
	atomic_exchange(&shard->end_waits, false);
}

static void
tell_end(struct inner_shard *shard, enum spare_end end, const char *why)
{
	if (atomic_exchange(&shard->end_waits, true))
		return;
	shard->end_kind = end;
	str_copy(shard->end_why, sizeof(shard->end_why), why);
	to_main(shard, &shard->end);
}

/* A secret on its way to another shard. */
struct secret_note {
	struct inbox_message message;
	struct inner_shard *shard; /* borrowed: whose it is to be */
	unsigned key_serial;	   /* of the key that it was made with */
	uint8_t secret[PROOF_SIZE];
};

static void
learn(struct inner_shard *shard, const uint8_t secret[PROOF_SIZE])
{
	memcpy(shard->secret, secret, PROOF_SIZE);
	shard->has_secret = true;
}

static void
close_all(struct inner_shard *shard, enum spare_state state, const char *why)
{
	struct list_node *node;

	while ((node = list_first(&shard->spares[state])) != NULL)
		spare_close(spare_of(node), SPARE_END_NORMAL, why);
}

/* The new key is good: the links by the old one go, one after another, so that
 * there are always some. */
static void
replace_stale(struct inner_shard *shard)
{
	struct list *idle = &shard->spares[SPARE_IDLE];
	struct list_node *node = list_first(idle);
	uint64_t place = 0;

	close_all(shard, SPARE_CONTROL, "the key has changed");
	for (; node != NULL; node = list_next(idle, node))
		spare_replace_stale(spare_of(node),
		    place++ * STALE_MS / idle->length);
	shard->has_stale = false;
}

/* It came of a full handshake: so that key is good. */
static void
on_note(struct inbox_message *message)
{
	struct secret_note *note = list_entry(message, struct secret_note,
	    message);
	struct inner_shard *shard = note->shard;

	if (!shard->closed && note->key_serial == shard->key_serial) {
		learn(shard, note->secret);
		if (shard->has_stale)
			replace_stale(shard);
	}
	proof_forget(note->secret, sizeof(note->secret));
	free(note);
}

/* Without memory that shard makes a full handshake of its own. */
static void
pass_on(struct inner_shard *from, struct inner_shard *to,
    const uint8_t secret[PROOF_SIZE])
{
	struct secret_note *note = calloc(1, sizeof(*note));

	if (note == NULL)
		return;
	note->message.run = on_note;
	note->shard = to;
	note->key_serial = from->key_serial;
	memcpy(note->secret, secret, PROOF_SIZE);
	if (from->loop == to->loop)
		note->message.run(&note->message);
	else
		inbox_post(loop_inbox(to->loop), &note->message);
}

void
inner_shard_on_secret(struct inner_shard *shard,
    const uint8_t secret[PROOF_SIZE])
{
	const struct keeper *keeper = shard->keeper; /* constant by now */

	learn(shard, secret);
	for (unsigned i = 0; i < keeper->shard_count; i++)
		if (&keeper->shards[i] != shard)
			pass_on(shard, &keeper->shards[i], secret);
	if (shard->control == NULL)
		pass_on(shard, keeper_control_shard(shard->keeper), secret);
}

void
inner_shard_on_ticket(struct inner_shard *shard, struct tls_ticket *ticket)
{
	if (ticket == NULL)
		return;
	tls_ticket_free(shard->ticket);
	shard->ticket = ticket;
}

static void
on_quiet(void *arg)
{
	struct inner_shard *shard = arg;

	atomic_store(&shard->over, true);
	tell(shard);
}

/* Nothing is left, and last words are out. */
static void
tell_if_over(struct inner_shard *shard)
{
	if (!shard->draining || shard->closed || shard->asked_quiet ||
	    shard->control != NULL)
		return;
	for (int i = 0; i < SPARE_CLOSED; i++)
		if (shard->spares[i].length > 0)
			return;
	shard->asked_quiet = true;
	loop_when_quiet(shard->loop, on_quiet, shard);
}

static void
on_begin(struct inbox_message *message)
{
	struct inner_shard *shard = list_entry(message, struct inner_shard,
	    begin);
	const struct inner_config *config = shard->config;
	const uint64_t waits[] = { config->handshake_ms, config->dial_ms,
		config->forward_ms, SPARE_RETIRE_MS };

	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++)
		loop_timer_class(shard->loop, waits[i]);
}

static void
on_start(struct inbox_message *message)
{
	struct inner_shard *shard = list_entry(message, struct inner_shard,
	    start);
	unsigned count = atomic_exchange(&shard->to_start, 0);
	bool failed = false;

	while (count > 0 && !shard->draining && !shard->closed && !failed) {
		failed = !spare_start(shard);
		count -= !failed;
	}
	atomic_fetch_sub(&shard->gauges[SPARE_CONNECTING], count);
	if (failed)
		tell_end(shard, SPARE_END_FAILED,
		    "out of memory or descriptors");
}

static void
on_shrink(struct inbox_message *message)
{
	struct inner_shard *shard = list_entry(message, struct inner_shard,
	    shrink);
	struct list *idle = &shard->spares[SPARE_IDLE];
	unsigned most = atomic_exchange(&shard->idle_most, UINT_MAX);

	if (shard->closed)
		return;
	while (idle->length > most)
		spare_retire(spare_of(list_first(idle)), GOAWAY_SHRINK);
}

static void
on_drain(struct inbox_message *message)
{
	struct inner_shard *shard = list_entry(message, struct inner_shard,
	    drain);
	struct list *dialing = &shard->spares[SPARE_DIALING];
	struct list_node *node;

	if (shard->closed)
		return;
	shard->draining = true;
	close_all(shard, SPARE_CONNECTING, "the inner is stopping");
	close_all(shard, SPARE_HANDSHAKE, "the inner is stopping");
	while ((node = list_first(&shard->spares[SPARE_IDLE])) != NULL)
		spare_retire(spare_of(node), GOAWAY_SHUTDOWN);
	while ((node = list_first(&shard->spares[SPARE_CONTROL])) != NULL)
		spare_retire(spare_of(node), GOAWAY_SHUTDOWN);
	for (node = list_first(dialing); node != NULL;
	     node = list_next(dialing, node))
		spare_will_leave(spare_of(node));
	tell_if_over(shard);
}

/* A quick join would still be by the old key, and a proof is half made. */
static void
on_key(struct inbox_message *message)
{
	struct shard_key *change = list_entry(message, struct shard_key,
	    message);
	struct inner_shard *shard = change->shard;

	if (!shard->closed) {
		str_copy(shard->key, sizeof(shard->key), change->text);
		shard->key_serial++;
		shard->has_stale = shard->spares[SPARE_IDLE].length +
			shard->spares[SPARE_CONTROL].length >
		    0;
		shard->has_secret = false;
		proof_forget(shard->secret, sizeof(shard->secret));
		close_all(shard, SPARE_HANDSHAKE, "the key has changed");
	}
	proof_forget(change, sizeof(*change));
	free(change);
}

void
inner_shard_take_key(struct inner_shard *shard, struct shard_key *change)
{
	change->shard = shard;
	change->message.run = on_key;
	to_shard(shard, &change->message);
}

bool
inner_shard_init(struct inner_shard *shard, struct keeper *keeper,
    struct loop *main_loop, bool own_thread)
{
	shard->keeper = keeper;
	shard->config = keeper->config;
	shard->identity = &keeper->identity;
	str_copy(shard->key, sizeof(shard->key), shard->config->auth_key);
	shard->main_loop = main_loop;
	for (int i = 0; i < SPARE_NSTATES; i++)
		list_init(&shard->spares[i]);
	shard->begin.run = on_begin;
	shard->start.run = on_start;
	shard->shrink.run = on_shrink;
	shard->drain.run = on_drain;
	shard->look.run = on_look;
	shard->end.run = on_end;
	atomic_init(&shard->idle_most, UINT_MAX);
	if (own_thread && (shard->worker = worker_new()) == NULL)
		return false;
	shard->loop = own_thread ? worker_loop(shard->worker) : main_loop;
	if ((shard->resolver = resolver_new(shard->loop)) == NULL)
		return false;
	if (shard->control == NULL)
		shard->pumps = pump_kit_new(shard->loop, shard->config->pump,
		    sys_raise_fd_limit(),
		    shard->config->workers > 0 ? shard->config->workers : 1,
		    &shard->keeper->memory);
	to_shard(shard, &shard->begin);
	return !own_thread || worker_start(shard->worker);
}

void
inner_shard_start(struct inner_shard *shard, unsigned count)
{
	atomic_fetch_add(&shard->gauges[SPARE_CONNECTING], count);
	if (atomic_fetch_add(&shard->to_start, count) == 0)
		to_shard(shard, &shard->start);
}

void
inner_shard_shrink(struct inner_shard *shard, unsigned most)
{
	if (atomic_exchange(&shard->idle_most, most) == UINT_MAX)
		to_shard(shard, &shard->shrink);
}

void
inner_shard_drain(struct inner_shard *shard)
{
	to_shard(shard, &shard->drain);
}

unsigned
inner_shard_count(const struct inner_shard *shard, enum spare_state state)
{
	return atomic_load_explicit(&shard->gauges[state],
	    memory_order_acquire);
}

void
inner_shard_join(struct inner_shard *shard)
{
	if (shard->worker != NULL)
		worker_join(shard->worker);
}

void
inner_shard_close(struct inner_shard *shard)
{
	if (shard->loop == NULL)
		return;
	shard->closed = true;
	for (int i = 0; i < SPARE_CLOSED; i++)
		close_all(shard, (enum spare_state)i, "the inner stops");
	resolver_free(shard->resolver);
	pump_kit_free(shard->pumps);
	worker_free(shard->worker);
	proof_forget(shard->secret, sizeof(shard->secret));
	proof_forget(shard->key, sizeof(shard->key));
	tls_ticket_free(shard->ticket);
	shard->loop = NULL;
}

void
inner_shard_on_control_asked(struct inner_shard *shard)
{
	if (!atomic_exchange(&shard->identity->asks_control, true) &&
	    shard->control == NULL)
		tell(shard);
}

static void
note_refill(struct inner_shard *shard, uint64_t took_us)
{
	uint64_t known = atomic_load_explicit(&shard->refill_us,
	    memory_order_relaxed);

	known = known == 0
	    ? took_us
	    : (known * (REFILL_WEIGHT - 1) + took_us) / REFILL_WEIGHT;
	atomic_store_explicit(&shard->refill_us, (unsigned)known,
	    memory_order_relaxed);
}

void
inner_shard_on_joined(struct inner_shard *shard, struct spare *spare,
    uint64_t took_us)
{
	if (shard->control != NULL) {
		control_on_joined(shard->control, spare);
		return;
	}
	note_refill(shard, took_us);
	if (shard->has_stale)
		replace_stale(shard);
	if (atomic_load(&shard->identity->hear_joins)) {
		atomic_store(&shard->joined, true);
		tell(shard);
	}
}

void
inner_shard_on_taken(struct inner_shard *shard, uint16_t waiting)
{
	atomic_store(&shard->waiting, waiting);
	atomic_fetch_add(&shard->taken, 1);
	tell(shard);
}

/* Whether a link that the outer has let in stands by or is in use here. */
static bool
has_good_link(const struct inner_shard *shard)
{
	return shard->spares[SPARE_IDLE].length +
	    shard->spares[SPARE_DIALING].length +
	    shard->spares[SPARE_STARTED].length +
	    shard->spares[SPARE_RELAYING].length >
	    0;
}

void
inner_shard_on_end(struct inner_shard *shard, enum spare_state from,
    enum spare_end end, const char *why)
{
	if (shard->closed)
		return;
	if (shard->control != NULL) {
		control_on_end(shard->control, end, why);
		return;
	}
	if (end != SPARE_END_NORMAL)
		tell_end(shard, end, why);
	/* who has relayed is replaced long since: the keeper need not wake up
	 * for each session that ends, but when nothing good is left */
	if (from != SPARE_RELAYING || !has_good_link(shard))
		tell(shard);
	tell_if_over(shard);
}
