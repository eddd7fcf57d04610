"""Write optimizers_by_pytorch.json: fifty steps of PyTorch's own optimisers, with which test_optim.py compares ours.

python tests/optimizers_by_pytorch.py        (needs PyTorch; the numbers in the repository are those of 2.13.0)
"""

import json
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_suffix(".json")
CALLS = {  # our optimisers, and the same ones of torch.optim
    "SGD(0.1)": ("SGD", {"lr": 0.1}),
    "SGD(0.05, momentum=0.9)": ("SGD", {"lr": 0.05, "momentum": 0.9}),
    "Adam(0.01)": ("Adam", {"lr": 0.01}),
    "Adam(0.1, betas=(0.5, 0.9), eps=1e-3)": ("Adam", {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3}),
}


def start_and_gradients():
    """Two parameters, and fifty gradients of very different sizes for them."""
    rng = np.random.default_rng(0)
    shapes = {"W": (2, 3), "b": (2,)}
    start = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    steps = [
        {name: rng.standard_normal(shape) * 10.0 ** rng.integers(-4, 3) for name, shape in shapes.items()}
        for _ in range(50)
    ]
    return start, steps


def by_pytorch():
    """For each call, the parameters after the fifty steps."""
    import torch

    start, steps = start_and_gradients()
    after = {}
    for call, (kind, options) in CALLS.items():
        weights = {name: torch.tensor(values, requires_grad=True) for name, values in start.items()}
        optimizer = getattr(torch.optim, kind)(list(weights.values()), **options)
        for gradients in steps:
            for name, gradient in gradients.items():
                weights[name].grad = torch.tensor(gradient)
            optimizer.step()
        after[call] = {name: values.detach().numpy().tolist() for name, values in weights.items()}
    return after


if __name__ == "__main__":
    FILE.write_text(json.dumps(by_pytorch(), indent=1) + "\n")
