/* Compiles what follows for the instruction set MG_TARGET, whatever the flags of the compilation are: so one build
 * holds code for several processors, and nothing outside these units uses an instruction that a processor may lack.
 * end_target.h closes the region. */
#if defined(MG_TARGET)
#define MG_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define MG_TARGET_PUSH(isa) MG_PRAGMA(clang attribute push(__attribute__((target(isa))), apply_to = function))
#else
#define MG_TARGET_PUSH(isa) _Pragma("GCC push_options") MG_PRAGMA(GCC target(isa))
#endif
MG_TARGET_PUSH(MG_TARGET)
#endif
