/* Threads for the kernels. Work is cut into blocks whose size depends on the work alone, never on the number of
 * threads, and each block writes to places of its own: so the result has the same bits for any number of threads. */
#ifndef MG_PARALLEL_H
#define MG_PARALLEL_H

#include <stdint.h>

/* The least work worth a block of its own, in floats of `add`. One core adds this many in about 10 us; waking a thread
 * costs 2 us on an idle machine, but on a busy one it costs a turn of the scheduler, which a small network must not
 * pay: with half of this, a training step of 36 us took 14 ms beside four other programs on two cores. */
#define MG_GRAIN 65536

/* Work below this is short, and may use another instruction set than long work: see dispatch.c. */
#define MG_SHORT 32768

/* An output of MG_STREAM bytes or more would not stay in a cache for its next reader, so kernels store it past the caches.
 * They recognise it by the length of their range, which is then at least MG_STREAM_BLOCK bytes, and less otherwise. */
#define MG_STREAM (8 << 20)
#define MG_STREAM_BLOCK (1 << 20)

/* How many items of this cost make a block; of cheap items, whole cache lines. */
static inline int64_t mg_block(int64_t cost) {
    int64_t items = MG_GRAIN / (cost > 0 ? cost : 1);
    return items < 1 ? 1 : items < 64 ? items : items & ~(int64_t)63;
}

/* The block length for n items with outputs of `size` bytes each: enough work for a thread; or, if the output is stored past
 * the caches, enough bytes for kernels to recognise it, in blocks of nearly equal length. */
static inline int64_t mg_cut(int64_t n, int64_t cost, int64_t size) {
    if (n * size < MG_STREAM) return mg_block(cost);
    const int64_t least = MG_STREAM_BLOCK / size, blocks = n / least;
    return (n + blocks - 1) / blocks;
}

/* Threads to use for this many blocks; 1 inside a forked child, whose parent's threads do not exist there. */
int mg_threads_for(int64_t blocks);

/* body(args, block) for every block in 0 .. blocks-1, in any order. */
void mg_parallel(int64_t blocks, void (*body)(void *args, int64_t block), void *args);

#endif
