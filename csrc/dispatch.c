/* From Python's call to the body for this processor: which tables are active, and the public functions that jump
 * through them. Ranges are shared among threads here, so that their bodies know nothing of threads. */
#include "minigrad.h"
#include "gemm.h"
#include "parallel.h"
#include "table.h"

/* The tables for long and for short work (below MG_SHORT, parallel.h), and the instruction sets that they are for. After
 * multiplying vectors of 512 bits, a processor runs at a lower clock for most of a millisecond, whatever it does. Where
 * kernels are short, it does other things most of the time: a training step of a network with 4, 16 and 3 units took 62 us
 * with AVX-512 throughout, and 50 us with AVX2 for short work. */
static struct {
    const struct mg_table_f32 *f32[2];
    const struct mg_table_f64 *f64[2];
    int isa[2];
} active = {{&mg_portable_f32, &mg_portable_f32}, {&mg_portable_f64, &mg_portable_f64}, {0, 0}};

int mg_isa_available(int isa) {
    if (isa == 0) return 1;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (isa == 1) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (isa == 2) {
        return mg_isa_available(1) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    }
#endif
    return 0;
}

int mg_isa_active(int is_short) { return active.isa[is_short]; }
const struct mg_table_f32 *mg_active_f32(int is_short) { return active.f32[is_short]; }
const struct mg_table_f64 *mg_active_f64(int is_short) { return active.f64[is_short]; }

static void activate(int isa, int is_short) {
    active.isa[is_short] = isa;
    active.f32[is_short] = &mg_portable_f32;
    active.f64[is_short] = &mg_portable_f64;
#if defined(__x86_64__)
    if (isa == 1) active.f32[is_short] = &mg_avx2_f32, active.f64[is_short] = &mg_avx2_f64;
    if (isa == 2) active.f32[is_short] = &mg_avx512_f32, active.f64[is_short] = &mg_avx512_f64;
#endif
}

int mg_isa_select(int isa, int short_isa) {
    if (!mg_isa_available(isa) || !mg_isa_available(short_isa)) return -1;
    activate(isa, 0);
    activate(short_isa, 1);
    return 0;
}

static int64_t mg_total(const int64_t *sizes, int64_t count) {
    int64_t total = 0;
    for (int64_t i = 0; i < count; i++) total += sizes[i];
    return total;
}

const char *mg_compiler(void) {
#if defined(__clang__)
    return "clang " __clang_version__;
#elif defined(__GNUC__)
    return "gcc " __VERSION__;
#else
    return "unknown";
#endif
}

int64_t mg_first_bad_label(const int64_t *target, int64_t ignore_index, int64_t lowest, int64_t classes, int64_t n) {
    const uint64_t count = (uint64_t)classes - (uint64_t)lowest;
    for (int64_t i = 0; i < n; i++) {
        if ((uint64_t)target[i] - (uint64_t)lowest >= count && target[i] != ignore_index) return i;
    }
    return -1;
}

#if defined(_OPENMP)
#define MG_OMP(directive) MG_OMP_(omp directive)
#define MG_OMP_(directive) _Pragma(#directive)
#else
#define MG_OMP(directive)
#endif

#define KERNEL(name, params, args, work) \
    void MG_PUBLIC(name) params { active.MG_REAL[(work) < MG_SHORT]->name args; }

#define RANGE(name, params, args, cost)                                                      \
    void MG_PUBLIC(name)(UNPAREN params, int64_t n) {                                        \
        if (n * (cost) < MG_SHORT) {                                                         \
            active.MG_REAL[1]->name(UNPAREN args, 0, n);                                     \
            return;                                                                          \
        }                                                                                    \
        const int64_t block = mg_cut(n, cost, sizeof(T));                                    \
        const int threads = mg_threads_for((n + block - 1) / block);                         \
        if (threads == 1) {                                                                  \
            for (int64_t lo = 0; lo < n; lo += block) {                                      \
                active.MG_REAL[0]->name(UNPAREN args, lo, lo + block < n ? lo + block : n);  \
            }                                                                                \
            return;                                                                          \
        }                                                                                    \
        MG_OMP(parallel for num_threads(threads) schedule(static))                            \
        for (int64_t lo = 0; lo < n; lo += block) {                                          \
            active.MG_REAL[0]->name(UNPAREN args, lo, lo + block < n ? lo + block : n);      \
        }                                                                                    \
    }

#define T float
#define MG_REAL f32
#define MG_PUBLIC(name) mg_##name##_f32
#include "kernels.def"
#undef T
#undef MG_REAL
#undef MG_PUBLIC

#define T double
#define MG_REAL f64
#define MG_PUBLIC(name) mg_##name##_f64
#include "kernels.def"
