"""A model's log density and gradient as one compiled function, handed to the sampler by its address.

The sampler wants a C function and a pointer. nutpie makes one for each model, and numba compiles it anew in every process,
together with all that it calls: two thirds of the time to a first draw. Here PyTensor's function, which numba does keep on
disk, is called through its address by one C function for every model (`native`). What a model reads lies in one array of floats
and one of integers, and so does what is sampled: a compiled function serves any number of rows and of levels.
"""

from collections.abc import Callable, Iterable, Mapping
from ctypes import CFUNCTYPE, c_int64, c_uint64, c_void_p
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from nutpie import _lib
from nutpie.sample import CompiledModel

from bayes_scaling.inference.native import FAILED, WRONG_SIZE, address, callbacks, of_many

if TYPE_CHECKING:
    import pymc as pm

type Shape = tuple[int | str, ...]
"""Of an array: sizes, or the names of dimensions, "row" among them, that differ between the runs of one model."""


@dataclass(frozen=True)
class Density:
    """A compiled log density with its gradient.

    Parameters
    ----------
    function
        Of a vector of unconstrained values, the floats and the integers.
    address
        Where its machine code lies.
    variables
        What is sampled, in order, and its shape.
    positive
        Those whose logarithm is sampled.
    floats, integers
        The arrays that it reads, in order, and their shapes.
    groups
        Dimensions other than rows, in the order in which their sizes lead the integers.
    """

    function: Any
    address: int
    variables: Mapping[str, Shape]
    positive: frozenset[str]
    floats: Mapping[str, Shape]
    integers: Mapping[str, Shape]
    groups: tuple[str, ...]


def compile_density(built: "pm.Model", arrays: Mapping[str, np.ndarray], shapes: Mapping[str, Shape]) -> Density:
    """Return the log density of a PyMC model, with its gradient, as a function of one vector and of the data.

    Parameters
    ----------
    built
        With every array that it reads held as data of its name.
    arrays
        Values of that data.
    shapes
        Theirs, with names for dimensions whose size may be another for other runs. One array of integers, the last, may have a
        size of its own.
    """
    import pytensor
    import pytensor.tensor as pt
    from pytensor import config
    from pytensor.graph import clone_replace, rewrite_graph

    logp = built.logp()
    read = {variable.name: variable for variable in _shared(logp)}  # data, and sizes of dimensions
    kinds = {name: arrays[name].dtype.kind for name in shapes if name in read}
    variables = {variable.name: _shape(built, variable) for variable in built.free_RVs}
    values = [built.rvs_to_values[variable] for variable in built.free_RVs]
    floats, integers = ({name: shapes[name] for name, of in kinds.items() if (of == "i") is whole} for whole in (False, True))
    sized = [*variables.values(), *floats.values(), tuple(read.keys() - shapes.keys())]
    groups = tuple(sorted({dim for of in sized for dim in of if isinstance(dim, str)} - {"row"}))
    x, held, whole = pt.vector("x"), pt.vector("floats"), pt.vector("integers", dtype="int64")
    sizes: dict[str, Any] = {dim: whole[i] for i, dim in enumerate(groups)}
    sizes["row"] = _rows(held, floats, sizes)
    unpacked = _cut(held, floats, sizes) | _cut(whole[len(groups) :], integers, sizes) | sizes
    # Fast-math would give other bits for a kernel read from the cache on disk than for one just compiled.
    with config.change_flags(numba__fastmath=False):
        (logp,) = clone_replace([logp], {of: _typed(of, unpacked[name]) for name, of in read.items()})
        logp = rewrite_graph(logp, include=["lower_xtensor", "canonicalize", "stabilize"])
        slopes = [pt.as_tensor(of, allow_xtensor_conversion=True).ravel() for of in pt.grad(logp, values)]
        parts = _cut(x, variables, sizes).values()
        at = {value: _typed(value, part) for value, part in zip(values, parts, strict=True)}
        (both,) = clone_replace([pt.concatenate([logp[None], *slopes])], at)
        function = pytensor.function([x, held, whole], both, mode="NUMBA", on_unused_input="ignore").vm.jit_fn
        where = address(function)
    positive = frozenset(name for name, value in zip(variables, values, strict=True) if value.name.endswith("_log__"))
    return Density(function, where, variables, positive, floats, integers, groups)


def _shape(built: "pm.Model", variable: Any) -> Shape:
    dims = built.named_vars_to_dims.get(variable.name)
    return tuple(dims) if dims else tuple(int(n) for n in variable.type.shape)


def _shared(graph: Any) -> list[Any]:
    from pytensor.compile.sharedvalue import SharedVariable
    from pytensor.graph.traversal import graph_inputs

    return [variable for variable in graph_inputs([graph]) if isinstance(variable, SharedVariable)]


def _rows(held: Any, floats: Mapping[str, Shape], sizes: Mapping[str, Any]) -> Any:
    """Return the number of rows as a symbol: what arrays without rows leave of the floats, over their width."""
    others = sum(_size(shape, sizes) for shape in floats.values() if "row" not in shape)
    return (held.shape[0] - others) // sum(_size(shape, {**sizes, "row": 1}) for shape in floats.values() if "row" in shape)


def _size(shape: Shape, sizes: Mapping[str, Any]) -> Any:
    return prod(sizes[dim] if isinstance(dim, str) else dim for dim in shape)


def _cut(vector: Any, shapes: Mapping[str, Shape], sizes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arrays that follow each other in a vector, of symbols or of numbers, along its last axis.

    One whose size is not known takes what is left.
    """
    found, start = {}, 0
    for name, shape in shapes.items():
        if not sizes.keys() >= {dim for dim in shape if isinstance(dim, str)}:
            found[name] = vector[..., start:]
            continue
        full = tuple(sizes[dim] if isinstance(dim, str) else dim for dim in shape)
        part = vector[..., start : start + prod(full)]
        found[name] = part[..., 0] if not shape else part if len(shape) == 1 else part.reshape((*vector.shape[:-1], *full))
        start = start + prod(full)
    return found


def _typed(like: Any, value: Any) -> Any:
    """Return a tensor as what it takes the place of: with named dimensions where that has them."""
    from pytensor.xtensor import as_xtensor
    from pytensor.xtensor.type import XTensorType

    return as_xtensor(value, dims=like.type.dims) if isinstance(like.type, XTensorType) else value


@dataclass(frozen=True, kw_only=True)
class Compiled(CompiledModel):  # type: ignore[misc]
    """A compiled log density with the data of some runs: what nutpie samples.

    Parameters
    ----------
    arrays
        The data, by name; floats and integers: the same, packed.
    start
        Seed -> where a chain starts.
    """

    density: Density
    arrays: Mapping[str, np.ndarray]
    floats: np.ndarray
    integers: np.ndarray
    start: Any
    dims: Any = field(default_factory=dict)

    @property
    def n_dim(self) -> int:
        """How many numbers are sampled."""
        return sum(int(_size(shape, self.sizes)) for shape in self.density.variables.values())

    @property
    def sizes(self) -> dict[str, int]:
        """The size of each group."""
        return dict(zip(self.density.groups, self.integers.tolist(), strict=False))

    @property
    def coords(self) -> dict[str, Any]:
        """Nothing: the vector that is sampled has no names."""
        return {}

    def evaluate(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the log density of unconstrained values, and its gradient, as the sampler takes them."""
        called = CFUNCTYPE(c_int64, c_uint64, *[c_void_p] * 4)(callbacks()[0])
        at, value, slope = np.ascontiguousarray(x, float), np.empty(1), np.full(len(x), np.nan)
        arrays = at, slope, value, self._addresses()
        status = called(len(at), *(of.ctypes.data for of in arrays))
        if status in (WRONG_SIZE, FAILED):
            raise ValueError(f"no density of {len(at)} numbers: it is one of {self.n_dim}")
        return float(value[0]), slope

    def evaluator(self) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
        """Return `evaluate` for many points: minus infinity where there is no density."""
        called = CFUNCTYPE(c_int64, c_uint64, *[c_void_p] * 4)(callbacks()[0])
        at, value, slope, addresses = np.empty(self.n_dim), np.empty(1), np.empty(self.n_dim), self._addresses()
        arguments = (self.n_dim, *(of.ctypes.data for of in (at, slope, value, addresses)))

        def evaluate(x: np.ndarray, alive: tuple[Any, ...] = (self, addresses)) -> tuple[float, np.ndarray]:
            at[:] = x
            return float(value[0]) if called(*arguments) == 0 else -np.inf, slope.copy()

        return evaluate

    def evaluate_many(self, points: np.ndarray) -> np.ndarray:
        """Return the log density at points, one a row: minus infinity where there is none, or no gradient."""
        called = CFUNCTYPE(c_int64, c_uint64, c_uint64, *[c_void_p] * 3)(of_many())
        at, found, addresses = np.ascontiguousarray(points, float), np.empty(len(points)), self._addresses()
        status = called(*at.shape, *(of.ctypes.data for of in (at, found, addresses)))
        if status:
            raise ValueError(f"no density of {at.shape[1]} numbers: it is one of {self.n_dim}")
        return found

    def _make_sampler(self, settings: Any, init_mean: Any, *others: Any) -> Any:
        (cores, *rest) = others
        return _lib.PySampler.from_pymc(settings, cores, self._model(), *rest)

    def _addresses(self) -> np.ndarray:
        """Return where the function and its data lie, as `native` reads it."""
        floats, integers = self.floats, self.integers
        data = [floats.ctypes.data, floats.size, integers.ctypes.data, integers.size]
        return np.array([self.density.address, self.n_dim, *data], dtype=np.int64)

    def _model(self) -> Any:
        """Return the model as the sampler takes it: pointers to the compiled density and to its data."""
        size, data = self.n_dim, self._addresses()
        alive = (self, data)  # as long as the sampler is
        sizes = {"element": size, "unconstrained_parameter": size}
        variables = _lib.PyVariable.new_variables(["x"], ["float64"], [(size,)], sizes, {"x": ("element",)})
        density, copy = callbacks()
        return _lib.PyMcModel(
            _lib.LogpFunc(density, data.ctypes.data, alive),
            _lib.ExpandFunc(size, size, copy, data.ctypes.data, alive),
            variables,
            size,
            sizes,
            {dim: pd.RangeIndex(size) for dim in sizes},
            self.start,
            None,
        )


def with_data(density: Density, arrays: Mapping[str, np.ndarray], levels: Mapping[str, int], start: Any) -> Compiled:
    """Return what samples a density given data.

    Parameters
    ----------
    levels
        Group -> how many levels it has.
    """
    sizes = np.array([levels[dim] for dim in density.groups], dtype=np.int64)
    return Compiled(
        density=density,
        arrays=arrays,
        floats=_joined((arrays[name] for name in density.floats), np.float64),
        integers=np.concatenate([sizes, _joined((arrays[name] for name in density.integers), np.int64)]),
        start=start,
    )


def _joined(arrays: Iterable[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate([np.empty(0, kind), *(np.ravel(of).astype(kind) for of in arrays)])


def split(compiled: Compiled, draws: np.ndarray) -> dict[str, np.ndarray]:
    """Return draws of each variable on its own scale, from draws of the vector along the last axis."""
    density = compiled.density
    parts = _cut(draws, density.variables, compiled.sizes)
    return {name: np.exp(of) if name in density.positive else of for name, of in parts.items()}
