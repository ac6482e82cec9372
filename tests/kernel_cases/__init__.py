"""What every kernel of csrc/kernels.def must give: problems of a size, each with its answer from NumPy in float64.

calls.py has the list of kernels and one guarded call; the other modules have a family of kernels each. `PROBLEMS` names
every kernel once: test_kernels.py fails where csrc/kernels.def has one that is missing here.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from kernel_cases.axes import RUNNING, cross_problems, dot_problems, running_problems
from kernel_cases.axes import product_problems as factor_problems
from kernel_cases.calls import GRAIN
from kernel_cases.clips import CLIPS, clip_problems
from kernel_cases.distances import distance_problems
from kernel_cases.draws import draw_problems
from kernel_cases.entropy import entropy_problems
from kernel_cases.ladder import PRODUCTS, ladder_products, ladder_softmaxes
from kernel_cases.ladder import SOFTMAXES as LADDER_SOFTMAXES
from kernel_cases.maps import LOSSES, MAPS, loss_sum_problems, map_problems, place_problems
from kernel_cases.norms import CHANNELS, ROWS, TABLES, channel_problems, row_problems, table_problems
from kernel_cases.norms import running_problems as statistics_problems
from kernel_cases.probes import PROBES, probe_problems
from kernel_cases.products import large_linears, large_products, linear_problems, product_problems
from kernel_cases.rows import reduce_problems, softmax_problems, square_problems
from kernel_cases.updates import UPDATES, update_problems
from kernel_cases.whole import COUNTS, MOVES, count_problems, move_problems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kernel_cases.calls import Problem

    Draw = Callable[[str, np.dtype[Any], int, np.random.Generator], Iterator[Problem]]

REDUCTIONS = ("sum", "max", "min", "argmax", "argmin")
SOFTMAXES = ("softmax", "softmax_bwd", "log_softmax", "log_softmax_bwd", "logsumexp")
ENTROPIES = ("cross_entropy", "cross_entropy_bwd", "soft_cross_entropy", "soft_cross_entropy_bwd", "nll", "nll_bwd")

PROBLEMS: dict[str, Draw] = {
    **dict.fromkeys(MAPS, map_problems),
    **dict.fromkeys((f"{name}_sum" for name in LOSSES), loss_sum_problems),
    **dict.fromkeys(("put", "fill"), place_problems),
    **dict.fromkeys(COUNTS, count_problems),
    **dict.fromkeys(MOVES, move_problems),
    **dict.fromkeys(REDUCTIONS, reduce_problems),
    "sum_squares": square_problems,
    "prod": factor_problems,
    "row_dots": dot_problems,
    "cross": cross_problems,
    **dict.fromkeys(RUNNING, running_problems),
    **dict.fromkeys(("cdist", "cdist_bwd"), distance_problems),
    **dict.fromkeys(SOFTMAXES, softmax_problems),
    **dict.fromkeys(ENTROPIES, entropy_problems),
    **dict.fromkeys(ROWS, row_problems),
    **dict.fromkeys(CHANNELS, channel_problems),
    "running_stats": statistics_problems,
    **dict.fromkeys(TABLES, table_problems),
    "matmul": product_problems,
    "linear_bwd": linear_problems,
    **dict.fromkeys(("uniform", "normal", "bernoulli", "dropout"), draw_problems),
    **dict.fromkeys(UPDATES, update_problems),
    **dict.fromkeys(CLIPS, clip_problems),
    **dict.fromkeys(PROBES, probe_problems),
    **dict.fromkeys(PRODUCTS, ladder_products),
    **dict.fromkeys(LADDER_SOFTMAXES, ladder_softmaxes),
}

#: A size at which the work is cut into two blocks at least, and which of the problems to take: what differs in shape.
LARGE: dict[Draw, tuple[int, slice]] = {
    map_problems: (GRAIN + 77, slice(2)),
    place_problems: (GRAIN + 77, slice(3)),
    loss_sum_problems: (2 * GRAIN + 77, slice(1)),
    count_problems: (GRAIN // 2 + 77, slice(None)),
    move_problems: (GRAIN // 2 + 77, slice(None)),
    reduce_problems: (GRAIN + GRAIN // 8 + 77, slice(1, None, 2)),
    square_problems: (GRAIN + 77, slice(None)),
    distance_problems: (GRAIN // 8 + 77, slice(1)),
    softmax_problems: (GRAIN // 8 + 77, slice(None)),
    entropy_problems: (GRAIN // 8 + 77, slice(None, None, 4)),
    row_problems: (GRAIN // 8 + 77, slice(None)),
    channel_problems: (GRAIN // 2 + 77, slice(None)),
    statistics_problems: (GRAIN + 77, slice(None)),
    factor_problems: (GRAIN + GRAIN // 8 + 77, slice(None)),
    dot_problems: (GRAIN + 77, slice(None)),
    cross_problems: (GRAIN // 2 + 77, slice(None)),
    running_problems: (GRAIN // 8 + 77, slice(None, None, 3)),
    table_problems: (GRAIN + 77, slice(None)),
    large_products: (0, slice(None)),
    large_linears: (0, slice(None, None, 3)),
    draw_problems: (GRAIN + 77, slice(None, None, 4)),
    update_problems: (GRAIN + 77, slice(1, None)),
    clip_problems: (2 * GRAIN + 77, slice(3)),
    probe_problems: (GRAIN + 77, slice(1)),
    ladder_products: (4099, slice(3, 4)),  # 33 x 9 by 9 x 4099: more than 2^20 multiplications
    ladder_softmaxes: (4099, slice(None)),
}


def problems(name: str, dtype: np.dtype[Any], size: int) -> list[Problem]:
    """Calls of one kernel around `size` numbers, or rows, or columns; the same every time."""
    return list(PROBLEMS[name](name, dtype, size, np.random.default_rng(size)))


def large_problems(name: str, dtype: np.dtype[Any]) -> list[Problem]:
    """Calls that several threads share."""
    draw = {"matmul": large_products, "linear_bwd": large_linears}.get(name, PROBLEMS[name])
    size, taken = LARGE[draw]
    return list(islice(draw(name, dtype, size, np.random.default_rng(size)), taken.start, taken.stop, taken.step))
