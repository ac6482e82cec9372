/* The C API of minigrad: the types that cross from Python, and the functions that are not one of kernels.def's.
 * build.py hands the marked region to cffi as it stands, so that Python and C read one text. */
#ifndef MINIGRAD_H
#define MINIGRAD_H

#include <stdint.h>

/* cffi begins */

/* How to visit operands of different shapes and strides as if they were broadcast to the output's shape.
 * The output is contiguous, but for put, move and scatter, which walk over it as operand 0. Axis d has length shape[d];
 * moving along it advances operand i by stride[i][d] elements, 0 where the operand is broadcast. Axes are merged before
 * they come here, so ndim is small. */
typedef struct {
    int64_t ndim;
    int64_t shape[16];
    int64_t stride[3][16];
} mg_walk;

/* Hyperparameters of a group of parameters. decoupled: weight decay shrinks the parameter, and is no part of the
 * gradient. lr_in_velocity and eps_*: Keras's arithmetic, where it is not PyTorch's. */
typedef struct {
    double lr, momentum, dampening, weight_decay;
    int64_t nesterov, maximize, decoupled, lr_in_velocity;
} mg_sgd;

typedef struct {
    double lr, beta1, beta2, eps, weight_decay;
    int64_t decoupled, amsgrad, maximize, eps_hat;
} mg_adam;

typedef struct {
    double lr, alpha, eps, weight_decay, momentum;
    int64_t centered, maximize, decoupled, eps_inside, lr_in_velocity;
} mg_rmsprop;

typedef struct {
    double lr, lr_decay, eps, weight_decay;
    int64_t maximize, decoupled, eps_inside;
} mg_adagrad;

typedef struct {
    double lr, rho, eps, weight_decay;
    int64_t maximize, decoupled;
} mg_adadelta;

typedef struct {
    double lr, beta1, beta2, eps, weight_decay;
    int64_t maximize, decoupled, eps_outside;
} mg_adamax;

typedef struct {
    double lr, beta1, beta2, eps, weight_decay, momentum_decay;
    int64_t maximize, decoupled;
} mg_nadam;

typedef struct {
    double lr, beta1, beta2, eps, weight_decay;
    int64_t maximize, decoupled;
} mg_radam;

/* Instruction sets: 0 portable, 1 AVX2 + FMA, 2 AVX-512 (F, BW, DQ, VL). */
int mg_isa_available(int isa);
int mg_isa_active(int is_short);
int mg_isa_select(int isa, int short_isa);  /* for long and for short work; -1 if this processor or build lacks one */
const char *mg_compiler(void);

int mg_has_openmp(void);
int mg_threads(void);
void mg_set_threads(int threads);

/* Matrix products: out (m x n) = f(x y + bias), x (m x k) and y (k x n) by their strides; or of many such pairs, whose
 * offsets in x and y are operands 0 and 1 of `batch`. */
enum { MG_LINEAR, MG_RELU, MG_SIGMOID, MG_TANH, MG_GELU, MG_GELU_TANH, MG_SILU };
typedef struct {
    int64_t m, k, n, x_row, x_col, y_row, y_col;
    const mg_walk *batch;                   /* NULL: one pair */
    int64_t activation;                     /* f: one of the above */
    int64_t accumulate;                     /* out holds numbers to add to, in place of a bias */
} mg_product;

/* Elements of scratch memory that mg_matmul_* wants for a product; 0: none. */
int64_t mg_matmul_work(const mg_product *product);
int64_t mg_linear_bwd_work(const mg_product *product);

/* The first position whose label is neither ignore_index nor one of lowest .. classes-1, or -1. */
int64_t mg_first_bad_label(const int64_t *target, int64_t ignore_index, int64_t lowest, int64_t classes, int64_t n);

/* A captured step (program.c): calls of kernels, numbered as in kernels.def, alternately for float32 and float64. MG_CHAIN is
 * not a kernel: it says that the next slot[0].i calls work on the same slot[1].i items, and are made block by block.
 * Neither is MG_CHECK, whose slots are the arguments of mg_first_bad_label: a bad label ends the run. */
enum { MG_SLOTS = 12, MG_CHAIN = -1, MG_CHECK = -2 };
typedef union {
    void *p;
    int64_t i;
    double d;
} mg_slot;
typedef struct {
    int64_t kernel;
    mg_slot slot[12];                       /* the arguments, MG_SLOTS at most */
} mg_call;
/* Labels that must be ignore_index or one of lowest .. classes-1. */
typedef struct {
    const int64_t *target;
    int64_t ignore_index, lowest, classes, n;
} mg_labels;
/* An address that changes with each run: *where becomes *base + offset bytes. */
typedef struct {
    void **where, **base;
    int64_t offset;
} mg_patch;
/* Bytes to be copied. */
typedef struct {
    void *from, *to;
    int64_t size;
} mg_move;
typedef struct {
    mg_call *calls;
    int64_t count;
    const mg_patch *patches;
    int64_t patched;
    const mg_labels *labels;
    int64_t checks;
    const mg_move *before, *after;          /* copies made before the calls, and after them */
    int64_t moved_before, moved_after;
} mg_program;
int mg_run(const mg_program *program);      /* 0, before anything outside is written, if a label is invalid */
int mg_run_timed(const mg_program *program, double *seconds);      /* without the copies after the calls; adds what call i
                                                                      took to seconds[i] */
int64_t mg_kernel_cost(int line);           /* the cost of an item, for kernels that work item by item; else 0 */
int mg_kernels(void);
const char *mg_kernel_name(int line);
const char *mg_kernel_parameters(int line); /* "(float *out, ...)", with T for the element; NULL beyond the last line */

/* One Philox 4x32-7 block: four words from a counter and a key. */
void mg_philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2]);
/* A permutation of 0 .. n-1 that depends on (seed, offset) alone. */
void mg_permutation(int64_t *out, uint64_t seed, uint64_t offset, int64_t n);

/* cffi ends */

#endif
