/* Closes the region that target.h opened. */
#if defined(MG_TARGET)
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
