/* float64 kernels for x86-64 with AVX-512 F, BW, DQ and VL. */
#if defined(__x86_64__)
#include <immintrin.h>
#define MG_REAL_F64
#define MG_TARGET "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"
#include "../target.h"
#include "../simd/avx512.h"
#define MG_TABLE const struct mg_table_f64 mg_avx512_f64
#include "../kernels/all.inc"
#include "../end_target.h"
#endif
