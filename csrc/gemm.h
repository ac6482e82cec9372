/* Matrix product: what mg_matmul_work and the kernels of every instruction set must agree on. */
#ifndef MG_GEMM_H
#define MG_GEMM_H

#include <stdint.h>

/* A packed block of y is at most MG_GEMM_K x MG_GEMM_N numbers: half to all of a second-level cache. */
#ifndef MG_GEMM_K
#define MG_GEMM_K 192
#endif
#define MG_GEMM_N 1008

/* May y be so thin that it is transposed, and out computed by inner products? */
static inline int mg_gemm_thin(int64_t k, int64_t n) { return n <= 16 && k >= 128 && k * n <= 64 * 1024; }

#endif
