"""Measure this library on your machine, and compare it with PyTorch, JAX and onnxruntime, if they are installed.

python benchmarks/run.py                  about fifteen minutes; prints as it goes, and writes benchmarks/results.json
python benchmarks/run.py --small          a minute: every part once, on small shapes; its numbers mean nothing
python benchmarks/run.py --threads 1      with one thread only

Every result is a ratio within one run: the contestants take turns, round after round, and their medians are compared.
Whatever disturbs the machine then disturbs all of them. Each number of threads has a process of its own, because the
libraries read it when they are loaded.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare vanilla_rnn with other installed libraries.")
    parser.add_argument("--small", action="store_true", help="run every part once, on small shapes")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--output", type=Path, default=HERE / "results.json")
    arguments = parser.parse_args()

    results = {"machine": machine()}
    print("\n".join(f"{name}: {value}" for name, value in results["machine"].items()))
    for threads in arguments.threads:
        print(f"\n== {threads} thread{'s' if threads > 1 else ''}", flush=True)
        results[f"threads {threads}"] = measure(threads, small=arguments.small)
    arguments.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(f"\nAll figures: {arguments.output}")


def measure(threads, *, small) -> dict:
    """Run the measurements in a process that may use this many threads."""
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    environment = os.environ | dict.fromkeys(names, str(threads))
    environment["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=" + ("true" if threads > 1 else "false")
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "figures.json"
        command = [sys.executable, str(HERE / "measurements.py"), str(figures), str(threads)]
        subprocess.run([*command, *(["--small"] if small else [])], env=environment, check=True)
        return json.loads(figures.read_text(encoding="utf-8"))


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
