/* What build.py writes for program.c: for each kernel a function that unpacks its arguments. */
#ifndef MG_PROGRAM_H
#define MG_PROGRAM_H

#include "minigrad.h"

extern void (*const mg_thunks[])(const mg_slot *slot);

#endif
