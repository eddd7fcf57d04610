"""Messages for calls that don't fit a function's signature: they say what to write instead."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from vanilla_rnn._hints import brief

if TYPE_CHECKING:
    from vanilla_rnn._types import Callable, Mapping

    P = ParamSpec("P")
    R = TypeVar("R")

INSTEAD = {  # what this library has in place of other libraries' arguments
    "batch_first": "Leave it out: the batch axis always comes first.",
    "dropout": "Leave it out: this library has no dropout; stop early or use a smaller network.",
    "padding_idx": "Leave it out: pass lengths, and padding gets no gradient.",
    "lr": "Call it learning_rate.",
    "weight_decay": "Leave it out: this library has no weight decay; stop early or use a smaller network.",
    "return_sequences": "Leave it out: an RNN always returns both output and h_n.",
    "hidden_dim": "Call it hidden_size.",
    "units": "Call it hidden_size.",
    "gradients": "Pass loss and targets, or d_logits, or d_output and d_h_n.",
    "ignore_index": "Pass weights=(targets != index): a target of weight 0 is ignored.",
    "reduction": "Leave it out: every loss is the mean over the predictions that count.",
    "label_smoothing": "Write a loss of your own: a function that returns the loss and d_logits.",
    "pos_weight": "Pass weights=np.where(labels == 1, pos_weight, 1.0).",
    "max_size": "Pass min_freq=..., or Counter(dict(counts.most_common(max_size))).",
    "lower": "Pass text.lower().",
    "depth": "Call it num_classes.",
    "norm_type": "Leave it out: the norm is the square root of the sum of squares.",
    "shuffle": "Leave it out: the examples are shuffled in every epoch, by rng.",
    "class_weight": "Pass weights=lambda targets: class_weights[targets].",
    "validation_data": "Evaluate the model in the body of a loop: for row in train(...).",
    "patience": "Stop with break in a loop: for row in train(...).",
    "epochs": "Call the function once for every pass: an iterable of chunks is read once.",
}


def explained(function: Callable[P, R]) -> Callable[P, R]:
    """Wrap a function so that a call that doesn't fit its signature gets a message that says what to write instead."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise  # from inside the function
            raise TypeError(_message(function, args, kwargs, error)) from None

    return call


def _message(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], error: TypeError) -> str:
    """The message for a call that doesn't fit a function's signature: what is wrong, and what to write instead."""
    import inspect

    method = getattr(function, "__name__", "the function")
    try:
        signature = inspect.signature(function)
    except ValueError:  # some functions in C have none
        return f"{method}: {error}"
    names = [name for name in signature.parameters if name != "self"]
    where = method
    if "self" in signature.parameters:
        where = type(args[0]).__name__ + ("" if method in ("__init__", "__call__") else f".{method}")
        args = args[1:]
    positional = [name for name in names if signature.parameters[name].kind is not inspect.Parameter.KEYWORD_ONLY]
    hints = [INSTEAD[name] for name in kwargs if name in INSTEAD and name not in names]
    if "lr" in kwargs and "optimizer" in names:
        hints = ["Pass it to the optimiser: Adam(learning_rate=...)."]
    if not hints and method == "train" and len(args) == 3:
        hints = ["Pass one list of examples: list(zip(inputs, labels))."]
    if not hints and names[:1] == ["learning_rate"] and args and isinstance(args[0], dict):
        hints = ["Pass the parameters to each step: optimizer.step(model.parameters(), d_parameters)."]
    if not hints and 0 < len(positional) < len(args):
        extra = zip(names[len(positional) :], args[len(positional) :], strict=False)
        hints = [f"Pass arguments after {positional[-1]} by name: {', '.join(f'{n}={brief(v)}' for n, v in extra)}."]
    if not hints and "bos_idx" in str(error):
        hints = [
            "Pass bos_idx=vocab.bos_idx, eos_idx=vocab.eos_idx, or None for both if the text has no beginning or end."
        ]
    if not hints and "h_n" in positional:
        hints = ["Unpack what the RNN returns: head(*rnn(x))."]
    text = str(error).split(") ", 1)[-1].split("() ", 1)[-1].partition(". Did you mean")[0]  # Python 3.13 guesses too
    hints = hints or [f"Its arguments are {', '.join(names)}." if names else "It takes no arguments."]
    return f"{where}: {text}. {' '.join(hints)}"
