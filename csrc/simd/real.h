/* What depends on the element type alone: T, the integer of its size, and the shape of its bits. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(MG_REAL_F32)
typedef float T;
typedef int32_t MG_INT;
typedef uint32_t MG_UINT;
#define MG_MANTISSA_BITS 23
#define MG_EXPONENT_BIAS 127
#else
typedef double T;
typedef int64_t MG_INT;
typedef uint64_t MG_UINT;
#define MG_MANTISSA_BITS 52
#define MG_EXPONENT_BIAS 1023
#endif

/* Added to a number, it pushes the fraction out: the processor rounds to the nearest whole number, which then stands in the
 * last bits of the sum. */
#define MG_ROUNDER ((T)1.5 * (T)((MG_INT)1 << MG_MANTISSA_BITS))

/* Most units use a part of the vocabulary; what one leaves unused is no mistake. */
#define MG_WORD static inline __attribute__((always_inline, unused))
