/*
 * loop.c - one event loop, what is freed after it, and its timers.
 *
 * Owns:    the event base, the inbox, objects between close and free.
 * Thread:  the one that runs the loop.
 * Floor:   net.
 */
#include "net/loop.h"
#include "net/inbox.h"
#include "base/clock.h"
#include "base/log.h"
#include "sys/thread.h"

#include <event2/event.h>
#include <event2/util.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { FDS_AT_ONCE = 2048 };

struct loop {
	struct event_base *base;     /* owned */
	struct event *reaper;	     /* owned */
	struct inbox *inbox;	     /* owned */
	struct list dead;	     /* struct reap: freed soon */
	struct list last;	     /* struct reap: freed with the loop */
	atomic_size_t ending;	     /* the length of last */
	void (*on_quiet)(void *arg); /* once last is empty; NULL: nobody asks */
	void *quiet_arg;
	struct {
		uint64_t ms;
		const struct timeval *shared; /* libevent's */
	} classes[LOOP_CLASSES_MAX];
	unsigned class_count;
	sock_fd fds; /* below it libevent has its block for each */
};

struct loop_signal {
	struct event event;
	void (*on_signal)(int number, void *arg);
	void *arg;
};

static void
reap_all(struct list *list)
{
	struct list_node *node;

	while ((node = list_pop(list)) != NULL) {
		struct reap *reap = list_entry(node, struct reap, node);

		reap->release(reap->object);
	}
}

static void
on_reap(sock_fd fd, short what, void *arg)
{
	struct loop *loop = arg;

	(void)fd;
	(void)what;
	reap_all(&loop->dead);
}

static void
on_libevent_log(int severity, const char *message)
{
	if (severity == EVENT_LOG_ERR)
		log_error("libevent", "error", KV_STR("text", message));
	else if (severity == EVENT_LOG_WARN)
		log_warn("libevent", "warning", KV_STR("text", message));
}

static struct event_base *
new_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	if (config == NULL)
		return NULL;
	event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

struct loop *
loop_new(void)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (loop == NULL)
		return NULL;
	list_init(&loop->dead);
	list_init(&loop->last);
	event_set_log_callback(on_libevent_log);
	if ((loop->base = new_base()) == NULL ||
	    (loop->reaper = event_new(loop->base, -1, 0, on_reap, loop)) ==
		NULL ||
	    (loop->inbox = inbox_new(loop)) == NULL) {
		loop_free(loop);
		return NULL;
	}
	return loop;
}

void
loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	loop->on_quiet = NULL;
	reap_all(&loop->dead);
	reap_all(&loop->last);
	inbox_free(loop->inbox);
	if (loop->reaper != NULL)
		event_free(loop->reaper);
	if (loop->base != NULL)
		event_base_free(loop->base);
	free(loop);
}

struct event_base *
loop_base(struct loop *loop)
{
	return loop->base;
}

struct preparation {
	struct loop *loop;
	sock_fd end;
};

static void
prepare(void *arg)
{
	struct preparation *until = arg;
	struct loop *loop = until->loop;
	struct event event;

	/* put on and taken off in one go, it never reaches the system */
	for (; loop->fds < until->end; loop->fds++)
		if (event_assign(&event, loop->base, loop->fds, EV_READ,
			on_reap, loop) == 0 &&
		    event_add(&event, NULL) == 0)
			event_del(&event);
}

/*
 * On another thread: the C library gives that memory of its own, where the
 * blocks lie side by side. Here they would fill the gaps between those of
 * sessions, and hold every page for ever.
 */
void
loop_prepare_fd(struct loop *loop, sock_fd fd)
{
	struct preparation until = { loop,
		fd - fd % FDS_AT_ONCE + FDS_AT_ONCE };
	struct thread *thread;

	if (!SOCK_IS_FILE || fd < loop->fds)
		return;
	if ((thread = thread_start(prepare, &until)) == NULL)
		prepare(&until);
	thread_join(thread);
}

struct inbox *
loop_inbox(struct loop *loop)
{
	return loop->inbox;
}

int
loop_run(struct loop *loop)
{
	return event_base_dispatch(loop->base) < 0 ? -1 : 0;
}

void
loop_stop(struct loop *loop)
{
	event_base_loopbreak(loop->base);
}

void
loop_reap(struct loop *loop, struct reap *reap, void (*release)(void *),
    void *object)
{
	if (reap->node.list != NULL)
		return;
	reap->release = release;
	reap->object = object;
	list_push_back(&loop->dead, &reap->node);
	event_active(loop->reaper, EV_TIMEOUT, 0);
}

static void
tell_if_quiet(struct loop *loop)
{
	void (*on_quiet)(void *) = loop->on_quiet;

	if (on_quiet == NULL || loop->last.length > 0)
		return;
	loop->on_quiet = NULL;
	on_quiet(loop->quiet_arg);
}

void
loop_when_quiet(struct loop *loop, void (*on_quiet)(void *), void *arg)
{
	loop->on_quiet = on_quiet;
	loop->quiet_arg = arg;
	tell_if_quiet(loop);
}

static void
stop(void *arg)
{
	loop_stop(arg);
}

void
loop_stop_when_quiet(struct loop *loop)
{
	loop_when_quiet(loop, stop, loop);
}

void
loop_free_with(struct loop *loop, struct reap *reap, void (*release)(void *),
    void *object)
{
	reap->release = release;
	reap->object = object;
	list_push_back(&loop->last, &reap->node);
	atomic_store(&loop->ending, loop->last.length);
}

void
loop_forget(struct loop *loop, struct reap *reap)
{
	list_remove(&reap->node);
	atomic_store(&loop->ending, loop->last.length);
	tell_if_quiet(loop);
}

size_t
loop_ending(const struct loop *loop)
{
	return atomic_load(&loop->ending);
}

void
loop_free_oldest(struct loop *loop)
{
	struct list_node *node = list_first(&loop->last);
	struct reap *reap;

	if (node == NULL)
		return;
	reap = list_entry(node, struct reap, node);
	loop_forget(loop, reap);
	reap->release(reap->object);
}

static void
on_timer(sock_fd fd, short what, void *arg)
{
	struct loop_timer *timer = arg;

	(void)fd;
	(void)what;
	timer->on_time(timer->arg);
}

void
loop_timer_init(struct loop_timer *timer, struct loop *loop,
    void (*on_time)(void *arg), void *arg)
{
	timer->loop = loop;
	timer->on_time = on_time;
	timer->arg = arg;
	evtimer_assign(&timer->event, loop->base, on_timer, timer);
}

void
loop_timer_fini(struct loop_timer *timer)
{
	if (timer->loop != NULL)
		event_del(&timer->event);
	timer->loop = NULL;
}

struct loop_timer *
loop_timer_new(struct loop *loop, void (*on_time)(void *arg), void *arg)
{
	struct loop_timer *timer = calloc(1, sizeof(*timer));

	if (timer != NULL)
		loop_timer_init(timer, loop, on_time, arg);
	return timer;
}

void
loop_timer_free(struct loop_timer *timer)
{
	if (timer == NULL)
		return;
	loop_timer_fini(timer);
	free(timer);
}

static struct timeval
timeval_of(uint64_t ms)
{
	return (struct timeval){ .tv_sec = (long)(ms / 1000),
		.tv_usec = (int)(ms % 1000) * 1000 };
}

static const struct timeval *
find_class(const struct loop *loop, uint64_t ms)
{
	for (unsigned i = 0; i < loop->class_count; i++)
		if (loop->classes[i].ms == ms)
			return loop->classes[i].shared;
	return NULL;
}

void
loop_timer_class(struct loop *loop, uint64_t ms)
{
	struct timeval wait = timeval_of(ms);
	const struct timeval *shared;

	if (loop->class_count == LOOP_CLASSES_MAX ||
	    find_class(loop, ms) != NULL)
		return;
	shared = event_base_init_common_timeout(loop->base, &wait);
	if (shared == NULL)
		return;
	loop->classes[loop->class_count].ms = ms;
	loop->classes[loop->class_count++].shared = shared;
}

void
loop_timer_start(struct loop_timer *timer, uint64_t ms)
{
	const struct timeval *shared = find_class(timer->loop, ms);
	struct timeval wait = timeval_of(ms);

	if (evtimer_add(&timer->event, shared != NULL ? shared : &wait) != 0)
		event_active(&timer->event, EV_TIMEOUT, 0);
}

void
loop_timer_soon(struct loop_timer *timer)
{
	event_active(&timer->event, EV_TIMEOUT, 0);
}

void
loop_timer_stop(struct loop_timer *timer)
{
	event_del(&timer->event);
}

static void
on_signal_event(sock_fd number, short what, void *arg)
{
	struct loop_signal *sig = arg;

	(void)what;
	sig->on_signal((int)number, sig->arg);
}

struct loop_signal *
loop_signal_new(struct loop *loop, int number,
    void (*on_signal)(int number, void *arg), void *arg)
{
	struct loop_signal *sig = calloc(1, sizeof(*sig));

	if (sig == NULL)
		return NULL;
	sig->on_signal = on_signal;
	sig->arg = arg;
	if (evsignal_assign(&sig->event, loop->base, number, on_signal_event,
		sig) != 0 ||
	    evsignal_add(&sig->event, NULL) != 0) {
		free(sig);
		return NULL;
	}
	return sig;
}

void
loop_signal_free(struct loop_signal *sig)
{
	if (sig == NULL)
		return;
	event_del(&sig->event);
	free(sig);
}

uint64_t
loop_jitter(uint64_t ms, unsigned percent)
{
	uint64_t span = ms * percent / 100;
	uint64_t chance = clock_us();

	if (span == 0)
		return ms;
	/* splitmix64: the time is chance enough to keep links apart, and costs
	 * no system call */
	chance = (chance ^ (chance >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	chance = (chance ^ (chance >> 27)) * UINT64_C(0x94d049bb133111eb);
	return ms - span + (chance ^ (chance >> 31)) % (2 * span + 1);
}
