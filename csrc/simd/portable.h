/* The vocabulary in plain C: a vector is one number, and loops over vectors are loops that the compiler vectorises. */
#include "real.h"

#define W 1
typedef T V;
typedef MG_INT I;
typedef uint64_t U;
typedef int M;

MG_WORD V v_set1(T a) { return a; }
MG_WORD I i_set1(MG_INT n) { return n; }
MG_WORD V v_load(const T *p) { return *p; }
MG_WORD void v_store(T *p, V x) { *p = x; }
MG_WORD void v_stream(T *p, V x) { *p = x; }
MG_WORD void v_stream_end(void) {}
MG_WORD V v_load_n(const T *p, int64_t n) { return n > 0 ? *p : 0; }
MG_WORD void v_store_n(T *p, V x, int64_t n) { if (n > 0) *p = x; }
MG_WORD V v_load_step(const T *p, int64_t step) { (void)step; return *p; }
MG_WORD void v_load_columns(const T *const *row, int64_t at, V x[4]) { for (int c = 0; c < 4; c++) x[c] = row[0][at + c]; }

/* fma() is an instruction on aarch64 and a slow library call on plain x86-64. */
#if defined(__FP_FAST_FMA) && defined(__FP_FAST_FMAF)
MG_WORD V v_fma(V a, V b, V c) { return sizeof(T) == 4 ? (T)__builtin_fmaf(a, b, c) : (T)__builtin_fma(a, b, c); }
#else
MG_WORD V v_fma(V a, V b, V c) { return a * b + c; }
#endif
MG_WORD V v_fnma(V a, V b, V c) { return v_fma(-a, b, c); }

/* Without fma: double holds a product of floats exactly; a product of doubles is cut into exact partial products of
 * halves (Dekker 1971; Veltkamp's splitting by 2^27 + 1, so |a|, |b| < 2^996). */
#if defined(__FP_FAST_FMA) && defined(__FP_FAST_FMAF)
MG_WORD V v_residual(V c, V a, V b) { return v_fnma(a, b, c); }
#elif defined(MG_REAL_F32)
MG_WORD V v_residual(V c, V a, V b) { return (T)((double)c - (double)a * b); }
#else
MG_WORD V v_top_half(V x) { V scaled = 134217729.0 * x; return scaled - (scaled - x); }
MG_WORD V v_residual(V c, V a, V b) {
    V product = a * b, a1 = v_top_half(a), b1 = v_top_half(b), a2 = a - a1, b2 = b - b1;
    return (c - product) - (((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2);
}
#endif
/* float32: double holds the product exactly, and its sum with c is rounded to double and then once more. Rounding twice
 * differs from once only where the first ends halfway between two floats, as one sum in 2^29 does: then what it lost
 * (Knuth's TwoSum) tells the side. A subnormal result may differ. */
#if defined(MG_REAL_F64)
MG_WORD V v_same_fma(V a, V b, V c) { return a * b + c; }
#elif defined(__FP_FAST_FMA) && defined(__FP_FAST_FMAF)
MG_WORD V v_same_fma(V a, V b, V c) { return v_fma(a, b, c); }
#else
MG_WORD V v_same_fma(V a, V b, V c) {
    double product = (double)a * b, sum = product + c;
    int64_t bits;
    memcpy(&bits, &sum, sizeof bits);
    if ((bits & 0x1FFFFFFF) == 0x10000000) {
        double of_c = sum - product, lost = (product - (sum - of_c)) + (c - of_c);
        if (lost != 0) bits += (lost > 0) == (sum > 0) ? 1 : -1;
        memcpy(&sum, &bits, sizeof sum);
    }
    return (T)sum;
}
#endif
MG_WORD V v_reciprocal(V x) { return (T)1 / x; }
MG_WORD V v_max(V a, V b) { return a > b ? a : b; }
MG_WORD V v_min(V a, V b) { return a < b ? a : b; }

MG_WORD M v_lt(V a, V b) { return a < b; }
MG_WORD M v_le(V a, V b) { return a <= b; }
MG_WORD M v_gt(V a, V b) { return a > b; }
MG_WORD M v_ge(V a, V b) { return a >= b; }
MG_WORD M v_eq(V a, V b) { return a == b; }
MG_WORD M v_isnan(V a) { return a != a; }
MG_WORD V v_select(M m, V a, V b) { return m ? a : b; }
MG_WORD M m_and(M a, M b) { return a & b; }
MG_WORD M m_or(M a, M b) { return a | b; }
MG_WORD M m_not(M a) { return !a; }
MG_WORD int m_any(M a) { return a; }
MG_WORD int m_all(M a) { return a; }
MG_WORD M m_first(int64_t n) { return n > 0; }
MG_WORD M m_odd(I i) { return i & 1; }
MG_WORD int m_find(M a) { (void)a; return 0; }

MG_WORD I v_bits(V x) { I i; memcpy(&i, &x, sizeof i); return i; }
MG_WORD V v_from_bits(I i) { V x; memcpy(&x, &i, sizeof x); return x; }
MG_WORD V v_abs(V x) { return v_from_bits(v_bits(x) & (I)(~(MG_UINT)0 >> 1)); }
MG_WORD V v_sqrt(V x) { return sizeof(T) == 4 ? (T)sqrtf((float)x) : (T)sqrt((double)x); }

MG_WORD I v_to_int(V x) { return v_bits(x + MG_ROUNDER) - v_bits(MG_ROUNDER); }
MG_WORD V v_from_int(I i) { return (V)i; }
MG_WORD V v_ldexp_normal(V x, V s) {
    return v_from_bits((I)((MG_UINT)v_bits(x) + ((MG_UINT)v_bits(s) << MG_MANTISSA_BITS)));
}
/* Two factors, each a normal number: 2^n itself may be too large or too small for one. Only the last product rounds.
 * Unsigned, because the integer of a NaN may be anything. */
MG_WORD V v_ldexp(V x, V n) {
    MG_UINT whole = (MG_UINT)v_to_int(n), half = (MG_UINT)v_to_int(n * (T)0.5), rest = whole - half;
    return x * v_from_bits((I)((half + MG_EXPONENT_BIAS) << MG_MANTISSA_BITS))
             * v_from_bits((I)((rest + MG_EXPONENT_BIAS) << MG_MANTISSA_BITS));
}
MG_WORD V v_round(V x) {
    const T all_whole = (T)((MG_INT)1 << MG_MANTISSA_BITS);                  /* from here on there are no fractions */
    V size = v_abs(x), rounded = (size + all_whole) - all_whole;
    V whole = size < all_whole ? rounded : size;                             /* large numbers, inf and NaN are whole */
    return v_from_bits(v_bits(whole) | (v_bits(x) & (I)((MG_UINT)1 << (sizeof(T) * 8 - 1))));
}

MG_WORD U u_mul(U a, U b) { return (uint64_t)(uint32_t)a * (uint32_t)b; }
MG_WORD U u_high(U a) { return a >> 32; }
MG_WORD U u_join(U low, U high) { return (uint32_t)low | high << 32; }
MG_WORD U u_join_high(U low, U high) { return low >> 32 | high >> 32 << 32; }
MG_WORD void u_zip(U a, U b, U *first, U *second) { *first = a, *second = b; }
MG_WORD void v_zip(V a, V b, V *first, V *second) { *first = a, *second = b; }

MG_WORD T v_sum(V x) { return x; }
MG_WORD void v_sum4(T *p, const V x[4]) { for (int i = 0; i < 4; i++) p[i] = x[i]; }
MG_WORD T v_hmax(V x) { return x; }
MG_WORD T v_hmin(V x) { return x; }
