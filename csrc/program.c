/* Replay of a captured step: its calls of kernels, one after the other, with nothing of Python between them.
 *
 * A call is the number of a kernel and its arguments, as Python passed them. What unpacks them for each kernel is one of
 * mg_thunks, which build.py writes from kernels.def:
 *     static void replay_add_f32(const mg_slot *s) { mg_add_f32(s[0].p, s[1].p, s[2].p, s[3].p, s[4].i); }
 * The kernels are the public ones, so a replay has the bits, the threads and the instruction set of the call from Python. */
#include "program.h"

#include <string.h>
#include <time.h>

#include "parallel.h"

/* -- chains ------------------------------------------------------------------------------------------------------- */

/* Calls that work on the same n items, item by item: instead of each call for all items, all calls for some items, which stay
 * in a cache from one call to the next. The bits are those of whole calls: a part is computed by the table that the whole
 * call would have used, and an item is the same wherever a range is cut (README.md). */
typedef struct {
    const mg_call *calls;
    int64_t count, n, block;
} chain;

static void chain_block(void *args, int64_t block) {
    const chain *c = args;
    const int64_t lo = block * c->block, hi = lo + c->block < c->n ? lo + c->block : c->n;
    for (int64_t i = 0; i < c->count; i++) {
        const mg_call *call = c->calls + i;
        mg_parts[call->kernel](call->slot, c->n * mg_costs[call->kernel / 2] < MG_SHORT, lo, hi);
    }
}

static void run_chain(const mg_call *head) {
    chain c = {head + 1, head->slot[0].i, head->slot[1].i, 0};
    int64_t cost = 0;
    for (int64_t i = 0; i < c.count; i++) cost += mg_costs[c.calls[i].kernel / 2];
    c.block = mg_block(cost);
    mg_parallel((c.n + c.block - 1) / c.block, chain_block, &c);
}

/* -- replay --------------------------------------------------------------------------------------------------------- */

static int labels_are_valid(const mg_slot *s) { return mg_first_bad_label(s[0].p, s[1].i, s[2].i, s[3].i, s[4].i) < 0; }

/* Makes a call, or those of a chain, and returns the next; NULL at a check that finds an invalid label. */
static inline const mg_call *run_call(const mg_call *call) {
    if (call->kernel >= 0) {
        mg_thunks[call->kernel](call->slot);
        return call + 1;
    }
    if (call->kernel == MG_CHECK) return labels_are_valid(call->slot) ? call + 1 : NULL;
    run_chain(call);
    return call + 1 + call->slot[0].i;
}

static void copy_all(const mg_move *moves, int64_t n) {
    for (int64_t i = 0; i < n; i++) memcpy(moves[i].to, moves[i].from, (size_t)moves[i].size);
}

/* Puts addresses and arguments in place; 0 if a label is invalid, before anything outside has changed. */
static int prepare(const mg_program *program) {
    for (int64_t i = 0; i < program->patched; i++) {
        const mg_patch *p = program->patches + i;
        *p->where = (char *)*p->base + p->offset;
    }
    copy_all(program->before, program->moved_before); /* labels may be among them */
    for (int64_t i = 0; i < program->checks; i++) {
        const mg_labels *l = program->labels + i;
        if (mg_first_bad_label(l->target, l->ignore_index, l->lowest, l->classes, l->n) >= 0) return 0;
    }
    return 1;
}

int mg_run(const mg_program *program) {
    if (!prepare(program)) return 0;
    for (const mg_call *call = program->calls, *end = call + program->count; call < end;) {
        if (!(call = run_call(call))) return 0;
    }
    copy_all(program->after, program->moved_after);
    return 1;
}

static double now(void) {
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int mg_run_timed(const mg_program *program, double *seconds) {
    if (!prepare(program)) return 0;
    double before = now();
    for (const mg_call *call = program->calls, *end = call + program->count; call < end;) {
        const int64_t at = call - program->calls;
        if (!(call = run_call(call))) return 0;
        const double after = now();
        seconds[at] += after - before;
        before = after;
    }
    return 1;
}

/* -- what kernels.def says, for listings of a program ----------------------------------------------------------------- */

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
int64_t mg_kernel_cost(int line) { return line >= 0 && line < mg_kernels() ? mg_costs[line] : 0; }
