/* Matrix product: what mg_matmul_work and the kernels of every instruction set must agree on. */
#ifndef MG_GEMM_H
#define MG_GEMM_H

#include <stdint.h>

#include "minigrad.h"

/* A packed block of y has about so many floats: half to all of a second-level cache (of float64, half as many). */
#define MG_GEMM_BLOCK (192 * 1024)

/* So many blocks are packed at a time where several threads share them. */
enum { MG_GEMM_WIDE = 8 };

/* A product whose k n is at most this is packed, if at all, on the stack. */
enum { MG_GEMM_SMALL = 2048 };

/* Is y best read where it lies? Its rows must be contiguous. When few rows of x use it, the copy is not repaid; and a y
 * that is near in the second-level cache needs none, unless its rows begin at odd places, and every load takes two lines. */
static inline int mg_gemm_near(int64_t m, int64_t k, int64_t n, int64_t y_row, int64_t y_col, int64_t itemsize) {
    const int even = y_row * itemsize % 64 == 0;
    return y_col == 1 && (m <= 64 || n <= 16 || (even ? k * n * itemsize <= 256 * 1024 : m <= 112));
}

/* May y be so thin that it is transposed, and out computed by inner products? */
static inline int mg_gemm_thin(int64_t k, int64_t n) { return n <= 16 && k >= 128 && k * n <= 64 * 1024; }

/* The products behind the gradients of linear, whose own is m x k by k x n, y being weight^T: dx = dout weight and
 * dweight = dout^T x, for a contiguous dout. */
static inline mg_product mg_linear_dx(const mg_product *p) {
    return (mg_product){.m = p->m, .k = p->n, .n = p->k, .x_row = p->n, .x_col = 1, .y_row = p->y_col, .y_col = p->y_row};
}
static inline mg_product mg_linear_dweight(const mg_product *p) {
    return (mg_product){.m = p->n, .k = p->m, .n = p->k, .x_row = 1, .x_col = p->n, .y_row = p->x_row, .y_col = p->x_col};
}

/* The length of a product, in that of one float of `add`, which takes about eight multiplications as long. */
static inline int64_t mg_product_cost(const mg_product *p) {
    int64_t pairs = 1;
    for (int64_t d = 0; p->batch && d < p->batch->ndim; d++) pairs *= p->batch->shape[d];
    return pairs * p->m * p->k * p->n / 8;
}

#endif
