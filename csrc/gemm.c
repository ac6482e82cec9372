#include "gemm.h"

/* A block ends with up to a panel more than its share, each line of a panel is filled up to whole vectors, and the memory
 * begins at a cache line. */
int64_t mg_matmul_work(const mg_product *p) {
    const int64_t n = p->n == 1 ? p->m : p->n, k = p->k;        /* one column is computed as one row */
    if (p->m == 0 || k * n <= MG_GEMM_SMALL) return 0;
    const int64_t all = k * (n + 16), most = MG_GEMM_BLOCK + 80 * 768;
    const int64_t block = all < most ? all : most, transposed = mg_gemm_thin(k, n) ? (k + 16) * n : 0;
    return (block > transposed ? block : transposed) + 16;
}

int64_t mg_linear_bwd_work(const mg_product *product) {
    const mg_product dx = mg_linear_dx(product), dweight = mg_linear_dweight(product);
    const int64_t a = mg_matmul_work(&dx), b = mg_matmul_work(&dweight);
    return a > b ? a : b;
}
