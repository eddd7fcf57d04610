"""Move to PyTorch: a model trained here continues training there, in two processes, from the same loss.

The script starts torchrun itself, with two processes that communicate through gloo, which needs no GPU.

python examples/12_graduate_to_pytorch.py    (about 20 seconds)
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # two processes share the cores

import numpy as np
from command_line import announce, parser

from vanilla_rnn import (
    RNN,
    Adam,
    Embedding,
    ManyToOne,
    ManyToOneHead,
    cross_entropy,
    fit,
    load_torch_state_dict,
    load_weights,
    save_weights,
    to_torch_state_dict,
)

try:
    import torch
    from torch.nn.parallel import DistributedDataParallel
except ModuleNotFoundError:
    sys.exit("This example continues in PyTorch, which isn't installed here: pip install torch")

SYMBOLS, TIME, HIDDEN = 8, 9, 32
PROCESSES, BATCH, EPOCHS = 2, 64, 12


def main() -> None:
    announce(15)
    train, held_out = first_symbols(2000, seed=0), first_symbols(1000, seed=1)
    model = new_model(seed=0)
    print(f"The task: of {TIME} symbols, name the first. Random guessing is right 1 time in {SYMBOLS}.\n")
    fit(
        model,
        list(zip(*train, strict=True)),
        loss=cross_entropy,
        optimizer=Adam(3e-3),
        epochs=3,
        batch_size=BATCH,
        clip=1.0,
        rng=0,
    )
    print(f"{'here, after 3 epochs:':<39} loss {report(*judge(model, *held_out))}", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        save_weights(Path(folder) / "before.npz", model)
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={PROCESSES}"]
        subprocess.run([*torchrun, __file__, folder], check=True)
        theirs = Classifier()
        theirs.load_state_dict(torch.load(Path(folder) / "after.pt", weights_only=True))
    after = f"there, after {EPOCHS} epochs on {PROCESSES} processes:"
    print(f"{after:<39} loss {report(*judge(theirs, *held_out))}")
    load_torch_state_dict(model, theirs.state_dict())  # adds the two biases
    print(f"{'here again, with the new weights:':<39} loss {report(*judge(model, *held_out))}")


def go_on(folder: Path) -> None:
    """What each of torchrun's processes does."""
    torch.distributed.init_process_group("gloo")
    rank = torch.distributed.get_rank()
    train, held_out = first_symbols(2000, seed=0), first_symbols(1000, seed=1)
    ours = new_model(seed=0)
    load_weights(folder / "before.npz", ours)

    theirs = Classifier()
    theirs.load_state_dict({name: torch.from_numpy(values) for name, values in to_torch_state_dict(ours).items()})
    shared = DistributedDataParallel(theirs)  # averages the processes' gradients in every backward
    if rank == 0:
        print(f"{'there, with the weights from here:':<39} loss {report(*judge(theirs, *held_out))}")

    optimizer = torch.optim.Adam(shared.parameters(), 3e-3)
    rng = np.random.default_rng(0)
    for epoch in range(EPOCHS):
        order = rng.permutation(len(train[0]))  # the same in every process, because the seed is
        for start in range(0, len(order) - BATCH + 1, BATCH):
            batch = order[start : start + BATCH]
            shard = batch[rank::PROCESSES]  # every process has its own rows, all the same number
            optimizer.zero_grad()
            logits = shared(torch.from_numpy(train[0][shard]))
            torch.nn.functional.cross_entropy(logits, torch.from_numpy(train[1][shard])).backward()
            if epoch == start == 0 and rank == 0:
                compare_gradients(theirs, ours, train[0][batch], train[1][batch])
            torch.nn.utils.clip_grad_norm_(shared.parameters(), 1.0)
            optimizer.step()
    if rank == 0:
        torch.save(theirs.state_dict(), folder / "after.pt")
    torch.distributed.barrier()  # wait for the other process
    torch.distributed.destroy_process_group()
    sys.stdout.flush()
    os._exit(0)  # gloo's threads still run, and Python's normal exit may abort while they do


class Classifier(torch.nn.Module):
    """The same model in PyTorch, in its default dtype, float32."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(SYMBOLS, SYMBOLS)
        self.rnn = torch.nn.RNN(SYMBOLS, HIDDEN, batch_first=True)
        self.head = torch.nn.Linear(HIDDEN, SYMBOLS)

    def forward(self, ids):
        _, h_n = self.rnn(self.embedding(ids))
        return self.head(h_n[-1])


def new_model(seed) -> ManyToOne:
    kinds = {"dtype": np.float32, "rng": np.random.default_rng(seed)}
    rnn, head = RNN(SYMBOLS, HIDDEN, recurrent_init="orthogonal", **kinds), ManyToOneHead(HIDDEN, SYMBOLS, **kinds)
    return ManyToOne(rnn, head, embedding=Embedding(SYMBOLS, SYMBOLS, **kinds))


def compare_gradients(theirs, ours, ids, labels) -> None:
    """Check that the average over the processes' shards is the gradient of the whole batch."""
    run = ours.forward(ids)
    _, d_logits = cross_entropy(run.logits, labels)
    whole = run.backward(d_logits).d_parameters
    pairs = {
        "rnn.cells.0.W_hh": theirs.rnn.weight_hh_l0,
        "rnn.cells.0.W_xh": theirs.rnn.weight_ih_l0,
        "rnn.cells.0.b_h": theirs.rnn.bias_ih_l0,
        "embedding.vectors": theirs.embedding.weight,
        "head.W_hy": theirs.head.weight,
    }
    worst = max(np.abs(whole[name] - p.grad.numpy()).max() / np.abs(whole[name]).max() for name, p in pairs.items())
    shards = f"{PROCESSES} shards of {len(ids) // PROCESSES}"
    print(f"first gradient, averaged over {shards}, compared with ours for all {len(ids)}: off by {worst:.0e}")


def judge(model, ids, labels) -> tuple[float, float]:
    """The loss and the accuracy of either model."""
    if isinstance(model, torch.nn.Module):
        with torch.no_grad():
            logits = model(torch.from_numpy(ids)).numpy()
    else:
        logits = model(ids)
    loss, _ = cross_entropy(logits, labels)
    return loss, float(np.mean(logits.argmax(axis=1) == labels))


def report(loss, accuracy) -> str:
    return f"{loss:.5f}, right {100 * accuracy:5.1f} %   (held out)"


def first_symbols(count, seed) -> tuple[np.ndarray, np.ndarray]:
    ids = np.random.default_rng(seed).integers(0, SYMBOLS, (count, TIME))
    return ids, ids[:, 0]


if __name__ == "__main__":
    options = parser(__doc__)
    options.add_argument("folder", nargs="?", type=Path, help=argparse.SUPPRESS)  # for torchrun: has the weights
    if folder := options.parse_args().folder:
        go_on(folder)
    else:
        main()
