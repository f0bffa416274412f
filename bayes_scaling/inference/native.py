"""What numba and nutpie do not offer: one C function, kept on disk, that evaluates any compiled log density by its address.

It rests on how numba 0.6x calls what it has compiled and on what PyTensor 3 hands to it; `address` refuses anything else.
"""
# mypy: disable-error-code="no-untyped-call, arg-type, attr-defined, no-untyped-def, import-untyped, call-arg"

from functools import cache
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing import signature
from numba.extending import intrinsic

FLOATS = types.Array(types.float64, 1, "C")
INTEGERS = types.Array(types.int64, 1, "C")
ARGUMENTS = types.StarArgTuple((FLOATS, FLOATS, INTEGERS))
RESULT = types.Tuple((FLOATS,))
POINTER = types.CPointer(types.float64)

WRONG_SIZE, NO_GRADIENT, NO_DENSITY, FAILED = -1, 3, 4, 1
"""What a log density returns to the sampler: where positive a trajectory ends, where negative all sampling does."""


def address(function: Any) -> int:
    """Return where the machine code of PyTensor's function lies, compiled or read from the cache on disk.

    Raises
    ------
    NotImplementedError
        Where this PyTensor makes functions of another signature.
    """
    function.compile((ARGUMENTS,))
    compiled = function.get_compile_result(signature(RESULT, ARGUMENTS))
    if compiled.signature.return_type not in (RESULT, types.UniTuple(FLOATS, 1)):
        raise NotImplementedError(f"PyTensor's function returns {compiled.signature.return_type}; expected {RESULT}")
    return int(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name))


@intrinsic
def _called(typing: Any, address: Any, x: Any, floats: Any, integers: Any) -> Any:
    """Call PyTensor's function at an address."""

    def generate(context: Any, builder: Any, _: Any, arguments: Any) -> Any:
        kind = context.call_conv.get_function_type(RESULT, (ARGUMENTS,))
        function = builder.inttoptr(arguments[0], ir.PointerType(kind))
        packed = context.make_tuple(builder, ARGUMENTS, arguments[1:])
        status, value = context.call_conv.call_function(builder, function, RESULT, (ARGUMENTS,), (packed,))
        with cgutils.if_unlikely(builder, status.is_error):
            context.call_conv.return_status_propagate(builder, status)
        return value

    return RESULT(types.int64, FLOATS, FLOATS, INTEGERS), generate


@intrinsic
def _pointer(typing: Any, address: Any) -> Any:
    """Read an integer as a pointer."""

    def generate(context: Any, builder: Any, _: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(types.int64), generate


@cache
def of_many() -> int:
    """Return the address of the function that evaluates a log density at many points, compiled once for a machine."""
    kind = types.int64(types.uint64, types.uint64, POINTER, POINTER, types.voidptr)
    return int(_kept(kind, _densities).address)


@cache
def callbacks() -> tuple[int, int]:
    """Return the addresses of the functions that nutpie calls, compiled once for a machine."""
    density = _kept(types.int64(types.uint64, POINTER, POINTER, POINTER, types.voidptr), _density)
    copy = _kept(types.int64(types.uint64, types.uint64, POINTER, POINTER, types.voidptr), _copy)
    return int(density.address), int(copy.address)


def _kept(kind: Any, function: Any) -> Any:
    """Return a C function, kept on disk where the package's folder or the user's cache can be written to."""
    try:
        return numba.cfunc(kind, cache=True)(function)
    except RuntimeError:  # numba finds no such folder
        return numba.cfunc(kind)(function)


def _density(size, x_, slope_, density_, data_):
    """Write the log density and its slope at a place, and return a code: what the sampler calls."""
    data = numba.carray(data_, (6,), np.int64)
    if size != data[1]:
        return WRONG_SIZE
    x = numba.carray(x_, (size,))
    floats = numba.carray(_pointer(data[2]), (data[3],), np.float64)
    integers = numba.carray(_pointer(data[4]), (data[5],), np.int64)
    try:
        both = _called(data[0], x, floats, integers)[0]
    except Exception:
        return FAILED
    density_[0] = both[0]
    for i in range(size):
        slope_[i] = both[i + 1]
        if not np.isfinite(both[i + 1]):
            return NO_GRADIENT
    return 0 if np.isfinite(both[0]) else NO_DENSITY


def _densities(count, size, x_, densities_, data_):
    """Write log densities at many places, minus infinity where there is none."""
    data = numba.carray(data_, (6,), np.int64)
    if size != data[1]:
        return WRONG_SIZE
    x = numba.carray(x_, (count * size,))
    floats = numba.carray(_pointer(data[2]), (data[3],), np.float64)
    integers = numba.carray(_pointer(data[4]), (data[5],), np.int64)
    for i in range(count):
        densities_[i] = -np.inf
        try:
            both = _called(data[0], x[i * size : (i + 1) * size], floats, integers)[0]
            if np.isfinite(both).all():
                densities_[i] = both[0]
        except Exception:
            densities_[i] = -np.inf
    return 0


def _copy(size, expanded, x_, to_, data_):
    if size != expanded:
        return WRONG_SIZE
    for i in range(size):
        to_[i] = x_[i]
    return 0
