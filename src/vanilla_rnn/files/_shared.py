"""What every export does: name the arrays of a module, and refuse a module that the other library can't represent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vanilla_rnn import _checks, _hints
from vanilla_rnn.cell import NONLINEARITIES, RNNCell
from vanilla_rnn.embedding import Embedding
from vanilla_rnn.heads import Head
from vanilla_rnn.models import _SequenceModel
from vanilla_rnn.own_cell import is_plain
from vanilla_rnn.rnn import RNN
from vanilla_rnn.seq2seq import EncoderDecoder, OneToMany

if TYPE_CHECKING:
    from vanilla_rnn._module import Module
    from vanilla_rnn._types import Array, DTypeLike, Iterator


def exported_arrays(module: Module, where: str, *, torch: bool = False) -> dict[str, Array]:
    """The live arrays by PyTorch's names, in the order that PyTorch and Keras share. They include every parameter.

    For PyTorch, b_h has two names, and all cells of an RNN must be of the same kind.
    """
    names = dict(_names(module, where, torch))
    places = set(map(memory, names.values()))
    for path, values in module.parameters().items():
        if memory(values) not in places:
            expected, fix = "one whose parameters all exist in the other library", "Pass its parts one by one."
            _checks.fail(TypeError, where, "the module", expected, f"one that also has {path}", fix)
    return names


def memory(values: Array) -> tuple[int, int]:
    """Where an array's numbers are in memory. This is the same for its transpose."""
    return values.__array_interface__["data"][0], values.nbytes


def require_finite(module: Module, where: str, dtype: DTypeLike = np.float64) -> None:
    """Refuse weights that aren't finite, or that the dtype can't hold."""
    for path, values in module.parameters().items():
        _checks.finite(_checks.floats(values, path, where, np.dtype(dtype)), path, where, _hints.DIVERGED)


COMPUTING = "__call__", "forward", "_forward", "select"  # the methods that compute a module's result


def _names(module: Module, where: str, torch: bool) -> Iterator[tuple[str, Array]]:
    kind = type(module)
    library_kind = next((base for base in kind.__mro__ if base.__module__.startswith("vanilla_rnn.")), None)
    if library_kind and (
        own := [name for name in COMPUTING if getattr(kind, name, None) is not getattr(library_kind, name, None)]
    ):
        expected, got = f"a plain {library_kind.__name__}", f"a {kind.__name__}, which has its own {own[0]}"
        fix = "Write it in the other library: an export contains only what this library computes."
        _checks.fail(TypeError, where, "module", expected, got, fix)
    if isinstance(module, RNN):
        for number, cell in enumerate(module.cells):
            _check_cell(cell, f"cells[{number}]", ("tanh", "relu") if torch else tuple(NONLINEARITIES), where)
        kinds = {f"{cell.nonlinearity} with bias={cell.b_h is not None}" for cell in module.cells}
        if torch and len(kinds) > 1:
            expected, fix = "alike: the same nonlinearity, and all or none with a bias", "Export each layer on its own."
            _checks.fail(ValueError, where, "the RNN's cells", expected, " and ".join(sorted(kinds)), fix)
        for number, cell in enumerate(module.cells):
            layer, direction = divmod(number, module.directions)
            end = f"l{layer}{'_reverse' if direction else ''}"
            yield from ((f"weight_ih_{end}", cell.W_xh), (f"weight_hh_{end}", cell.W_hh))
            if cell.b_h is not None:
                yield from ((f"{name}_{end}", cell.b_h) for name in ("bias_ih", "bias_hh")[: 1 + torch])
    elif isinstance(module, Embedding):
        yield "weight", module.vectors
    elif isinstance(module, Head):
        yield from zip(("weight", "bias"), module.weights.values())  # noqa: B905  # there may be no bias
    elif isinstance(module, (_SequenceModel, OneToMany, EncoderDecoder) if torch else _SequenceModel):
        if isinstance(module, OneToMany):
            yield from (("context.weight", module.W_ch), ("context.bias", module.b_c))
        for name in ("embedding", "rnn", "head", "encoder", "decoder"):
            if (part := getattr(module, name, None)) is not None:
                yield from ((f"{name}.{inner}", values) for inner, values in _names(part, where, torch))
    else:
        expected = "an RNN, an Embedding, a head or a supported model"
        fix = "Pass RNN.from_cells([cell])." if isinstance(module, RNNCell) else "Pass its parts one by one."
        _checks.fail(TypeError, where, "module", expected, _checks.shown(module), fix)


def _check_cell(cell: Any, name: str, nonlinearities: tuple[str, ...], where: str) -> None:
    """Refuse a cell that the user wrote, and a nonlinearity that has no name in the other library."""
    if not is_plain(cell):
        fix = "Write this cell in the other library: only an RNNCell has a counterpart there."
        _checks.fail(TypeError, where, name, "an RNNCell", f"a {type(cell).__name__}", fix)
    if cell.nonlinearity not in nonlinearities:
        expected = f"a cell with the nonlinearity {' or '.join(nonlinearities)}"
        fix = "Use one of these, or write the network in the other library."
        _checks.fail(ValueError, where, name, expected, _checks.shown(cell.nonlinearity), fix)
