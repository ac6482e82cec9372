/* Philox 4x32-7 for one block, and what is drawn from it word by word: a permutation. */
#include "philox.h"

#include "minigrad.h"

void mg_philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2]) {
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0], k1 = key[1];
    for (int round = 0; round < MG_PHILOX_ROUNDS; round++) {
        const uint64_t p0 = c0 * MG_PHILOX_MULTIPLIER_0, p1 = c2 * MG_PHILOX_MULTIPLIER_1;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += MG_PHILOX_KEY_STEP_0;
        k1 += MG_PHILOX_KEY_STEP_1;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

/* 64-bit words for one permutation. Its blocks have the offset as the counter's low half and count 1, 2, 3, ... in the
 * high half, which is 0 in every kernel's blocks: so a permutation draws as many words as it needs, and consumes one
 * number of the offset, whatever n is and however many words are rejected. */
struct words {
    uint64_t seed, offset, block;
    uint64_t word[2];
    int left;
};

static uint64_t next_word(struct words *s) {
    if (s->left == 0) {
        const uint32_t key[2] = {(uint32_t)s->seed, (uint32_t)(s->seed >> 32)};
        const uint64_t block = ++s->block;
        const uint32_t counter[4] = {
            (uint32_t)s->offset, (uint32_t)(s->offset >> 32), (uint32_t)block, (uint32_t)(block >> 32),
        };
        uint32_t out[4];
        mg_philox(out, counter, key);
        s->word[1] = out[0] | (uint64_t)out[1] << 32;
        s->word[0] = out[2] | (uint64_t)out[3] << 32;
        s->left = 2;
    }
    return s->word[--s->left];
}

/* The 128-bit product x n from four of 32 x 32 bits, as not every compiler has a type for it: the high half is
 * returned, *low takes the low half. */
static uint64_t multiply(uint64_t x, uint64_t n, uint64_t *low) {
    const uint64_t x0 = (uint32_t)x, x1 = x >> 32, n0 = (uint32_t)n, n1 = n >> 32;
    const uint64_t middle = x1 * n0 + (x0 * n0 >> 32), other = x0 * n1 + (uint32_t)middle;
    *low = x * n;
    return x1 * n1 + (middle >> 32) + (other >> 32);
}

/* A number below n, each equally likely (Lemire, "Fast random integer generation in an interval", ACM TOMACS 2019).
 * The high half of x n is one of 0 .. n-1, but 2^64 words do not share out evenly among n numbers: words whose low
 * half is below 2^64 mod n are the surplus, and are drawn again. Low halves of n or more are certainly above it, which
 * spares nearly every call the division. */
static uint64_t below(struct words *s, uint64_t n) {
    uint64_t low, high = multiply(next_word(s), n, &low);
    if (low < n) {
        const uint64_t surplus = (0 - n) % n;
        while (low < surplus) high = multiply(next_word(s), n, &low);
    }
    return high;
}

/* Fisher and Yates's shuffle (Knuth, The Art of Computer Programming 2, 3.4.2), inside out: when 0 .. i-1
 * stand in random order, i enters at a random place j <= i, and the number that stood there moves to the end. Each of the
 * (i+1)! orders then has one way to arise, so all are equally likely. */
void mg_permutation(int64_t *out, uint64_t seed, uint64_t offset, int64_t n) {
    struct words s = {seed, offset, 0, {0, 0}, 0};
    for (int64_t i = 0; i < n; i++) {
        const int64_t j = (int64_t)below(&s, (uint64_t)i + 1);
        out[i] = out[j];
        out[j] = i;
    }
}
