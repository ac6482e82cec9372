"""The doorway to C: one function per kernel, arrays in, arrays out. Nothing else calls the extension's kernels.

Each function allocates the result, selects float32 or float64, describes broadcasts and strides, and makes one C call. It
checks nothing, since the op's record has done so. Arrays are positional, metadata is keyword-only. The modules are named
after their counterparts in csrc/kernels/ and minigrad/ops/.
"""

from minigrad._C import ffi as ffi
from minigrad._C import lib as lib
from minigrad._kernels.runtime import (
    active_isa,
    automatic_isa,
    available_isas,
    get_num_threads,
    select_isa,
    set_num_threads,
    usable_processors,
    use_isa,
)

__all__ = [
    "active_isa",
    "automatic_isa",
    "available_isas",
    "ffi",
    "get_num_threads",
    "lib",
    "select_isa",
    "set_num_threads",
    "usable_processors",
    "use_isa",
]
