/* Measures kernels against the C library in a wider type; accuracy_sweep.py compiles and calls this. */
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    double worst;            /* distance from the exact result in ULP of the element type */
    double at;               /* its argument */
    int64_t wrong;           /* no distance describes these: NaN, inf or the sign of a 0 amiss; out of range */
    double wrong_at;
} verdict;

enum { CHUNK = 4096 };

/* For float32, double is exact enough; for float64, long double. */
static double sigmoid(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }
static long double sigmoidl(long double x) { return x < 0 ? expl(x) / (1 + expl(x)) : 1 / (1 + expl(-x)); }

static const struct {
    const char *name;
    double (*f)(double);
    long double (*g)(long double);
    double low, high;
} functions[] = {
    {"exp", exp, expl, 0, INFINITY},      {"expm1", expm1, expm1l, -1, INFINITY},
    {"log", log, logl, -INFINITY, INFINITY}, {"log1p", log1p, log1pl, -INFINITY, INFINITY},
    {"tanh", tanh, tanhl, -1, 1},         {"sigmoid", sigmoid, sigmoidl, 0, 1},
    {"erf", erf, erfl, -1, 1},            {"erfc", erfc, erfcl, 0, 2},
    {"sin", sin, sinl, -1, 1},            {"cos", cos, cosl, -1, 1},
};

static int find(const char *name) {
    int i = 0;
    while (strcmp(functions[i].name, name) != 0) i++;
    return i;
}

/* Counts `got` in where no distance describes it; 1 where it is done with. `nearest` is the exact result, rounded. */
static int special(verdict *v, int f, double x, double got, double nearest, int zero) {
    int wrong;
    if (isnan(got) || isnan(nearest)) wrong = !(isnan(got) && isnan(nearest));
    else if (isinf(got) || isinf(nearest)) wrong = got != nearest;
    else if (zero) wrong = got != 0 || signbit(got) != signbit(nearest);
    else {
        wrong = got < functions[f].low || got > functions[f].high;
        if (!wrong) return 0;
    }
    if (wrong) v->wrong++, v->wrong_at = x;
    return 1;
}

static void judge(verdict *v, double x, double distance) {
    if (distance > v->worst) v->worst = distance, v->at = x;
}

/* 2^-bits times the largest power of two that |exact| reaches, but never less than the smallest subnormal number. */
static double ulp32(double exact) {
    uint64_t bits, least = (uint64_t)(1023 - 126) << 52;
    memcpy(&bits, &exact, sizeof bits);
    bits &= (uint64_t)0x7FF << 52;
    bits = (bits < least ? least : bits) - ((uint64_t)23 << 52);
    memcpy(&exact, &bits, sizeof bits);
    return exact;
}
static long double ulp64(long double exact) {
    int exponent;
    frexpl(exact, &exponent);
    exponent = exact == 0 || exponent - 1 < -1022 ? -1022 : exponent - 1;
    return ldexpl(1, exponent - 52);
}

typedef void kernel32(float *out, const float *x, const void *walk, int64_t n);
typedef void kernel64(double *out, const double *x, const void *walk, int64_t n);

/* The float32 numbers with the bits first .. last, on `count` instruction sets. */
void sweep32(const char *name, kernel32 *kernel, int (*select)(int, int), const int *isas, int count, uint32_t first,
             uint32_t last, verdict *verdicts) {
    static float x[CHUNK], got[CHUNK];
    static double exact[CHUNK];
    const int f = find(name);
    for (uint64_t at = first; at <= last; at += CHUNK) {
        const int n = last - at < CHUNK - 1 ? (int)(last - at) + 1 : CHUNK;
        for (int i = 0; i < n; i++) {
            uint32_t bits = (uint32_t)(at + (uint64_t)i);
            memcpy(&x[i], &bits, sizeof bits);
            exact[i] = functions[f].f(x[i]);
        }
        for (int k = 0; k < count; k++) {
            select(isas[k], isas[k]);
            kernel(got, x, 0, n);
            for (int i = 0; i < n; i++) {
                const float nearest = (float)exact[i];
                if (got[i] == nearest && nearest != 0) continue;                        /* at most 1/2 away */
                if (special(&verdicts[k], f, x[i], got[i], nearest, exact[i] == 0)) continue;
                judge(&verdicts[k], x[i], fabs(got[i] - exact[i]) / ulp32(exact[i]));
            }
        }
    }
}

/* n float64 numbers. */
void sweep64(const char *name, kernel64 *kernel, int (*select)(int, int), const int *isas, int count, const double *x,
             int64_t n, double *got, verdict *verdicts) {
    const int f = find(name);
    for (int k = 0; k < count; k++) {
        select(isas[k], isas[k]);
        kernel(got, x, 0, n);
        for (int64_t i = 0; i < n; i++) {
            long double exact = functions[f].g(x[i]);
            if (special(&verdicts[k], f, x[i], got[i], (double)exact, exact == 0)) continue;
            judge(&verdicts[k], x[i], (double)(fabsl(got[i] - exact) / ulp64(exact)));
        }
    }
}
