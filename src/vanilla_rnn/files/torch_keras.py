"""Weights in the layouts of PyTorch and Keras. Neither library is imported.

| here | PyTorch | Keras |
|---|---|---|
| ``W_xh`` (hidden, input) | ``weight_ih_l0`` | ``kernel``, transposed |
| ``W_hh`` (hidden, hidden) | ``weight_hh_l0`` | ``recurrent_kernel``, transposed |
| ``b_h`` (hidden,) | ``bias_ih_l0 + bias_hh_l0`` | ``bias`` |
| a reverse direction | ``..._l0_reverse`` | after the forward one |
| ``vectors`` (ids, dim) | ``weight`` | ``embeddings`` |
| ``W_hy`` (output, hidden), ``b_y`` | ``weight``, ``bias`` | ``kernel``, transposed, ``bias`` |
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import setitem
from typing import TYPE_CHECKING, Any

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn._module import call_all
from vanilla_rnn.embedding import Embedding
from vanilla_rnn.files._shared import exported_arrays, memory, require_finite

if TYPE_CHECKING:
    from vanilla_rnn._module import Module
    from vanilla_rnn._types import Array, Sequence


def to_torch_state_dict(module: Module) -> dict[str, Array]:
    """Return the parameters under PyTorch's names, as NumPy arrays; ``torch.from_numpy`` turns them into tensors.

    An `RNN` gives the state dict of a ``torch.nn.RNN``, an `Embedding` that of a ``torch.nn.Embedding``, and a head
    that of a ``torch.nn.Linear``. A model gives those of all its parts, each under its attribute's name: ``"rnn."``,
    ``"embedding."``, ``"head."``, and ``"decoder.rnn."`` and so on in a model with a decoder. In a `OneToMany`,
    ``W_ch`` and ``b_c`` are a ``torch.nn.Linear`` with the name ``context``.

    Parameters
    ----------
    module : Module
        An RNN, an embedding, a head or a model. For a cell, pass ``RNN.from_cells([cell])``.

    Returns
    -------
    dict[str, numpy.ndarray]
        Copies. PyTorch has two biases, which it adds: ``bias_ih`` is ours and ``bias_hh`` is 0. A state dict doesn't
        contain the nonlinearity: pass it to ``torch.nn.RNN(..., nonlinearity=...)``.

    Raises
    ------
    ValueError
        If a number isn't finite, a nonlinearity isn't tanh or relu, or the cells of an RNN differ in their nonlinearity
        or in whether they have a bias, which ``torch.nn.RNN`` doesn't allow.
    TypeError
        If the module is of another kind, has additional parameters, or has cells of your own.
    """
    where = "to_torch_state_dict"
    names = exported_arrays(module, where, torch=True)
    require_finite(module, where)
    return {name: np.zeros_like(values) if "bias_hh_" in name else values.copy() for name, values in names.items()}


def load_torch_state_dict(module: Module, state_dict: Mapping[str, Any]) -> None:
    """Fill a module with the weights of its counterpart in PyTorch.

    A state dict doesn't contain the nonlinearity. The weights of a relu network load into a tanh network without an
    error, so create both with the same ``nonlinearity``.

    Parameters
    ----------
    module : Module
        An RNN, an embedding, a head or a model, of the same sizes.
    state_dict : mapping of str to tensor or array
        What ``state_dict()`` returns, under the names that `to_torch_state_dict` lists. Numbers in a different
        precision are rounded to the module's precision, as in PyTorch.

    Raises
    ------
    ValueError
        If a name is missing or unknown, a shape differs, a number isn't finite, an array can't be written to, or an
        array that the module uses in two places would get two values. Nothing has changed.
    TypeError
        If `to_torch_state_dict` refuses the module, or something isn't an array of real numbers.
    """
    where = "load_torch_state_dict"
    names = exported_arrays(module, where, torch=True)
    _checks.mapping(state_dict, "state_dict", where, "Pass the other module's state_dict().")
    if differing := _checks.differing(state_dict, names):
        expected, fix = "a dictionary with the keys of to_torch_state_dict(module)", _keys_fix(state_dict, names)
        _checks.fail(ValueError, where, "state_dict", expected, f"one {differing}", fix)
    loaded = {name: _fitting(state_dict[name], values, name, where) for name, values in names.items()}
    for name in [name for name in names if "bias_ih_" in name]:
        second = name.replace("bias_ih_", "bias_hh_")
        with np.errstate(**_checks.QUIET):  # _fitting refuses infinity
            total = loaded[name] + loaded.pop(second)
        loaded[name] = _fitting(total, names[name], f"{name} + {second}", where)
    _fill({name: names[name] for name in loaded}, loaded, where)


def to_keras_weights(module: Module) -> list[Array]:
    """Return the parameters in the order and the layout of Keras, as ``get_weights()`` lists them.

    For an `RNN`, they fit one ``SimpleRNN``, or ``Bidirectional(SimpleRNN)``, for each layer. For a model, they fit a
    ``Sequential`` with an embedding, an RNN and a ``Dense`` head.

    Parameters
    ----------
    module : Module
        An RNN, an embedding, a head, a `ManyToOne`, a `ManyToMany` or a `Decoder`.

    Returns
    -------
    list of numpy.ndarray
        Copies, for ``set_weights``. They don't contain the nonlinearity: pass it to ``SimpleRNN(..., activation=...)``.

    Raises
    ------
    ValueError
        If a number isn't finite, or a nonlinearity is a pair of your own functions.
    TypeError
        If the module is of another kind, has additional parameters, or has cells of your own.
    """
    views = _keras_views(module, "to_keras_weights")
    require_finite(module, "to_keras_weights")
    return [values.copy() for values in views.values()]


def load_keras_weights(module: Module, weights: Sequence[Any]) -> None:
    """Fill a module with the weights of its counterpart in Keras.

    Parameters
    ----------
    module : Module
        As for `to_keras_weights`, of the same sizes.
    weights : list of array_like
        What ``get_weights()`` returns.

    Raises
    ------
    ValueError
        If there are too few or too many arrays, a shape differs, a number isn't finite, an array can't be written to,
        or an array that the module uses in two places would get two values. Nothing has changed.
    TypeError
        If `to_keras_weights` refuses the module, or something isn't an array of real numbers.
    """
    where = "load_keras_weights"
    views = _keras_views(module, where)
    if not isinstance(weights, (list, tuple)):
        _checks.fail(TypeError, where, "weights", "a list", _checks.shown(weights), "Pass what get_weights() returns.")
    if len(weights) != len(views):
        expected, fix = f"{len(views)} arrays: {', '.join(views)}", "Build both models with the same layers and biases."
        _checks.fail(ValueError, where, "weights", expected, str(len(weights)), fix)
    pairs = zip(weights, views.items(), strict=True)
    _fill(views, {name: _fitting(given, view, name, where) for given, (name, view) in pairs}, where)


def _fitting(given: Any, like: Array, name: str, where: str) -> Array:
    """A copy of a tensor or an array, in the dtype of the array whose values it will replace."""
    if hasattr(given, "detach"):
        try:  # without its graph and its device; as float64, because NumPy has no bfloat16
            tensor = given.detach().cpu()
            given = np.asarray(tensor.double() if tensor.is_floating_point() else tensor)
        except Exception:  # whatever PyTorch raises for a tensor without readable numbers
            got = ", ".join(f"{word} {getattr(given, word, '?')}" for word in ("dtype", "layout", "device"))
            fix = "Convert it first: to_dense() for a sparse tensor, dequantize() for a quantised one."
            _checks.fail(TypeError, where, name, "a tensor that NumPy can read", f"one with {got}", fix)
    values = _checks.floats(given, name, where, like.dtype)
    if values.shape != like.shape:
        expected, fix = f"an array of shape {like.shape}, as in the module", "Build both models with the same sizes."
        _checks.fail(ValueError, where, name, expected, f"shape {values.shape}", fix)
    _checks.finite(values, name, where)
    return values.copy()


def _fill(views: dict[str, Array], loaded: dict[str, Array], where: str) -> None:
    """Write everything or nothing. An array that the module uses in two places can't take two values."""
    first: dict[tuple[int, int], tuple[str, Array]] = {}
    for name, view in views.items():
        _checks.writable(view, name, where)
        values = loaded[name].ravel("F" if view.strides[0] < view.strides[-1] else "C")  # in memory order
        other, same = first.setdefault(memory(view), (name, values))
        if not np.array_equal(values, same):
            expected, fix = f"equal to {other}, because one array serves as both", "Give the module two arrays."
            _checks.fail(ValueError, where, name, expected, "different numbers", fix)
    call_all([(setitem, view, ..., loaded[name]) for name, view in views.items()])


def _keras_views(module: Module, where: str) -> dict[str, Array]:
    """Views in Keras's layout, under the names that messages use. Writing to a view changes the module."""
    names = exported_arrays(module, where)
    paths = {memory(values): path for path, values in module.parameters().items()}
    return {
        f"weights[{number}] ({paths[memory(values)]})":
            values if isinstance(module, Embedding) or name == "embedding.weight" else values.T
        for number, (name, values) in enumerate(names.items())
    }  # fmt: skip


def _keys_fix(state_dict: Mapping[Any, Any], names: dict[str, Array]) -> str:
    """What to do about a state dict whose keys don't fit."""
    wrapped = {key: value for key, value in state_dict.items() if isinstance(value, Mapping)}
    if wrapped:  # such as a checkpoint {"model_state_dict": ..., "optimizer_state_dict": ..., "epoch": ...}
        inner = max(wrapped, key=lambda key: sum(str(name).endswith(tuple(names)) for name in wrapped[key]))
        return f"Pass state_dict[{inner!r}]."
    unknown = sorted((str(key) for key in state_dict if key not in names), key=_last, reverse=True)
    prefixes = [key.removesuffix(name) for key in unknown for name in names if key.endswith(f".{name}")]
    counts = {prefix: sum(prefix + name in state_dict for name in names) for prefix in prefixes}
    if counts and 2 * max(counts.values()) >= len(names):  # such as "module.", from DataParallel
        prefix = max(counts, key=counts.__getitem__)
        if all(str(key).startswith(prefix) for key in state_dict):
            return f"Remove the prefix {prefix!r} from every key."
        return f"Pass only the keys that start with {prefix!r}, without this prefix."
    missing = sorted((name for name in names if name not in state_dict), key=_last, reverse=True)
    if list(map(_last, unknown)) == list(map(_last, missing)):  # such as "fc.weight" and "head.weight"
        pairs = zip(unknown, missing, strict=True)
        return f"Rename {' and '.join(f'{key!r} to {name!r}' for key, name in pairs)}."
    return "Build both models with the same layers, directions and biases."


def _last(key: str) -> str:
    return key.rpartition(".")[2]
