#include "gemm.h"

#include "minigrad.h"

int64_t mg_matmul_work(int64_t m, int64_t k, int64_t n) {
    if (!mg_gemm_packs_x(m, k, n)) return 0;
    const int64_t rows = m < MG_GEMM_ROWS ? m : MG_GEMM_ROWS;
    const int64_t length = k < MG_GEMM_K ? k : MG_GEMM_K;
    return (rows + MG_GEMM_MAX_TILE_ROWS) * (length + 16) + 64;
}
