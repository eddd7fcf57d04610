"""The measurements of `run.py`, in a process of its own: measurements.py OUTPUT THREADS [--small]."""

import json
import resource
import statistics
import subprocess
import sys
import time
from collections import deque
from functools import cache
from itertools import islice, repeat
from pathlib import Path

import contestants
import numpy as np

from vanilla_rnn import RNN, Adam, Decoder, Embedding, ManyToManyHead, clip_grad_norm, cross_entropy

SHAPES = [  # (batch, time, input, hidden)
    (1, 4, 4, 3),
    (1, 100, 32, 64),
    (1, 1000, 64, 128),
    (16, 50, 64, 64),
    (32, 50, 128, 128),
    (32, 100, 128, 256),
    (64, 100, 256, 512),
    (128, 50, 512, 1024),
]
OUTPUT, THREADS, SMALL = Path(sys.argv[1]), int(sys.argv[2]), "--small" in sys.argv
if SMALL:
    SHAPES = [(1, 4, 4, 3), (2, 6, 5, 4)]


def main() -> None:
    figures = {}
    for part in (shapes, lengths, character_model, stream, textbook, memory, curves):
        print(f"\n{part.__doc__.splitlines()[0]}", flush=True)
        figures[part.__name__] = part()
    OUTPUT.write_text(json.dumps(figures), encoding="utf-8")


def race(functions, seconds=4.0) -> dict[str, float]:
    """Median seconds a call of each function, the functions taking turns."""
    calls = {}
    for name, function in functions.items():
        function()
        start = time.perf_counter()
        function()
        calls[name] = max(1, int(0.01 / (time.perf_counter() - start)))  # a turn takes 10 ms or more
    taken = {name: [] for name in functions}
    end = time.perf_counter() + (0.05 if SMALL else seconds)
    while time.perf_counter() < end or len(taken[name]) < (1 if SMALL else 5):
        for name, function in functions.items():
            start = time.perf_counter()
            for _ in range(calls[name]):
                function()
            taken[name].append((time.perf_counter() - start) / calls[name])
    return {name: statistics.median(times) for name, times in taken.items()}


def shapes() -> list[dict]:
    """The others' time / our time (above 1, we are faster), and our time / a lower bound."""
    others = ("torch", "jax", "onnx")
    print(
        f"{'(batch, time, input, hidden)':<28}{'':<9}{'ours':>10}  "
        + "".join(f"{name:>7}" for name in (*others, "least"))
    )
    rows = []
    for shape in SHAPES:
        made = {name: getattr(contestants, name)(*shape) for name in ("ours", "torch", "jax")}
        made["onnx"] = contestants.onnxruntime(*shape, threads=THREADS)
        for kind in ("forward", "training"):
            times = race({name: calls[kind] for name, calls in made.items() if calls and kind in calls})
            least = lower_bound(shape, kind)
            rows.append({"shape": shape, "kind": kind, "seconds": times, "least": least})
            ratios = [f"{times[name] / times['ours']:7.2f}" if name in times else f"{'-':>7}" for name in others]
            print(
                f"{shape!s:<28}{kind:<9}{times['ours'] * 1e3:8.3f}ms  {''.join(ratios)}{times['ours'] / least:7.2f}",
                flush=True,
            )
    return rows


def lower_bound(shape, kind) -> float:
    """The time of the floating-point operations at the speed of a large product, plus the time of tanh."""
    batch, steps, inputs, hidden = shape
    operations = 2 * batch * steps * hidden * (inputs + hidden) * (1 if kind == "forward" else 3)
    states = np.zeros((batch * steps, hidden), np.float32)
    return operations / peak() + min(timed(lambda: np.tanh(states, states)) for _ in range(3))


@cache
def peak() -> float:
    """Operations a second of a large product."""
    size = 64 if SMALL else 2048
    a, out = np.ones((size, size), np.float32), np.empty((size, size), np.float32)
    return 2 * size**3 / min(timed(lambda: a.dot(a, out)) for _ in range(5))


def timed(function) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def lengths() -> dict:
    """Lengths uniform in 1..100: the time for the padded batch / the time with lengths."""
    batch, steps, inputs, hidden = (4, 6, 3, 4) if SMALL else (64, 100, 128, 256)
    rng = np.random.default_rng(0)
    rnn, x = RNN(inputs, hidden, dtype=np.float32, rng=0), rng.standard_normal((batch, steps, inputs), np.float32)
    counts = rng.integers(1, steps + 1, batch)
    d_output = np.where(np.arange(steps)[:, None] < counts[:, None, None], np.float32(1), np.float32(0))
    d_output = np.repeat(d_output, hidden, axis=2)
    ratios = {}
    for kind, functions in {
        "forward": {"padded": lambda: rnn(x), "lengths": lambda: rnn(x, lengths=counts)},
        "training": {
            "padded": lambda: rnn.forward(x).backward(d_output),
            "lengths": lambda: rnn.forward(x, lengths=counts).backward(d_output),
        },
    }.items():
        times = race(functions)
        ratios[kind] = times["padded"] / times["lengths"]
        print(f"{kind:<9}{ratios[kind]:6.2f}   ({counts.mean() / steps:.0%} of the steps are real)", flush=True)
    return ratios


def character_model() -> dict:
    """A character model's training, tokens a second (vocabulary 65, embedding 64, hidden 256, 50 steps, batch 32)."""
    vocab, dim, hidden, steps, batch = (65, 64, 256, 50, 32) if not SMALL else (5, 3, 4, 6, 2)
    tokens = np.random.default_rng(0).integers(0, vocab, (batch, steps + 1))
    kinds = {"dtype": np.float32, "rng": 0}
    model = Decoder(
        RNN(dim, hidden, **kinds),
        ManyToManyHead(hidden, vocab, **kinds),
        Embedding(vocab, dim, **kinds),
        bos_idx=None,
        eos_idx=None,
    )
    optimizer = Adam(1e-3)

    def ours():
        run = model.forward(tokens)
        _, d_logits = cross_entropy(run.logits, run.targets)
        gradients = run.backward(d_logits).d_parameters
        clip_grad_norm(gradients, 5.0)
        optimizer.step(model.parameters(), gradients)

    functions = {"ours": ours}
    try:
        import torch
    except ImportError:
        pass
    else:
        parts = torch.nn.ModuleList(
            [
                torch.nn.Embedding(vocab, dim),
                torch.nn.RNN(dim, hidden, batch_first=True),
                torch.nn.Linear(hidden, vocab),
            ]
        )
        adam, ids = torch.optim.Adam(parts.parameters(), lr=1e-3), torch.from_numpy(tokens)

        def theirs():
            adam.zero_grad()
            output, _ = parts[1](parts[0](ids[:, :-1]))
            torch.nn.functional.cross_entropy(parts[2](output).reshape(-1, vocab), ids[:, 1:].reshape(-1)).backward()
            torch.nn.utils.clip_grad_norm_(parts.parameters(), 5.0)
            adam.step()

        functions["torch"] = theirs
    speeds = {name: batch * steps / seconds for name, seconds in race(functions).items()}
    for name, speed in speeds.items():
        print(f"{name:<9}{speed:10,.0f}   ours / this: {speeds['ours'] / speed:.2f}", flush=True)
    return speeds


def stream() -> dict:
    """A stream of a million steps: the time of a step / that of rnn(x) at batch 1, and the memory added."""
    steps, inputs, hidden = (1_000_000, 64, 128) if not SMALL else (1000, 4, 3)
    rnn = RNN(inputs, hidden, dtype=np.float32, rng=0)
    x = np.random.default_rng(0).standard_normal((1000, inputs), np.float32)
    whole = race({"rnn(x)": lambda: rnn(x[None])}, seconds=1.0)["rnn(x)"] / len(x)
    states = rnn.stream(x_t for _ in repeat(None) for x_t in x)
    deque(islice(states, 1000), maxlen=0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    each = timed(lambda: deque(islice(states, steps), maxlen=0)) / steps
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"{each / whole:.2f}   ({each * 1e6:.2f} us a step; memory grew by {grown} KiB)", flush=True)
    return {"ratio": each / whole, "seconds a step": each, "memory KiB": grown}


def textbook() -> list[dict]:
    """The time of training with the textbook's loop (one sample, one step, new arrays) / with ours."""
    rows = []
    for batch in (1, 16, 32):
        shape = (batch, 50, 64, 64) if not SMALL else (batch, 3, 4, 5)
        functions = {"ours": contestants.ours(*shape)["training"], "textbook": contestants.textbook(*shape)["training"]}
        times = race(functions)
        rows.append({"shape": shape, "ratio": times["textbook"] / times["ours"]})
        print(f"{shape!s:<28}{rows[-1]['ratio']:6.1f}", flush=True)
    return rows


MEMORY = """
import contestants

def peak():  # in KiB, since this process began; Linux only
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

batch, steps, inputs, hidden = shape = {shape}
contestants.{who}(batch, 2, inputs, hidden)["training"]()
step = contestants.{who}(*shape)["training"]
before = peak()
step()
print(peak() - before)
"""


def memory() -> dict:
    """Peak memory of forward + backward, beyond the inputs and weights, each in a process of its own."""
    shape = (64, 100, 256, 512) if not SMALL else (2, 5, 4, 3)
    batch, steps, inputs, hidden = shape
    kibibytes = {"least": 4 * (2 * batch * steps * (hidden + inputs) + 2 * hidden * (hidden + inputs)) / 1024}
    for who in ("ours", "torch") if Path("/proc/self/status").exists() else ():
        if getattr(contestants, who)(1, 1, 1, 1):
            command = [sys.executable, "-c", MEMORY.format(shape=shape, who=who)]
            result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=sys.path[0])
            kibibytes[who] = int(result.stdout)
            of_least = kibibytes[who] / kibibytes["least"]
            print(f"{who:<9}{kibibytes[who] / 1024:8.1f} MiB, {of_least:.2f} of the least", flush=True)
    return kibibytes


def curves() -> dict:
    """How the time of one training step grows with time steps, batch and hidden size, from (16, 50, 64, 64)."""
    seconds_by_size = {}
    sizes = {"time": (25, 50, 100, 200, 400), "batch": (1, 4, 16, 64, 256), "hidden": (16, 64, 256, 1024)}
    for axis, values in sizes.items():
        seconds_by_size[axis] = {}
        for value in values[: 2 if SMALL else None]:
            shape = {"batch": 16, "time": 50, "inputs": 64, "hidden": 64} | {axis: value}
            seconds = race({"ours": contestants.ours(**shape)["training"]}, seconds=1.0)["ours"]
            seconds_by_size[axis][value] = seconds
            print(f"{axis:<8}{value:5}{seconds * 1e3:9.2f} ms  {'#' * min(90, round(seconds * 2e3))}", flush=True)
    return seconds_by_size


if __name__ == "__main__":
    main()
