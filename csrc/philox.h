/* The constants of Philox 4x32-7 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 *
 * A block of four words (c0, c1, c2, c3) and a key (k0, k1) go through seven rounds. With the 64-bit products
 * p0 = c0 MULTIPLIER_0 and p1 = c2 MULTIPLIER_1, a round is
 *
 *     (c0, c1, c2, c3) <- (high p1 ^ c1 ^ k0,  low p1,  high p0 ^ c3 ^ k1,  low p0)
 *
 * and the key grows by (KEY_STEP_0, KEY_STEP_1) after it. The rounds are a bijection of blocks for each key, which
 * scrambles them so well that the numbers 0, 1, 2, ... come out as random words. philox.c has the rounds for one
 * block, kernels/random.inc for a vector of them.
 *
 * Why seven rounds: it is the fewest that pass all of TestU01's BigCrush, as the authors report for this generator.
 * They propose ten for a margin, which costs 43 % more where the rounds are most of the work. */
#ifndef MG_PHILOX_H
#define MG_PHILOX_H

#include <stdint.h>

#define MG_PHILOX_ROUNDS 7
#define MG_PHILOX_MULTIPLIER_0 UINT64_C(0xD2511F53)
#define MG_PHILOX_MULTIPLIER_1 UINT64_C(0xCD9E8D57)
#define MG_PHILOX_KEY_STEP_0 UINT32_C(0x9E3779B9)      /* the golden ratio's fraction, 2^32 (sqrt(5) - 1) / 2 */
#define MG_PHILOX_KEY_STEP_1 UINT32_C(0xBB67AE85)      /* 2^32 (sqrt(3) - 1) */

#endif
