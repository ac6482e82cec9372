/* What build.py writes for program.c from kernels.def: functions that take a kernel's arguments from slots and call it. */
#ifndef MG_PROGRAM_H
#define MG_PROGRAM_H

#include "minigrad.h"

/* The public kernels, alternately for float32 and float64. */
extern void (*const mg_thunks[])(const mg_slot *slot);

/* For lines of kernels.def whose items have a constant cost, that cost, else 0; and their bodies, for items [lo, hi), from
 * the table for short or for long work. */
extern const int64_t mg_costs[];
extern void (*const mg_parts[])(const mg_slot *slot, int is_short, int64_t lo, int64_t hi);

#endif
