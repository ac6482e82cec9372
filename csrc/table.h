/* One table of kernels per (instruction set, element type). */
#ifndef MG_TABLE_H
#define MG_TABLE_H

#include "minigrad.h"

#define UNPAREN(...) __VA_ARGS__
#define KERNEL(name, params, args, work) void (*name) params;
#define RANGE(name, params, args, cost) void (*name)(UNPAREN params, int64_t lo, int64_t hi);

#define T float
struct mg_table_f32 {
#include "kernels.def"
};
#undef T

#define T double
struct mg_table_f64 {
#include "kernels.def"
};
#undef T

#undef KERNEL
#undef RANGE

extern const struct mg_table_f32 mg_portable_f32, mg_avx2_f32, mg_avx512_f32;
extern const struct mg_table_f64 mg_portable_f64, mg_avx2_f64, mg_avx512_f64;

/* The active ones, for long or for short work (dispatch.c). */
const struct mg_table_f32 *mg_active_f32(int is_short);
const struct mg_table_f64 *mg_active_f64(int is_short);

#endif
