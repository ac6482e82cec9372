/* float32 kernels in plain C, for any processor. */
#define MG_REAL_F32
#include "../simd/portable.h"
#define MG_TABLE const struct mg_table_f32 mg_portable_f32
#include "../kernels/all.inc"
