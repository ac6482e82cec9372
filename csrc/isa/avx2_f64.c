/* float64 kernels for x86-64 with AVX2 and FMA. */
#if defined(__x86_64__)
#include <immintrin.h>
#define MG_REAL_F64
#define MG_TARGET "avx2,fma"
#include "../target.h"
#include "../simd/avx2.h"
#define MG_TABLE const struct mg_table_f64 mg_avx2_f64
#include "../kernels/all.inc"
#include "../end_target.h"
#endif
