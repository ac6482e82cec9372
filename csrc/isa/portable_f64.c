/* float64 kernels in plain C, for any processor. */
#define MG_REAL_F64
#include "../simd/portable.h"
#define MG_TABLE const struct mg_table_f64 mg_portable_f64
#include "../kernels/all.inc"
