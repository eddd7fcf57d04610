"""Write optimizers_by_pytorch.json: fifty steps of PyTorch's own optimisers, for test_optim.py to follow.

python tests/optimizers_by_pytorch.py        (needs PyTorch; the numbers in the repository came from 2.13.0)
"""

import json
from pathlib import Path

import numpy as np

PLACE = Path(__file__).with_suffix(".json")
CALLS = {  # ours, and the same of torch.optim
    "SGD(0.1)": ("SGD", {"lr": 0.1}),
    "SGD(0.05, momentum=0.9)": ("SGD", {"lr": 0.05, "momentum": 0.9}),
    "Adam(0.01)": ("Adam", {"lr": 0.01}),
    "Adam(0.1, betas=(0.5, 0.9), eps=1e-3)": ("Adam", {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3}),
}


def start_and_gradients():
    """Two parameters, and fifty gradients for them, of very unequal sizes."""
    rng = np.random.default_rng(0)
    shapes = {"W": (2, 3), "b": (2,)}
    start = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    steps = [
        {name: rng.standard_normal(shape) * 10.0 ** rng.integers(-4, 3) for name, shape in shapes.items()}
        for _ in range(50)
    ]
    return start, steps


def by_pytorch():
    import torch

    start, steps = start_and_gradients()
    numbers = {}
    for call, (name, options) in CALLS.items():
        weights = {name: torch.tensor(values, requires_grad=True) for name, values in start.items()}
        optimizer = getattr(torch.optim, name)(list(weights.values()), **options)
        for gradients in steps:
            for path, gradient in gradients.items():
                weights[path].grad = torch.tensor(gradient)
            optimizer.step()
        numbers[call] = {name: values.detach().numpy().tolist() for name, values in weights.items()}
    return numbers


if __name__ == "__main__":
    PLACE.write_text(json.dumps(by_pytorch(), indent=1) + "\n")
