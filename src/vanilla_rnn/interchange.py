"""Weights in the layouts of PyTorch and Keras, neither of which is imported.

| here | PyTorch | Keras |
|---|---|---|
| ``W_xh`` (hidden, input) | ``weight_ih_l0`` | ``kernel``, transposed |
| ``W_hh`` (hidden, hidden) | ``weight_hh_l0`` | ``recurrent_kernel``, transposed |
| ``b_h`` (hidden,) | ``bias_ih_l0 + bias_hh_l0`` | ``bias`` |
| a reverse direction | ``..._l0_reverse`` | behind the forward one's |
| ``vectors`` (ids, dim) | ``weight`` | ``embeddings`` |
| ``W_hy`` (output, hidden), ``b_y`` | ``weight``, ``bias`` | ``kernel``, transposed, ``bias`` |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn._parameters import Module
from vanilla_rnn.cell import RNNCell
from vanilla_rnn.embedding import Embedding
from vanilla_rnn.heads import ManyToManyHead, ManyToOneHead
from vanilla_rnn.models import Chain
from vanilla_rnn.rnn import RNN
from vanilla_rnn.writers import EncoderDecoder, OneToMany

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vanilla_rnn._checks import Array

HEADS = (ManyToOneHead, ManyToManyHead)


def to_torch_state_dict(module: Module) -> dict[str, Array]:
    """The parameters under PyTorch's names, as NumPy arrays: ``torch.from_numpy`` makes tensors of them.

    An `RNN` gives the state dict of a ``torch.nn.RNN``, an `Embedding` that of a ``torch.nn.Embedding``, a head that of
    a ``torch.nn.Linear``; a model gives all of its parts', each behind its attribute's name and a dot: ``"rnn."``,
    ``"embedding."``, ``"head."``, and ``"decoder.rnn."`` and so on in those that have a decoder. In a `OneToMany`,
    ``W_ch`` and ``b_c`` are a ``torch.nn.Linear`` named ``context``.

    Parameters
    ----------
    module : Module
        An RNN, an embedding, a head or a model; of a cell make an RNN first: ``RNN.from_cells([cell])``.

    Returns
    -------
    dict[str, numpy.ndarray]
        Copies. Ours is one bias where PyTorch has two that act as their sum: ``bias_ih`` is ours, ``bias_hh`` is 0. The
        nonlinearity isn't in a state dict: give it to ``torch.nn.RNN(..., nonlinearity=...)``.

    Raises
    ------
    ValueError
        If a number isn't finite, or cells differ in their nonlinearity, or in whether they have a bias: in a
        ``torch.nn.RNN`` they can't.
    TypeError
        If it is of another kind, or has parameters beside those of its kind.
    """
    where = "to_torch_state_dict"
    names = _torch_names(module, where)
    _may_leave(module, names, where)
    return {name: np.zeros_like(values) if "bias_hh_" in name else values.copy() for name, values in names.items()}


def load_torch_state_dict(module: Module, state_dict: Mapping[str, Any]) -> None:
    """Fill a module with the weights of its counterpart in PyTorch.

    Parameters
    ----------
    module : Module
        An RNN, an embedding, a head or a model, of the sizes of the other.
    state_dict : mapping of str to tensor or array
        What ``state_dict()`` gives, under the names that `to_torch_state_dict` lists. Numbers of another precision are
        rounded to the module's, as PyTorch does.

    Raises
    ------
    ValueError
        If a name is missing or one too many, a shape differs, a number isn't finite, an array can't be written to, or
        one that stands in two places of the module would get two values; nothing has changed.
    TypeError
        If the module is of a kind that `to_torch_state_dict` refuses, or something isn't an array of real numbers.
    """
    where = "load_torch_state_dict"
    names = _torch_names(module, where)
    _checks.none_lost(module.parameters(), names.values(), "module", where)
    _checks.mapping(state_dict, "state_dict", where, "Pass the other module's state_dict().")
    if got := _checks.differing(state_dict, names):
        fix = "Layers, directions and biases have to be the same in both."
        _checks.refuse(ValueError, where, "state_dict", f"of the keys {_checks.some(names, 30)}", f"one {got}", fix)
    loaded = {name: _fitting(state_dict[name], values, name, where) for name, values in names.items()}
    for name in [name for name in names if "bias_ih_" in name]:
        second = name.replace("bias_ih_", "bias_hh_")
        loaded[name] = _fitting(loaded[name] + loaded.pop(second), names[name], f"{name} + {second}", where)
    _fill({name: names[name] for name in loaded}, loaded, where)


def to_keras_weights(module: Module) -> list[Array]:
    """The parameters in the order and the layout of Keras, as ``get_weights()`` lists them.

    Of an `RNN` those of one ``SimpleRNN``, or ``Bidirectional(SimpleRNN)``, after another; of a model those of a
    ``Sequential`` of embedding, RNN and a ``Dense`` head.

    Parameters
    ----------
    module : Module
        An RNN, an embedding, a head, a `ManyToOne` or a `ManyToMany`.

    Returns
    -------
    list of numpy.ndarray
        Copies, for ``set_weights``.

    Raises
    ------
    ValueError
        If a number isn't finite.
    TypeError
        If it is of another kind, or has parameters beside those of its kind.
    """
    views = _keras_order(module, "to_keras_weights")
    _may_leave(module, views, "to_keras_weights")
    return [values.copy() for values in views.values()]


def load_keras_weights(module: Module, weights: Sequence[Any]) -> None:
    """Fill a module with the weights of its counterpart in Keras.

    Parameters
    ----------
    module : Module
        As for `to_keras_weights`, of the sizes of the other.
    weights : list of array_like
        What ``get_weights()`` gives.

    Raises
    ------
    ValueError
        If there are too few or too many, a shape differs, a number isn't finite, an array can't be written to, or one
        that stands in two places of the module would get two values; nothing has changed.
    TypeError
        If the module is of a kind that `to_keras_weights` refuses, or something isn't an array of real numbers.
    """
    where = "load_keras_weights"
    views = _keras_order(module, where)
    _checks.none_lost(module.parameters(), views.values(), "module", where)
    if not isinstance(weights, (list, tuple)):
        _checks.refuse(TypeError, where, "weights", "a list", _checks.shown(weights), "Pass get_weights() as it is.")
    if len(weights) != len(views):
        fix = "Biases and layers have to be the same in both."
        _checks.refuse(
            ValueError, where, "weights", f"{len(views)} arrays: {_checks.some(views, 30)}", f"{len(weights)}", fix
        )
    named = {f"weights[{i}] ({name})": view for i, (name, view) in enumerate(views.items())}
    loaded = {name: _fitting(given, named[name], name, where) for name, given in zip(named, weights, strict=True)}
    _fill(named, loaded, where)


def _may_leave(module: Module, taken: dict[str, Array], where: str) -> None:
    """Refuse weights that nobody could use, and a module of which a part would stay behind."""
    parameters = module.parameters()
    _checks.none_lost(parameters, taken.values(), "module", where)
    for path, values in parameters.items():
        _checks.finite(values, path, where, "Training may have diverged: take a smaller learning rate.")


def _fitting(given: Any, like: Array, name: str, where: str) -> Array:
    """A tensor or an array as an array that can take another's place: a copy, for it may be of this very module."""
    if hasattr(given, "detach"):
        given = _of_tensor(given, name, where)
    values = _checks.floats(given, name, where, like.dtype)
    _checks.shape(values, like.shape, "that of the module", name, where, "The sizes have to be the same in both.")
    _checks.finite(values, name, where)
    return values.copy()


def _of_tensor(tensor: Any, name: str, where: str) -> Array:
    """A tensor off its graph and its device, and as a float64 where NumPy may not know its precision, as bfloat16."""
    try:
        found = tensor.detach().cpu()
        return np.asarray(found.double() if found.is_floating_point() else found)
    except Exception:  # whatever PyTorch raises where there are no numbers to be had
        got = ", ".join(f"{word} {getattr(tensor, word, '?')}" for word in ("dtype", "layout", "device"))
        fix = "A sparse one has to_dense(), a quantised one dequantize(); on the device meta there are no numbers."
        _checks.refuse(TypeError, where, name, "a tensor that NumPy can read", f"one of {got}", fix)


def _fill(views: dict[str, Array], loaded: dict[str, Array], where: str) -> None:
    """Write all of it, or nothing: an array that stands in two places of the module can't become two."""
    _checks.writable(views, where)
    first: dict[tuple[int, int], tuple[str, Array]] = {}
    for name, view in views.items():
        values = loaded[name].ravel("F" if view.strides[0] < view.strides[-1] else "C")  # as they will lie in memory
        other, same = first.setdefault(_checks.memory(view), (name, values))
        if not np.array_equal(values, same):
            expected, fix = f"equal to {other}, for here both are one array", "Share it there too, or make two here."
            _checks.refuse(ValueError, where, name, expected, "other numbers", fix)
    for name, view in views.items():
        view[...] = loaded[name]


def _torch_names(module: Module, where: str) -> dict[str, Array]:
    """Live arrays by PyTorch's names; ours is one bias under two of them."""
    found: dict[str, Array] = {}
    if isinstance(module, RNN):
        if len(kinds := {(cell.nonlinearity, cell.b_h is not None) for cell in module.cells}) > 1:
            expected, fix = "of one nonlinearity, and all with a bias or none", "Make a torch.nn.RNN of each by itself."
            got = " and ".join(f"{nonlinearity} with bias={bias}" for nonlinearity, bias in sorted(kinds))
            _checks.refuse(ValueError, where, "the RNN's cells", expected, got, fix)
        for number, cell in enumerate(module.cells):
            layer, direction = divmod(number, module.directions)
            end = f"l{layer}{'_reverse' if direction else ''}"
            found |= {f"weight_ih_{end}": cell.W_xh, f"weight_hh_{end}": cell.W_hh}
            if cell.b_h is not None:
                found |= {f"bias_ih_{end}": cell.b_h, f"bias_hh_{end}": cell.b_h}
    elif isinstance(module, Embedding):
        found = {"weight": module.vectors}
    elif isinstance(module, HEADS):
        found = {"weight": module.W_hy} | ({} if module.b_y is None else {"bias": module.b_y})
    elif not isinstance(module, (Chain, OneToMany, EncoderDecoder)):
        _unknown(module, where)
    else:
        if isinstance(module, OneToMany):
            found = {"context.weight": module.W_ch, "context.bias": module.b_c}
        for name, part in vars(module).items():
            if isinstance(part, Module):
                found |= {f"{name}.{path}": values for path, values in _torch_names(part, where).items()}
    return found


def _keras_order(module: Module, where: str) -> dict[str, Array]:
    """Live arrays as Keras lays them out, by a name for messages: views, through which the module can be written to."""
    if isinstance(module, RNN):
        found: dict[str, Array] = {}
        for number, cell in enumerate(module.cells):
            kinds = {"kernel": cell.W_xh.T, "recurrent_kernel": cell.W_hh.T}
            kinds |= {} if cell.b_h is None else {"bias": cell.b_h}
            found |= {f"cells.{number} {kind}": values for kind, values in kinds.items()}
        return found
    if isinstance(module, Embedding):
        return {"embeddings": module.vectors}
    if isinstance(module, HEADS):
        return {"head kernel": module.W_hy.T} | ({} if module.b_y is None else {"head bias": module.b_y})
    if not isinstance(module, Chain):
        _unknown(module, where)
    parts = [module.rnn, module.head] if module.embedding is None else [module.embedding, module.rnn, module.head]
    return {name: values for part in parts for name, values in _keras_order(part, where).items()}


def _unknown(module: object, where: str) -> NoReturn:
    fix = "Of a cell make RNN.from_cells([cell])." if isinstance(module, RNNCell) else "Pass its parts one by one."
    _checks.refuse(TypeError, where, "module", "an RNN, an Embedding, a head or a model", _checks.shown(module), fix)
