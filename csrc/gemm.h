/* What mg_matmul_work and the kernel must agree on, the same for every instruction set and element type. */
#ifndef MG_GEMM_H
#define MG_GEMM_H

#include <stdint.h>

#define MG_GEMM_K 256               /* k is cut into blocks of at most this length */
#define MG_GEMM_ROWS 4096           /* rows of x that are packed at a time */
#define MG_GEMM_MAX_TILE_ROWS 16    /* no micro-kernel has more rows */

/* Is x copied into panels first? It is read once for each panel of columns of y, and the copy costs about as much as
 * ten columns. */
static inline int mg_gemm_packs_x(int64_t m, int64_t k, int64_t n) { return n >= 128 && m * k >= 64 * 1024; }

#endif
