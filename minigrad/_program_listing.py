"""A program as one reads it: its calls with what they write, read and move; and where the time goes."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from minigrad import _kernels, _machine
from minigrad._C import ffi, lib
from minigrad._plan import is_numbers, pointers

if TYPE_CHECKING:
    from typing import Any

    from minigrad._capture import Call
    from minigrad._machine import Machine
    from minigrad._program import Program

_HEAD = ["#", "op", "kernel", "writes", "reads", "sizes", "bytes", "fused", "line"]


def listing(program: Program) -> str:
    """Every call: x are arguments, b memory of the step's own, p what lives outside, c constants."""
    rows = [[str(i), *_row(program, call)] for i, call in enumerate(program.steps)]
    foot = (
        f"{len(rows)} calls; {program.bytes:,} bytes of memory, where eager takes {program.bytes_eager:,}, and {program.bytes_given:,} "
        "for the arguments"
    )
    return _table(_HEAD, rows, foot)


def _row(program: Program, call: Call) -> list[str]:
    outs: list[str] = []
    ins: list[str] = []
    for parameter, value in zip(call.kernel.parameters, call.arguments, strict=True):
        if is_numbers(parameter):
            name = str(program.names.find(value)) if value else "-"
            (ins if parameter.startswith("const") else outs).append(name)
        elif isinstance(value, float):
            ins.append(f"{parameter.split()[-1]}={value:g}")
    typed = any("T " in parameter for parameter in call.kernel.parameters)
    kernel = f"{call.kernel.name}_{'f64' if call.wide else 'f32'}" if typed else call.kernel.name
    return [call.op, kernel, ", ".join(outs), ", ".join(ins), sizes(call), f"{traffic(program, call):,}", call.fused, str(call.line or "")]


def sizes(call: Call) -> str:
    """What there is to compute: "32x4 @ 4x16" for a product, else the lengths that the kernel was given."""
    names = [p.split()[-1].strip("*") for p in call.kernel.parameters]
    given = dict(zip(names, call.arguments, strict=True))
    if "product" in given:
        p = _product(call)
        return f"{p.m}x{p.k} @ {p.k}x{p.n}"
    if "sizes" in given:
        return " + ".join(map(str, _lengths(call)))
    return "x".join(str(given[name]) for name in ("outer", "size", "rows", "n", "cols", "inner") if name in given)


def _product(call: Call) -> Any:
    return ffi.cast("mg_product *", call.arguments[call.kernel.at("*product")])


def _lengths(call: Call) -> list[int]:
    """The sizes of the parameters that an optimizer updates."""
    at, count = (call.kernel.at(name) for name in ("*sizes", "count"))
    return list(ffi.unpack(ffi.cast("int64_t *", call.arguments[at]), call.arguments[count]))


def traffic(program: Program, call: Call) -> int:
    """Bytes of all the operands of a call."""
    total = 0
    for parameter, address, value in zip(call.kernel.parameters, call.arguments, call.values, strict=True):
        if value is not None:
            total += value.size
        elif is_numbers(parameter) and address:
            total += program.names.size(address)
    if pointers(call):
        arrays = sum("**" in p and "int64_t" not in p and bool(v) for p, v in zip(call.kernel.parameters, call.arguments, strict=True))
        total += arrays * sum(_lengths(call)) * (8 if call.wide else 4)
    return total


def operations(call: Call) -> int:
    """Floating-point operations of products; those of other kernels are not what they wait for."""
    if call.kernel.at("*product") < 0:
        return 0
    p = _product(call)
    pairs = 1
    for d in range(p.batch.ndim if p.batch else 0):
        pairs *= p.batch.shape[d]
    wanted = sum(bool(call.arguments[i]) for i in (0, 1)) if call.kernel.name == "linear_bwd" else 1
    return int(2 * pairs * p.m * p.k * p.n * wanted)


@cache
def _machine_now(isa: str, threads: int) -> Machine:
    return _machine.measure("", rounds=3)


def profile(program: Program, seconds: list[float]) -> str:
    """Where the time goes: seconds are those of each call, or of the chain that it is in."""
    machine = _machine_now(_kernels.active_isa(), int(lib.mg_threads()))
    rows, total, before = [], 0.0, -1
    for i, (call, at, time) in enumerate(zip(program.steps, program.places, seconds, strict=True)):
        row = _row(program, call)
        if at == before:  # one of a chain, whose time stands with the first
            rows.append([str(i), *row[:2], row[4], "", "", "", *row[6:]])
            continue
        before, total = at, total + time
        limit, word = machine.bound(operations(call), traffic(program, call), 8 if call.wide else 4)
        rows.append([str(i), *row[:2], row[4], f"{time * 1e6:.2f}", f"{limit / time:.0%}" if time else "", word, *row[6:]])
    head = ["#", "op", "kernel", "sizes", "us", "of limit", "limit", "fused", "line"]
    return _table(head, rows, f"{total * 1e6:.2f} us")


def _table(head: list[str], rows: list[list[str]], foot: str) -> str:
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    used = [i for i, name in enumerate(head) if name != "fused" or any(row[i] for row in rows)]
    lines = ["  ".join(row[i].ljust(widths[i]) for i in used).rstrip() for row in [head, *rows]]
    return "\n".join([*lines, foot])
