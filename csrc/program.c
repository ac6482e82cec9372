/* Replay of a captured step: its calls of kernels, one after the other, with nothing of Python between them.
 *
 * A call is the number of a kernel and its arguments, as Python passed them. What unpacks them for each kernel is one of
 * mg_thunks, which build.py writes from kernels.def:
 *     static void replay_add_f32(const mg_slot *s) { mg_add_f32(s[0].p, s[1].p, s[2].p, s[3].p, s[4].i); }
 * The kernels are the public ones, so a replay has the bits, the threads and the instruction set of the call from Python. */
#include <time.h>

#include "minigrad.h"
#include "program.h"

void mg_replay(const mg_call *calls, int64_t count) {
    for (const mg_call *end = calls + count; calls < end; calls++) mg_thunks[calls->kernel](calls->slot);
}

static double now(void) {
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void mg_replay_timed(const mg_call *calls, int64_t count, double *seconds) {
    double before = now();
    for (int64_t i = 0; i < count; i++) {
        mg_replay(calls + i, 1);
        const double after = now();
        seconds[i] += after - before;
        before = after;
    }
}

/* What kernels.def says, for those who list a program. */
static const struct {
    const char *name, *parameters;
} lines[] = {
#define KERNEL(name, params, args, work) {#name, #params},
#define RANGE(name, params, args, cost) {#name, #params},
#include "kernels.def"
};

int mg_kernels(void) { return (int)(sizeof lines / sizeof *lines); }
const char *mg_kernel_name(int line) { return line < mg_kernels() ? lines[line].name : 0; }
const char *mg_kernel_parameters(int line) { return line < mg_kernels() ? lines[line].parameters : 0; }
