"""Measure this library on your machine, and compare it with PyTorch, JAX and onnxruntime, if they are installed.

python benchmarks/run.py                    about half an hour; prints as it goes, and writes benchmarks/results.json
python benchmarks/run.py --threads 1        with one thread only
python benchmarks/run.py --cases tagger     one case, or several
python benchmarks/run.py --small            a minute: every part once, on small shapes; its numbers mean nothing

A ratio is another contestant's time divided by ours: above 1, ours is faster. Each contestant has a fresh process for
each case and each of the rounds, in which the contestants take turns; the figures are medians over the rounds. The
spread is the largest of our rounds' times divided by the smallest.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

from cases import CASES, SMALL

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare vanilla_rnn with other installed libraries.")
    parser.add_argument("--small", action="store_true", help="run every part once, on small shapes")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", nargs="+", help="only cases whose names contain one of these words")
    parser.add_argument("--output", type=Path, default=HERE / "results.json")
    arguments = parser.parse_args()

    rounds, seconds = (1, 0.01) if arguments.small else (arguments.rounds, 1.0)
    chosen = [
        name
        for name in (SMALL if arguments.small else CASES)
        if not arguments.cases or any(word in name for word in arguments.cases)
    ]
    results = {"machine": machine()}
    print("\n".join(f"{name}: {value}" for name, value in results["machine"].items()))
    for threads in arguments.threads:
        print(
            f"\n== {threads} thread{'s' if threads > 1 else ''}: our time, spread, and others' time / ours", flush=True
        )
        results[f"threads {threads}"] = {name: measure(name, threads, rounds, seconds) for name in chosen}
        arguments.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(f"\nAll figures: {arguments.output}")


def measure(case, threads, rounds, seconds) -> dict:
    """For each contestant and kind of call, the seconds of every round; prints a line for each kind."""
    contestants = (CASES | SMALL)[case]()
    figures = {contestant: {} for contestant in contestants}
    for _ in range(rounds):
        for contestant in contestants:
            command = [sys.executable, str(HERE / "measure.py"), case, contestant, str(seconds)]
            result = subprocess.run(command, env=environment(threads), capture_output=True, text=True, check=True)
            for kind, value in (json.loads(result.stdout.splitlines()[-1]) or {}).items():
                figures[contestant].setdefault(kind, []).append(value)
    for kind, times in figures["ours"].items():
        if kind == "peak MiB":
            continue
        ours = statistics.median(times)
        ratios = {name: statistics.median(of[kind]) / ours for name, of in figures.items() if kind in of}
        shown = "".join(f"{name:>13}{ratio:6.2f}" for name, ratio in ratios.items() if name != "ours")
        print(f"{case:<28}{kind:<9}{ours * 1e3:10.3f} ms{max(times) / min(times):6.2f}{shown}", flush=True)
    return figures


def environment(threads) -> dict:
    """The environment of a contestant: so many threads, and freed memory stays with the process.

    Without the last, glibc gives large arrays back to the system whenever they are freed, and every step begins by
    fetching the same memory again, page by page.
    """
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    memory = {"MALLOC_TRIM_THRESHOLD_": str(2**30), "MALLOC_MMAP_THRESHOLD_": str(2**30)}
    xla = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=" + ("true" if threads > 1 else "false")}
    return os.environ | dict.fromkeys(names, str(threads)) | memory | xla


def machine() -> dict:
    """The machine and the versions that the figures belong to."""
    from importlib.metadata import PackageNotFoundError, version

    facts = {"processor": processor(), "cores": os.cpu_count(), "system": platform.platform()}
    facts["python"] = platform.python_version()
    for name in ("numpy", "vanilla-rnn", "torch", "jax", "onnxruntime"):
        try:
            facts[name] = version(name)
        except PackageNotFoundError:
            facts[name] = "not installed"
    return facts


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"


if __name__ == "__main__":
    main()
