"""Training under Keras's names and by Keras's rules, as a thin layer over `minigrad.nn`."""
