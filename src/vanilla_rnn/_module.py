"""The two kinds of objects in this library: a module holds weights, a run holds what one forward pass computed."""

from __future__ import annotations

from collections import deque
from contextvars import copy_context
from copy import deepcopy
from functools import cache
from itertools import starmap
from operator import call, setitem
from typing import TYPE_CHECKING, Any

import numpy as np

from vanilla_rnn import _checks

if TYPE_CHECKING:
    from vanilla_rnn._types import Array, Callable, Iterable, Mapping


class Module:
    """An object that holds weights, and nothing else.

    Each weight is a NumPy array. It is an attribute of the module or of a module inside it, or an item of a list; lists
    can also contain modules. What ``forward`` computes is never stored here: it is in the run that ``forward`` returns.
    """

    __slots__ = ()

    def parameters(self) -> dict[str, Array]:
        """The live arrays by attribute path, such as ``"rnn.cells.0.W_xh"``.

        An array that two attributes share appears once, under its first path.

        Returns
        -------
        dict[str, numpy.ndarray]
            The arrays themselves, not copies: changing one in place changes the module.
        """
        arrays = collect_arrays(self)
        return {path: arrays[path] for path, first in first_paths(arrays).items() if path == first}

    def load_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Copy values into the live arrays. After an error, no array has changed.

        Parameters
        ----------
        parameters : mapping of str to array_like
            Values for every key of ``parameters()``, such as the snapshot ``copy.deepcopy(model.parameters())``.

        Raises
        ------
        ValueError
            If the keys or a shape differ, a number isn't finite, or an array can't be written to.
        """
        where = f"{type(self).__name__}.load_parameters"
        live = self.parameters()
        _checks.mapping(parameters, "parameters", where, "Pass a snapshot: copy.deepcopy(model.parameters()).")
        if differing := _checks.differing(parameters, live):
            expected = "a dictionary with this module's keys"
            fix = "Pass the parameters of a module of the same structure."
            _checks.fail(ValueError, where, "parameters", expected, f"one {differing}", fix)
        if live and all(parameters[path] is array for path, array in live.items()):
            fix = "Take a snapshot before training: copy.deepcopy(model.parameters())."
            _checks.fail(ValueError, where, "parameters", "a copy made earlier", "the live arrays", fix)
        values = {}
        for path, array in live.items():
            _checks.writable(array, path, where)
            values[path] = _checks.gradient(parameters[path], array, path, where)
        call_all([(setitem, live[path], ..., values[path].copy()) for path in live])

    def __repr__(self) -> str:
        parameters = self.parameters()
        count = sum(values.size for values in parameters.values())
        lines = [f"{self._signature()}: {count:,} parameters"]
        width = max(map(len, parameters), default=0)
        lines += [f"    {path:<{width}}  {values.shape}" for path, values in parameters.items()]
        return "\n".join(lines)

    def _signature(self) -> str:
        """The call that creates a module of these sizes, or the name of its class."""
        return type(self).__name__


def canonical_paths(module: Module) -> dict[str, str]:
    """For every path to an array, the path under which ``parameters()`` lists that array."""
    arrays = collect_arrays(module)
    if type(module).parameters is Module.parameters:
        return first_paths(arrays)
    listed = {place(values): path for path, values in module.parameters().items()}  # perhaps without some arrays
    return {path: listed[place(values)] for path, values in arrays.items() if place(values) in listed}


def merge_gradients(paths: Mapping[str, str], parts: Mapping[str, Mapping[str, Array]]) -> dict[str, Array]:
    """Merge the gradients of a module's parts under the keys of its ``parameters()``.

    The gradients of an array that is used in several places are added: the loss depends on it in each of them.

    Parameters
    ----------
    paths : mapping of str to str
        The module's `canonical_paths` at the time of the forward pass.
    parts : mapping of str to mapping
        The gradients by name, for each part's path; the module's own gradients have the path "".
    """
    total: dict[str, Array] = {}
    for part, gradients in parts.items():
        for name, gradient in gradients.items():
            path = paths.get(f"{part}.{name}" if part else name)
            if path is not None:  # a subclass's own parameters() may leave an array out
                total[path] = quietly(np.add, total[path], gradient) if path in total else gradient
    return total


def by_name(weights: Mapping[str, Array], gradients: Iterable[Array]) -> dict[str, Array]:
    """The gradients under the names of their weights. The bias gradient comes last; without a bias it is dropped."""
    return dict(zip(weights, gradients))  # noqa: B905  # there may be one fewer name than gradients


def unchecked(owner: Any, kind: Any, method: str) -> Any:
    """The method to call with checked arguments: a subclass's override, else ``_{method}``, which checks less."""
    is_ours = getattr(type(owner), method, None) is getattr(kind, method)
    return getattr(owner, f"_{method}" if is_ours else method)


def quietly(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function with the settings `_checks.QUIET`.

    NumPy keeps its error settings in a context variable, so a context with other settings does what np.errstate does,
    in a tenth of the time.
    """
    return _QUIET.copy().run(function, *arguments)


_QUIET = copy_context()
_QUIET.run(lambda: np.seterr(**_checks.QUIET))


def call_all(calls: Iterable[tuple[Any, ...]]) -> None:
    """Call each (function, argument, ...) in one call into C, which Ctrl-C can't stop halfway.

    The functions must be C functions too. For example ``(operator.setitem, values, ..., new)`` does what the statement
    ``values[...] = new`` does.
    """
    deque(starmap(call, calls), maxlen=0)


def deep_copy(part: Any, shared: Mapping[int, Any]) -> Any:
    """A deep copy of a part of your own, which shares the objects in ``shared`` with it; the keys are their ids."""
    try:
        return deepcopy(part, dict(shared))
    except Exception as error:  # whatever its parts raise
        fix = "Define __deepcopy__ so that the copy shares what can't be copied."
        got = f"{type(error).__name__}: {error}"
        _checks.fail(TypeError, type(part).__name__, "the object", "one that copy.deepcopy can copy", got, fix)


def as_rows(values: Array) -> Array:
    """(..., features) -> (rows, features)."""
    return values.reshape(-1, values.shape[-1])


def attributes(instance: Any) -> dict[str, Any]:
    """An object's attributes by name, those of its base classes first; None for one that has no value yet."""
    named = {name: getattr(instance, name, None) for name in _slots(instance)}
    return named | vars(instance) if hasattr(instance, "__dict__") else named  # a subclass may have more attributes


def _slots(instance: Any) -> tuple[str, ...]:
    """The names of an object's slots, those of its base classes first."""
    return _slots_of(type(instance))  # type: ignore[arg-type]  # classes are hashable


@cache
def _slots_of(kind: Any) -> tuple[str, ...]:
    by_class = [getattr(base, "__slots__", ()) for base in reversed(kind.__mro__)]
    return tuple(name for slots in by_class for name in ([slots] if isinstance(slots, str) else slots))


def collect_arrays(parent: Module | list[Any], prefix: str = "") -> dict[str, Array]:
    """Every array in a module by its path; a shared one under each of its paths."""
    arrays: dict[str, Array] = {}
    if isinstance(parent, list):
        children: Iterable[tuple[Any, Any]] = enumerate(parent)
    else:
        children = attributes(parent).items()
    for name, child in children:
        if isinstance(child, np.ndarray):
            arrays[f"{prefix}{name}"] = child
        elif isinstance(child, list) or (isinstance(child, Module) and type(child).parameters is Module.parameters):
            arrays |= collect_arrays(child, f"{prefix}{name}.")
        elif callable(getattr(child, "parameters", None)):  # a cell of your own, or a module with parameters of its own
            arrays |= {f"{prefix}{name}.{path}": values for path, values in child.parameters().items()}
    return arrays


def first_paths(arrays: Mapping[str, Array], where: str = "parameters", name: str = "{}") -> dict[str, str]:
    """For each path, the first path to the same array. Arrays that overlap in any other way are an error.

    ``where`` and ``name`` are for the message; in ``name``, ``{}`` is replaced by the path.
    """
    first: dict[int, str] = {}
    paths = {path: first.setdefault(id(values), path) for path, values in arrays.items()}
    if any(values.base is not None for values in arrays.values()):  # without a view, no two share memory
        for path, values in arrays.items():
            other = next(other for other in arrays if other == path or np.shares_memory(values, arrays[other]))
            paths[path] = other
            if place(values) != place(arrays[other]):
                expected = f"an array that doesn't overlap {other}"
                fix = "Assign the array itself to share it, or a copy."
                _checks.fail(ValueError, where, name.format(path), expected, "a view of it", fix)
    return paths


def place(values: Array) -> tuple[Any, ...]:
    """Where an array's numbers are in memory: two paths with the same place lead to the same numbers."""
    return values.__array_interface__["data"][0], values.shape, values.strides


class Run:
    """What one forward pass computed: the results, and all that ``backward`` needs. Its arrays are read-only."""

    __slots__ = ()

    def _freeze(self) -> None:
        """Make every array read-only: if one changed, it would no longer fit the others."""
        for name in _slots(self):
            freeze(getattr(self, name))

    def __setstate__(self, state: tuple[None, dict[str, Any]]) -> None:
        for name, value in state[1].items():
            setattr(self, name, value)
        self._freeze()  # copies and unpickled runs too

    def __repr__(self) -> str:
        arrays = {name: getattr(self, name) for name in sorted(_slots(self)) if name[0] != "_"}
        shapes = [f"{name} {values.shape}" for name, values in arrays.items() if isinstance(values, np.ndarray)]
        return f"<{type(self).__name__}: {', '.join(shapes)}>"


def freeze(value: Any) -> None:
    """Make an array, or every array in a list, a tuple or a module, read-only."""
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
    elif isinstance(value, (list, tuple)):
        for part in value:
            freeze(part)
    elif isinstance(value, Module):
        freeze(list(value.parameters().values()))
