#include "gemm.h"

/* A block ends with up to a panel more than its share, each line of a panel is filled up to whole vectors, and the memory
 * begins at a cache line. */
int64_t mg_matmul_work(const mg_product *p) {
    if (p->m == 0 || p->n == 0) return 0;
    const int swapped = p->n == 1;                              /* one column is computed as one row */
    const int64_t m = swapped ? 1 : p->m, n = swapped ? p->m : p->n, k = p->k;
    const int64_t y_row = swapped ? p->x_col : p->y_row, y_col = swapped ? p->x_row : p->y_col;
    if (k * n <= MG_GEMM_SMALL) return 0;
    const int64_t all = k * (n + 16), most = MG_GEMM_WIDE * MG_GEMM_BLOCK + 80 * 768, block = all < most ? all : most;
    if (mg_gemm_thin(k, n)) return (block > (k + 16) * n ? block : (k + 16) * n) + 16;
    const int near = mg_gemm_near(m, k, n, y_row, y_col, 4) && mg_gemm_near(m, k, n, y_row, y_col, 8);
    return near ? 0 : block + 16;
}

int64_t mg_linear_bwd_work(const mg_product *product) {
    const mg_product dx = mg_linear_dx(product), dweight = mg_linear_dweight(product);
    const int64_t a = mg_matmul_work(&dx), b = mg_matmul_work(&dweight);
    return a > b ? a : b;
}
