"""Plain numbers to a page to step through in a browser. The page itself is ``stepper.html``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def page(numbers: dict[str, Any]) -> str:
    """One self-contained page: the template with the numbers in it.

    Parameters
    ----------
    numbers : dict
        ``tokens``, a list of str; ``cells``, a list of dicts of a cell's weights, its ``steps`` and the ``flows`` back
        through them; ``head``, a dict or None. Arrays are NumPy's.

    Returns
    -------
    str
        HTML.
    """
    import json
    from importlib.resources import files

    text = json.dumps(_plain(numbers), separators=(",", ":"), allow_nan=False)
    text = text.replace("<", "\\u003c")  # within a script element nothing but "<" could end it, or begin another
    template = files("vanilla_rnn").joinpath("stepper.html").read_text("utf-8")
    return template.replace("{{numbers}}", text)


def _plain(value: Any) -> Any:
    """Arrays as lists of Python's numbers, to seven digits, which is more than the page shows.

    What overflowed is None, for JSON has neither infinity nor NaN.
    """
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, float):
        return float(f"{value:.7g}") if math.isfinite(value) else None
    return value
