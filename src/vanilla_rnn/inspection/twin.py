"""A complex copy of a module, for the complex steps of `check_gradients`."""

from __future__ import annotations

import traceback
import warnings
from copy import deepcopy
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn._module import attributes, collect_arrays, place
from vanilla_rnn.own_cell import generators_of

if TYPE_CHECKING:
    from vanilla_rnn._types import Array, Iterable, Iterator


BUFFERS = "Create buffers with the dtype of what they will contain: np.zeros(shape, dtype=x.dtype)."
FUNCTIONS = "Use only exp, tanh and arithmetic, such as np.where(x < 0, -x, x) instead of np.abs(x)."


class Twin:
    """A copy of a module whose weights are complex. It computes what the module computes, with the same random numbers.

    Attributes
    ----------
    parameters : dict[str, numpy.ndarray of complex128]
        The weights of the copy, under the keys of ``module.parameters()``.
    """

    def __init__(self, module: Any, where: str) -> None:
        self._where, live = where, module.parameters()
        self.parameters = {path: values.astype(np.complex128) for path, values in live.items()}
        parts = list(_parts(module))
        # What memo has for an object's id is what deepcopy uses as the copy of that object.
        complex_at = {place(values): self.parameters[path] for path, values in live.items()}
        arrays = [*live.values(), *collect_arrays(module).values()]  # with the other views of a tied array
        memo: dict[int, Any] = {id(w): complex_at[place(w)] for w in arrays if place(w) in complex_at}
        memo |= {id(w): w.astype(np.complex128) for part in parts for w in _weights(part) if id(w) not in memo}
        generators = [generator for part in parts for generator in generators_of(part)]
        self._starts, self._generators = deepcopy(generators), deepcopy(generators)  # nothing is drawn from the first
        memo |= {id(generator): copied for generator, copied in zip(generators, self._generators, strict=True)}
        self._module = deepcopy(module, memo)
        for path, values in self._module.parameters().items():
            if values is not self.parameters[path]:
                expected, fix = "an attribute of the module", "Keep each parameter in an attribute of its own."
                _checks.fail(ValueError, where, path, expected, "a view or a copy of one", fix)

    def forward(self, inputs: Iterable[Any]) -> Any:
        """The run of the copy. Each call draws the random numbers that the module would have drawn next."""
        for generator, start in zip(self._generators, self._starts, strict=True):
            if isinstance(generator, np.random.Generator):
                generator.bit_generator.state = start.bit_generator.state
            else:
                generator.set_state(start.get_state())
        with warnings.catch_warnings():
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            try:
                return self._module.forward(*inputs)
            except np.exceptions.ComplexWarning as warning:
                line = traceback.extract_tb(warning.__traceback__)[-1]
                self.refuse(f"one that lost the imaginary part at {line.filename}:{line.lineno}: {line.line}", BUFFERS)
            except TypeError as error:  # from a function without a complex version, or from a sum into real numbers
                self.refuse(f"one that raised: {error}", f"{FUNCTIONS} {BUFFERS}")

    def refuse(self, got: str, fix: str) -> NoReturn:
        """Refuse a forward that isn't the same function for complex numbers as for real ones."""
        expected = "a function that also works on complex numbers"
        _checks.fail(ValueError, self._where, "forward", expected, got, fix)


def _parts(module: Any, seen: set[int] | None = None) -> Iterator[Any]:
    """A module, and every module or cell inside it, each once."""
    seen = set() if seen is None else seen
    if id(module) not in seen:
        seen.add(id(module))
        yield module
        for child in attributes(module).values():
            for part in child if isinstance(child, list) else [child]:
                if hasattr(part, "parameters"):
                    yield from _parts(part, seen)


def _weights(part: Any) -> list[Array]:
    """The arrays in the slots of this library's classes, including those that ``parameters()`` leaves out."""
    kinds = [kind for kind in type(part).__mro__ if kind.__module__.startswith("vanilla_rnn.")]
    values = [getattr(part, name, None) for kind in kinds for name in getattr(kind, "__slots__", ())]
    return [value for value in values if isinstance(value, np.ndarray)]
