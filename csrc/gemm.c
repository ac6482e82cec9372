#include "gemm.h"

#include "minigrad.h"

/* A packed block is `rows` lines, each filled up to whole vectors, and begins at a cache line: 16 numbers each. */
int64_t mg_matmul_work(int64_t m, int64_t k, int64_t n) {
    if (n == 1) n = m;                          /* computed as its transpose */
    if (m == 0 || k * n <= MG_MATMUL_SMALL) return 0;
    const int64_t rows = k < MG_GEMM_K ? k : MG_GEMM_K;
    const int64_t cols = n < MG_GEMM_N ? n : MG_GEMM_N;
    const int64_t block = rows * (cols + 16), transposed = mg_gemm_thin(k, n) ? (k + 16) * n : 0;
    return (block > transposed ? block : transposed) + 16;
}
