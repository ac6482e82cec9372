#include "parallel.h"

#include <pthread.h>

#include "minigrad.h"

#if defined(_OPENMP)
#include <omp.h>
#endif

static int budget = 1;

int mg_has_openmp(void) {
#if defined(_OPENMP)
    return 1;
#else
    return 0;
#endif
}

int mg_threads(void) { return budget; }

/* OpenMP keeps its threads between calls and waits for them. In a child of fork() they do not exist, and the wait would never
 * end: so the child computes in its one thread. */
static int forked = 0;
static void after_fork(void) { forked = 1; }
static void watch_fork(void) { pthread_atfork(0, 0, after_fork); }

void mg_set_threads(int threads) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_fork);
    budget = threads < 1 ? 1 : threads;
}

int mg_threads_for(int64_t blocks) {
#if defined(_OPENMP)
    if (budget == 1 || blocks < 2 || forked || omp_in_parallel()) return 1;
    return blocks < budget ? (int)blocks : budget;
#else
    (void)blocks, (void)forked;
    return 1;
#endif
}

void mg_parallel(int64_t blocks, void (*body)(void *args, int64_t block), void *args) {
    int threads = mg_threads_for(blocks);
    if (threads == 1) {
        for (int64_t b = 0; b < blocks; b++) body(args, b);
        return;
    }
#if defined(_OPENMP)
#pragma omp parallel for num_threads(threads) schedule(dynamic)
    for (int64_t b = 0; b < blocks; b++) body(args, b);
#endif
}
