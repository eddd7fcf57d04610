"""The page that shows a trace step by step in a browser: the numbers are put into ``page.html``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def page(numbers: dict[str, Any]) -> str:
    """Return one self-contained page: the template with the numbers in it.

    Parameters
    ----------
    numbers : dict
        ``tokens``, a list of str; ``cells``, a list of dicts with each cell's weights, its ``steps`` and the gradient
        ``flows`` of these steps; ``head``, a dict or None.

    Returns
    -------
    str
        HTML.
    """
    import json
    from importlib.resources import files

    text = json.dumps(_plain(numbers), separators=(",", ":"), allow_nan=False)
    text = text.replace("<", "\\u003c")  # inside a script element only "<" could end it, or start another
    template = files("vanilla_rnn.inspection").joinpath("page.html").read_text("utf-8")
    return template.replace("{{numbers}}", text)


def _plain(value: Any) -> Any:
    """Arrays as lists of Python numbers, to seven digits, which is more than the page shows.

    Infinity and NaN become None, because JSON has neither.
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
