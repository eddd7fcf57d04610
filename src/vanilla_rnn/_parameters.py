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
        found: dict[str, Array] = {}
        seen: set[int] = set()
        for path, values in _walk(self, ""):
            if id(values) not in seen:
                seen.add(id(values))
                found[path] = values
        return found

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
    paths = [(path, id(values)) for path, values in _walk(module, "")]
    first = {identity: path for path, identity in reversed(paths)}
    return {path: first[identity] for path, identity in paths}


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


def _walk(thing: object, path: str) -> list[tuple[str, Array]]:
    """Every array in a module by its path, a shared one at each of its places."""
    if isinstance(thing, np.ndarray):
        return [(path, thing)]
    found: list[tuple[str, Array]] = []
    children = vars(thing).items() if isinstance(thing, Module) else enumerate(thing) if isinstance(thing, list) else ()
    for name, child in children:
        if isinstance(child, (np.ndarray, Module, list)):
            found += _walk(child, f"{path}.{name}" if path else str(name))
    return found
