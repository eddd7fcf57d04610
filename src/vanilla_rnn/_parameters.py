"""What every module shares: its parameters by attribute path, and a drawing of its structure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


class Module:
    """A thing that holds weights, as attributes, and nothing else.

    A weight is a NumPy array in an attribute, or in a module in an attribute, or in a list of either. What one forward
    computed is never kept here; it stands in the record that ``forward`` returns.
    """

    def parameters(self) -> dict[str, Array]:
        """The live arrays by attribute path, such as ``"rnn.cells.0.W_xh"``.

        An array that two attributes share stands once, under its first path.

        Returns
        -------
        dict[str, numpy.ndarray]
            The arrays themselves, not copies: changing one in place changes the module.
        """
        arrays: dict[str, Array] = {}
        _walk(self, "", arrays)
        return {path: arrays[path] for path, own in _first_of_each(arrays).items() if path == own}

    def __repr__(self) -> str:
        parameters = self.parameters()
        count = sum(values.size for values in parameters.values())
        lines = [f"{self._signature()}: {count:,} parameters"]
        width = max(map(len, parameters), default=0)
        lines += [f"    {path:<{width}}  {values.shape}" for path, values in parameters.items()]
        return "\n".join(lines)

    def _signature(self) -> str:
        """The call that makes a module of these sizes."""
        raise NotImplementedError


def own_paths(module: Module) -> dict[str, str]:
    """For every path to an array, the one under which ``parameters()`` lists that array."""
    arrays: dict[str, Array] = {}
    _walk(module, "", arrays)
    return _first_of_each(arrays)


def add_gradients(paths: dict[str, str], parts: dict[str, dict[str, Array]]) -> dict[str, Array]:
    """Join the gradients of a module's parts under the keys of its ``parameters()``; its own are those of part "".

    What a shared array got at each place it is used adds up: it is one array, and the loss depends on it at each.

    Parameters
    ----------
    paths : dict[str, str]
        The module's `own_paths` as they were at the forward: whatever happens to it later, the record knows its names.
    parts : dict[str, dict[str, numpy.ndarray]]
        The gradients by the part's path, and in it by name.
    """
    total: dict[str, Array] = {}
    for part, gradients in parts.items():
        for name, gradient in gradients.items():
            path = paths[f"{part}.{name}" if part else name]
            total[path] = total[path] + gradient if path in total else gradient
    return total


def _walk(thing: Module | list[Any], prefix: str, arrays: dict[str, Array]) -> None:
    """Find every array in a module by its path, a shared one at each of its places."""
    for name, child in enumerate(thing) if isinstance(thing, list) else vars(thing).items():
        if isinstance(child, np.ndarray):
            arrays[f"{prefix}{name}"] = child
        elif isinstance(child, (Module, list)):
            _walk(child, f"{prefix}{name}.", arrays)


def _first_of_each(arrays: dict[str, Array]) -> dict[str, str]:
    first: dict[int, str] = {}
    return {path: first.setdefault(id(values), path) for path, values in arrays.items()}
