"""One contestant of one case, in a process of its own: measure.py CASE CONTESTANT SECONDS prints medians as JSON."""

import json
import statistics
import sys
import time
from pathlib import Path

import cases


def main(case: str, contestant: str, seconds: float) -> None:
    make = (cases.CASES | cases.SMALL)[case]()[contestant]
    calls = make()
    figures = None
    if calls is not None:
        figures = {kind: median_seconds(call, seconds) for kind, call in calls.items()}
        figures["peak MiB"] = peak()
    print(json.dumps(figures))


def median_seconds(call, seconds) -> float:
    """The median time of a call, over turns of 5 ms or more."""
    for _ in range(3):  # the first calls load and compile things
        call()
    start = time.perf_counter()
    call()
    count = max(1, int(0.005 / (time.perf_counter() - start)))
    taken = []
    end = time.perf_counter() + seconds
    while len(taken) < 5 or time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(count):
            call()
        taken.append((time.perf_counter() - start) / count)
    return statistics.median(taken)


def peak() -> float | None:
    """The most memory that this process has had, on Linux."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
