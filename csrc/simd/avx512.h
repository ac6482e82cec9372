/* The vocabulary for AVX-512 F, BW, DQ and VL: 16 floats or 8 doubles. */
#include "real.h"

#if defined(MG_REAL_F32)
#define W 16
#define MM(op) _mm512_##op##_ps
#define MM_MASK(op) _mm512_##op##_ps_mask
typedef __m512 V;
typedef __mmask16 M;
#else
#define W 8
#define MM(op) _mm512_##op##_pd
#define MM_MASK(op) _mm512_##op##_pd_mask
typedef __m512d V;
typedef __mmask8 M;
#endif
typedef MG_INT I __attribute__((vector_size(64)));
typedef uint64_t U __attribute__((vector_size(64)));

MG_WORD V v_set1(T a) { return MM(set1)(a); }
MG_WORD I i_set1(MG_INT n) { return n - (I){0}; }
MG_WORD V v_load(const T *p) { return MM(loadu)(p); }
MG_WORD void v_store(T *p, V x) { MM(storeu)(p, x); }
MG_WORD void v_stream(T *p, V x) { MM(stream)(p, x); }
MG_WORD void v_stream_end(void) { _mm_sfence(); }
MG_WORD M v_first(int64_t n) { return (M)((1u << n) - 1); }
MG_WORD V v_load_n(const T *p, int64_t n) { return MM(maskz_loadu)(v_first(n), p); }
MG_WORD void v_store_n(T *p, V x, int64_t n) { MM(mask_storeu)(p, v_first(n), x); }
#if defined(MG_REAL_F32)
MG_WORD __m256 v_half_step(const T *p, int64_t s) {
    return _mm256_setr_ps(p[0], p[s], p[2 * s], p[3 * s], p[4 * s], p[5 * s], p[6 * s], p[7 * s]);
}
MG_WORD V v_load_step(const T *p, int64_t s) {
    return _mm512_insertf32x8(_mm512_castps256_ps512(v_half_step(p, s)), v_half_step(p + 8 * s, s), 1);
}
#else
MG_WORD V v_load_step(const T *p, int64_t s) {
    return _mm512_setr_pd(p[0], p[s], p[2 * s], p[3 * s], p[4 * s], p[5 * s], p[6 * s], p[7 * s]);
}
#endif

/* A quarter of a vector, 16 bytes, from each of four rows; then the small squares are transposed inside the quarters. */
#if defined(MG_REAL_F32)
MG_WORD V v_quarters(const T *const *row, int64_t at) {
    V x = _mm512_castps128_ps512(_mm_loadu_ps(row[0] + at));
    x = _mm512_insertf32x4(x, _mm_loadu_ps(row[4] + at), 1);
    x = _mm512_insertf32x4(x, _mm_loadu_ps(row[8] + at), 2);
    return _mm512_insertf32x4(x, _mm_loadu_ps(row[12] + at), 3);
}
MG_WORD void v_load_columns(const T *const *row, int64_t at, V x[4]) {
    V a = v_quarters(row, at), b = v_quarters(row + 1, at), c = v_quarters(row + 2, at), d = v_quarters(row + 3, at);
    __m512d ab = (__m512d)_mm512_unpacklo_ps(a, b), cd = (__m512d)_mm512_unpacklo_ps(c, d);
    x[0] = (V)_mm512_unpacklo_pd(ab, cd), x[1] = (V)_mm512_unpackhi_pd(ab, cd);
    ab = (__m512d)_mm512_unpackhi_ps(a, b), cd = (__m512d)_mm512_unpackhi_ps(c, d);
    x[2] = (V)_mm512_unpacklo_pd(ab, cd), x[3] = (V)_mm512_unpackhi_pd(ab, cd);
}
#else
MG_WORD V v_quarters(const T *const *row, int64_t at) {
    V x = _mm512_castpd128_pd512(_mm_loadu_pd(row[0] + at));
    x = _mm512_insertf64x2(x, _mm_loadu_pd(row[2] + at), 1);
    x = _mm512_insertf64x2(x, _mm_loadu_pd(row[4] + at), 2);
    return _mm512_insertf64x2(x, _mm_loadu_pd(row[6] + at), 3);
}
MG_WORD void v_load_columns(const T *const *row, int64_t at, V x[4]) {
    for (int c = 0; c < 4; c += 2) {
        V a = v_quarters(row, at + c), b = v_quarters(row + 1, at + c);
        x[c] = _mm512_unpacklo_pd(a, b), x[c + 1] = _mm512_unpackhi_pd(a, b);
    }
}
#endif

MG_WORD V v_fma(V a, V b, V c) { return MM(fmadd)(a, b, c); }
MG_WORD V v_fnma(V a, V b, V c) { return MM(fnmadd)(a, b, c); }
#if defined(MG_REAL_F32)
MG_WORD V v_same_fma(V a, V b, V c) { return v_fma(a, b, c); }
#else
MG_WORD V v_same_fma(V a, V b, V c) { return a * b + c; }
#endif
MG_WORD V v_residual(V c, V a, V b) { return MM(fnmadd)(a, b, c); }
MG_WORD V v_ldexp(V x, V n) { return MM(scalef)(x, n); }
MG_WORD V v_ldexp_normal(V x, V s) { return v_ldexp(x, s - MG_ROUNDER); }
MG_WORD V v_max(V a, V b) { return MM(max)(a, b); }
MG_WORD V v_min(V a, V b) { return MM(min)(a, b); }
MG_WORD V v_abs(V x) { return MM(abs)(x); }
MG_WORD V v_sqrt(V x) { return MM(sqrt)(x); }
MG_WORD V v_round(V x) { return MM(roundscale)(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

MG_WORD M v_lt(V a, V b) { return MM_MASK(cmp)(a, b, _CMP_LT_OQ); }
MG_WORD M v_le(V a, V b) { return MM_MASK(cmp)(a, b, _CMP_LE_OQ); }
MG_WORD M v_gt(V a, V b) { return MM_MASK(cmp)(a, b, _CMP_GT_OQ); }
MG_WORD M v_ge(V a, V b) { return MM_MASK(cmp)(a, b, _CMP_GE_OQ); }
MG_WORD M v_eq(V a, V b) { return MM_MASK(cmp)(a, b, _CMP_EQ_OQ); }
MG_WORD M v_isnan(V a) { return MM_MASK(cmp)(a, a, _CMP_UNORD_Q); }
MG_WORD V v_select(M m, V a, V b) { return MM(mask_blend)(m, b, a); }
MG_WORD M m_and(M a, M b) { return (M)(a & b); }
MG_WORD M m_or(M a, M b) { return (M)(a | b); }
MG_WORD M m_not(M a) { return (M)~a; }
MG_WORD int m_any(M a) { return a != 0; }
MG_WORD int m_all(M a) { return a == (M)~(M)0; }
MG_WORD M m_first(int64_t n) { return v_first(n); }
MG_WORD int m_find(M a) { return __builtin_ctz(a); }
MG_WORD M m_odd(I i) { return (M)(sizeof(T) == 4 ? _mm512_test_epi32_mask((__m512i)i, _mm512_set1_epi32(1))
                                                  : _mm512_test_epi64_mask((__m512i)i, _mm512_set1_epi64(1))); }

MG_WORD I v_bits(V x) { return (I)x; }
MG_WORD V v_from_bits(I i) { return (V)i; }
#if defined(MG_REAL_F32)
MG_WORD I v_to_int(V x) { return (I)_mm512_cvtps_epi32(x); }
MG_WORD V v_from_int(I i) { return _mm512_cvtepi32_ps((__m512i)i); }
MG_WORD V v_reciprocal(V x) { return _mm512_rcp14_ps(x); }
MG_WORD V v_lookup(const T *table, I at) { return _mm512_permutex2var_ps(v_load(table), (__m512i)at, v_load(table + 16)); }
MG_WORD V v_exponent(V x) { return _mm512_getexp_ps(x); }
MG_WORD V v_mantissa(V x) { return _mm512_getmant_ps(x, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_src); }
/* Four bits for each kind of x, from the lowest: NaN (two kinds) -> x, 0 -> -inf, 1 -> y, -inf -> NaN, inf -> inf,
 * negative -> NaN, positive -> y. */
MG_WORD V v_log_limits(V y, V x) { return _mm512_fixupimm_ps(y, x, _mm512_set1_epi32(0x03530422), 0); }
#else
MG_WORD I v_to_int(V x) { return (I)_mm512_cvtpd_epi64(x); }
MG_WORD V v_from_int(I i) { return _mm512_cvtepi64_pd((__m512i)i); }
MG_WORD V v_reciprocal(V x) { return (T)1 / x; }
#endif

/* Shuffles, not shifts: the port that shifts is the one that multiplies. */
MG_WORD U u_mul(U a, U b) { return (U)_mm512_mul_epu32((__m512i)a, (__m512i)b); }
MG_WORD U u_high(U a) { return (U)_mm512_shuffle_epi32((__m512i)a, 0xF5); }
MG_WORD U u_join(U low, U high) { return (U)_mm512_mask_shuffle_epi32((__m512i)low, 0xAAAA, (__m512i)high, 0xA0); }
MG_WORD U u_join_high(U low, U high) { return (U)_mm512_mask_shuffle_epi32((__m512i)high, 0x5555, (__m512i)low, 0xF5); }
MG_WORD void u_zip(U a, U b, U *first, U *second) {
    *first = (U)_mm512_unpacklo_epi64((__m512i)a, (__m512i)b);
    *second = (U)_mm512_unpackhi_epi64((__m512i)a, (__m512i)b);
}
MG_WORD void v_zip(V a, V b, V *first, V *second) {
    *first = MM(unpacklo)(a, b);
    *second = MM(unpackhi)(a, b);
}

MG_WORD T v_sum(V x) { return MM(reduce_add)(x); }
#if defined(MG_REAL_F32)
MG_WORD void v_sum4(T *p, const V x[4]) {
    __m512d ab = (__m512d)(_mm512_unpacklo_ps(x[0], x[1]) + _mm512_unpackhi_ps(x[0], x[1]));
    __m512d cd = (__m512d)(_mm512_unpacklo_ps(x[2], x[3]) + _mm512_unpackhi_ps(x[2], x[3]));
    V sums = (V)_mm512_unpacklo_pd(ab, cd) + (V)_mm512_unpackhi_pd(ab, cd);     /* of each quarter */
    __m256 half = _mm512_castps512_ps256(sums) + _mm512_extractf32x8_ps(sums, 1);
    _mm_storeu_ps(p, _mm256_castps256_ps128(half) + _mm256_extractf128_ps(half, 1));
}
#else
MG_WORD void v_sum4(T *p, const V x[4]) {
    V ab = _mm512_unpacklo_pd(x[0], x[1]) + _mm512_unpackhi_pd(x[0], x[1]);
    V cd = _mm512_unpacklo_pd(x[2], x[3]) + _mm512_unpackhi_pd(x[2], x[3]);
    __m256d a = _mm512_castpd512_pd256(ab) + _mm512_extractf64x4_pd(ab, 1);
    __m256d c = _mm512_castpd512_pd256(cd) + _mm512_extractf64x4_pd(cd, 1);
    _mm256_storeu_pd(p, _mm256_permute2f128_pd(a, c, 0x20) + _mm256_permute2f128_pd(a, c, 0x31));
}
#endif
MG_WORD T v_hmax(V x) { return MM(reduce_max)(x); }
MG_WORD T v_hmin(V x) { return MM(reduce_min)(x); }
