"""Write optimizers_by_pytorch.json: fifty steps of PyTorch's own optimisers, for test_optim.py to follow.

python tests/optimizers_by_pytorch.py        (needs PyTorch; the numbers in the repository came from 2.13.0)
"""

import json
from pathlib import Path

import numpy as np
import torch

PLACE = Path(__file__).with_suffix(".json")
MAKERS = {
    "SGD(0.1)": lambda weights: torch.optim.SGD(weights, lr=0.1),
    "SGD(0.05, momentum=0.9)": lambda weights: torch.optim.SGD(weights, lr=0.05, momentum=0.9),
    "Adam(0.01)": lambda weights: torch.optim.Adam(weights, lr=0.01),
    "Adam(0.1, betas=(0.5, 0.9), eps=1e-3)": lambda weights: torch.optim.Adam(
        weights, lr=0.1, betas=(0.5, 0.9), eps=1e-3
    ),
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
    start, steps = start_and_gradients()
    numbers = {}
    for call, make in MAKERS.items():
        weights = {name: torch.tensor(values, requires_grad=True) for name, values in start.items()}
        optimizer = make(list(weights.values()))
        for gradients in steps:
            for name, gradient in gradients.items():
                weights[name].grad = torch.tensor(gradient)
            optimizer.step()
        numbers[call] = {name: values.detach().numpy().tolist() for name, values in weights.items()}
    return numbers


if __name__ == "__main__":
    PLACE.write_text(json.dumps(by_pytorch(), indent=1) + "\n")
