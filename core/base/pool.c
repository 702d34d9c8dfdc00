/* pool.c - worker threads that sleep when there is nothing to do.  SPDX-License-Identifier: Apache-2.0 */

#include <pthread.h>
#include <stdlib.h>

#include "pool.h"
#include "wipe.h"

#define STACK_BYTES (512 * 1024)

struct job {
    void (*fn)(void *);
    void *arg;
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct job *jobs; /* a ring of max_waiting */
    size_t first, n_jobs, max_waiting;
    pthread_t *threads;
    size_t n_threads, max_threads, idle;
    bool waking; /* an idle thread was signalled and has not looked yet */
    bool stop;
};

struct pool *pool_new(size_t max_threads, size_t max_waiting)
{
    struct pool *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->jobs = calloc(max_waiting, sizeof *p->jobs);
    p->threads = calloc(max_threads, sizeof *p->threads);
    p->max_waiting = max_waiting;
    p->max_threads = max_threads;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    if (p->jobs && p->threads)
        return p;
    free(p->jobs);
    free(p->threads);
    free(p);
    return NULL;
}

/* One thread at a time is woken, and wakes the next if there is more: a burst of short jobs is mostly done
 * before a second thread is awake. Under the lock. */
static void wake_one(struct pool *p)
{
    if (!p->n_jobs || !p->idle || p->waking)
        return;
    p->waking = true;
    pthread_cond_signal(&p->wake);
}

static void *work(void *arg)
{
    struct pool *p = arg;

    pthread_mutex_lock(&p->lock);
    for (;;) {
        struct job job;

        while (!p->n_jobs && !p->stop) {
            p->idle++;
            pthread_cond_wait(&p->wake, &p->lock);
            p->idle--;
            p->waking = false;
        }
        if (!p->n_jobs)
            break;
        job = p->jobs[p->first];
        p->first = (p->first + 1) % p->max_waiting;
        p->n_jobs--;
        wake_one(p);
        pthread_mutex_unlock(&p->lock);
        job.fn(job.arg);
        wipe_stack();
        pthread_mutex_lock(&p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* Under the lock. */
static void add_thread(struct pool *p)
{
    pthread_attr_t attr;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    if (pthread_create(&p->threads[p->n_threads], &attr, work, p) == 0)
        p->n_threads++;
    pthread_attr_destroy(&attr);
}

bool pool_submit(struct pool *p, void (*fn)(void *), void *arg)
{
    bool taken = false;

    pthread_mutex_lock(&p->lock);
    if (p->n_jobs >= p->idle && p->n_threads < p->max_threads)
        add_thread(p);
    if (p->n_threads && p->n_jobs < p->max_waiting && !p->stop) {
        p->jobs[(p->first + p->n_jobs++) % p->max_waiting] = (struct job){ fn, arg };
        wake_one(p);
        taken = true;
    }
    pthread_mutex_unlock(&p->lock);
    return taken;
}

void pool_free(struct pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (size_t i = 0; i < p->n_threads; i++)
        pthread_join(p->threads[i], NULL);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    free(p->jobs);
    free(p->threads);
    free(p);
}
