/* The vocabulary for AVX2 and FMA: 8 floats or 4 doubles. */
#include "real.h"

#if defined(MG_REAL_F32)
#define W 8
#define MM(op) _mm256_##op##_ps
typedef __m256 V;
#else
#define W 4
#define MM(op) _mm256_##op##_pd
typedef __m256d V;
#endif
typedef MG_INT I __attribute__((vector_size(32)));
typedef uint64_t U __attribute__((vector_size(32)));
typedef V M;                                /* all bits of a lane set: yes */

MG_WORD V v_set1(T a) { return MM(set1)(a); }
MG_WORD I i_set1(MG_INT n) { return n - (I){0}; }
MG_WORD V v_load(const T *p) { return MM(loadu)(p); }
MG_WORD void v_store(T *p, V x) { MM(storeu)(p, x); }
MG_WORD void v_stream(T *p, V x) { MM(stream)(p, x); }
MG_WORD void v_stream_end(void) { _mm_sfence(); }

/* -1 in the first n lanes: a window that slides over W times -1 and W times 0. */
MG_WORD __m256i v_first(int64_t n) {
    static const MG_INT window[2 * W] = {
        -1, -1, -1, -1,
#if W == 8
        -1, -1, -1, -1,
#endif
    };
    return _mm256_loadu_si256((const __m256i *)(window + W - n));
}
#if defined(MG_REAL_F32)
MG_WORD V v_load_n(const T *p, int64_t n) { return _mm256_maskload_ps(p, v_first(n)); }
MG_WORD void v_store_n(T *p, V x, int64_t n) { _mm256_maskstore_ps(p, v_first(n), x); }
MG_WORD V v_load_step(const T *p, int64_t s) {
    return _mm256_setr_ps(p[0], p[s], p[2 * s], p[3 * s], p[4 * s], p[5 * s], p[6 * s], p[7 * s]);
}
#else
MG_WORD V v_load_n(const T *p, int64_t n) { return _mm256_maskload_pd(p, v_first(n)); }
MG_WORD void v_store_n(T *p, V x, int64_t n) { _mm256_maskstore_pd(p, v_first(n), x); }
MG_WORD V v_load_step(const T *p, int64_t s) { return _mm256_setr_pd(p[0], p[s], p[2 * s], p[3 * s]); }
#endif

/* Half a vector, 16 bytes, from each of two rows; then the small squares are transposed inside the halves. */
#if defined(MG_REAL_F32)
MG_WORD V v_halves(const T *const *row, int64_t at) {
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(row[0] + at)), _mm_loadu_ps(row[4] + at), 1);
}
MG_WORD void v_load_columns(const T *const *row, int64_t at, V x[4]) {
    V a = v_halves(row, at), b = v_halves(row + 1, at), c = v_halves(row + 2, at), d = v_halves(row + 3, at);
    __m256d ab = (__m256d)_mm256_unpacklo_ps(a, b), cd = (__m256d)_mm256_unpacklo_ps(c, d);
    x[0] = (V)_mm256_unpacklo_pd(ab, cd), x[1] = (V)_mm256_unpackhi_pd(ab, cd);
    ab = (__m256d)_mm256_unpackhi_ps(a, b), cd = (__m256d)_mm256_unpackhi_ps(c, d);
    x[2] = (V)_mm256_unpacklo_pd(ab, cd), x[3] = (V)_mm256_unpackhi_pd(ab, cd);
}
#else
MG_WORD V v_halves(const T *const *row, int64_t at) {
    return _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(row[0] + at)), _mm_loadu_pd(row[2] + at), 1);
}
MG_WORD void v_load_columns(const T *const *row, int64_t at, V x[4]) {
    for (int c = 0; c < 4; c += 2) {
        V a = v_halves(row, at + c), b = v_halves(row + 1, at + c);
        x[c] = _mm256_unpacklo_pd(a, b), x[c + 1] = _mm256_unpackhi_pd(a, b);
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
MG_WORD V v_max(V a, V b) { return MM(max)(a, b); }
MG_WORD V v_min(V a, V b) { return MM(min)(a, b); }
MG_WORD V v_reciprocal(V x) { return (T)1 / x; }
MG_WORD V v_abs(V x) { return MM(andnot)(v_set1((T)-0.0), x); }
MG_WORD V v_sqrt(V x) { return MM(sqrt)(x); }
MG_WORD V v_round(V x) { return MM(round)(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

MG_WORD M v_lt(V a, V b) { return MM(cmp)(a, b, _CMP_LT_OQ); }
MG_WORD M v_le(V a, V b) { return MM(cmp)(a, b, _CMP_LE_OQ); }
MG_WORD M v_gt(V a, V b) { return MM(cmp)(a, b, _CMP_GT_OQ); }
MG_WORD M v_ge(V a, V b) { return MM(cmp)(a, b, _CMP_GE_OQ); }
MG_WORD M v_eq(V a, V b) { return MM(cmp)(a, b, _CMP_EQ_OQ); }
MG_WORD M v_isnan(V a) { return MM(cmp)(a, a, _CMP_UNORD_Q); }
MG_WORD V v_select(M m, V a, V b) { return MM(blendv)(b, a, m); }
MG_WORD M m_and(M a, M b) { return MM(and)(a, b); }
MG_WORD M m_or(M a, M b) { return MM(or)(a, b); }
MG_WORD M m_not(M a) { return (M)~(I)a; }
MG_WORD int m_any(M a) { return MM(movemask)(a); }
MG_WORD int m_all(M a) { return MM(movemask)(a) == (1 << W) - 1; }
MG_WORD M m_first(int64_t n) { return (M)v_first(n); }
MG_WORD M m_odd(I i) { return (M)((i << (8 * sizeof(T) - 1)) < 0); }
MG_WORD int m_find(M a) { return __builtin_ctz((unsigned)MM(movemask)(a)); }

MG_WORD I v_bits(V x) { return (I)x; }
MG_WORD V v_from_bits(I i) { return (V)i; }
#if defined(MG_REAL_F32)
MG_WORD I v_to_int(V x) { return (I)_mm256_cvtps_epi32(x); }
MG_WORD V v_from_int(I i) { return _mm256_cvtepi32_ps((__m256i)i); }
#else
/* AVX2 converts no 64-bit integers. */
MG_WORD I v_to_int(V x) { return v_bits(x + MG_ROUNDER) - v_bits(v_set1(MG_ROUNDER)); }
MG_WORD V v_from_int(I i) { return v_from_bits(i + v_bits(v_set1(MG_ROUNDER))) - MG_ROUNDER; }
#endif
MG_WORD V v_ldexp_normal(V x, V s) { return v_from_bits(v_bits(x) + (v_bits(s) << MG_MANTISSA_BITS)); }
/* Two factors, each a normal number: 2^n itself may be too large or too small for one. Only the last product rounds. */
MG_WORD V v_ldexp(V x, V n) {
    I whole = v_to_int(n), half = v_to_int(n * (T)0.5), rest = whole - half;
    return x * v_from_bits((half + MG_EXPONENT_BIAS) << MG_MANTISSA_BITS)
             * v_from_bits((rest + MG_EXPONENT_BIAS) << MG_MANTISSA_BITS);
}

MG_WORD U u_mul(U a, U b) { return (U)_mm256_mul_epu32((__m256i)a, (__m256i)b); }
MG_WORD U u_high(U a) { return (U)_mm256_shuffle_epi32((__m256i)a, 0xF5); }
MG_WORD U u_join(U low, U high) {
    return (U)_mm256_blend_epi32((__m256i)low, _mm256_shuffle_epi32((__m256i)high, 0xA0), 0xAA);
}
MG_WORD U u_join_high(U low, U high) {
    return (U)_mm256_blend_epi32(_mm256_shuffle_epi32((__m256i)low, 0xF5), (__m256i)high, 0xAA);
}
MG_WORD void u_zip(U a, U b, U *first, U *second) {
    *first = (U)_mm256_unpacklo_epi64((__m256i)a, (__m256i)b);
    *second = (U)_mm256_unpackhi_epi64((__m256i)a, (__m256i)b);
}
MG_WORD void v_zip(V a, V b, V *first, V *second) {
    *first = MM(unpacklo)(a, b);
    *second = MM(unpackhi)(a, b);
}

MG_WORD T v_sum(V x) {
#if defined(MG_REAL_F32)
    __m128 a = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    a = _mm_add_ps(a, _mm_movehl_ps(a, a));
    return _mm_cvtss_f32(_mm_add_ss(a, _mm_movehdup_ps(a)));
#else
    __m128d a = _mm_add_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd(x, 1));
    return _mm_cvtsd_f64(_mm_add_sd(a, _mm_unpackhi_pd(a, a)));
#endif
}
MG_WORD void v_sum4(T *p, const V x[4]) {
#if defined(MG_REAL_F32)
    __m256d ab = (__m256d)(_mm256_unpacklo_ps(x[0], x[1]) + _mm256_unpackhi_ps(x[0], x[1]));
    __m256d cd = (__m256d)(_mm256_unpacklo_ps(x[2], x[3]) + _mm256_unpackhi_ps(x[2], x[3]));
    V sums = (V)_mm256_unpacklo_pd(ab, cd) + (V)_mm256_unpackhi_pd(ab, cd);     /* of each half */
    _mm_storeu_ps(p, _mm256_castps256_ps128(sums) + _mm256_extractf128_ps(sums, 1));
#else
    V ab = _mm256_unpacklo_pd(x[0], x[1]) + _mm256_unpackhi_pd(x[0], x[1]);
    V cd = _mm256_unpacklo_pd(x[2], x[3]) + _mm256_unpackhi_pd(x[2], x[3]);
    v_store(p, _mm256_permute2f128_pd(ab, cd, 0x20) + _mm256_permute2f128_pd(ab, cd, 0x31));
#endif
}
MG_WORD T v_hmax(V x) {
#if defined(MG_REAL_F32)
    __m128 a = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    a = _mm_max_ps(a, _mm_movehl_ps(a, a));
    return _mm_cvtss_f32(_mm_max_ss(a, _mm_movehdup_ps(a)));
#else
    __m128d a = _mm_max_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd(x, 1));
    return _mm_cvtsd_f64(_mm_max_sd(a, _mm_unpackhi_pd(a, a)));
#endif
}
MG_WORD T v_hmin(V x) { return -v_hmax(-x); }
