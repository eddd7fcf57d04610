"""Write the figures of results.json into docs/performance.md: python benchmarks/page.py."""

import json
import statistics
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "performance.md"
BEGIN, END = "<!-- figures: benchmarks/page.py -->\n", "<!-- end of figures -->\n"


def main() -> None:
    results = json.loads((HERE / "results.json").read_text(encoding="utf-8"))
    before, rest = PAGE.read_text("utf-8").split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(before + BEGIN + figures(results) + END + after, "utf-8")


def figures(results) -> str:
    machine = results["machine"]
    libraries = {"torch": "PyTorch", "onnxruntime": "onnxruntime", "jax": "JAX"}
    there = [f"{name} {machine[key]}" for key, name in libraries.items() if machine.get(key) != "not installed"]
    text = (
        f"\nOn one machine: {machine['processor']}, {machine['cores']} cores, Python {machine['python']}, "
        f"NumPy {machine['numpy']}, {', '.join(there)}; float32.\n"
    )
    for threads in (key for key in results if key.startswith("threads")):
        cases = results[threads]
        count = int(threads.split()[1])
        spreads = [
            max(times) / min(times) for of in cases.values() for kind, times in of["ours"].items() if kind != "peak MiB"
        ]
        text += (
            f"\nWith {'one thread' if count == 1 else f'{count} threads'}. The slowest process took "
            f"{statistics.median(spreads):.2f} times as long as the fastest in the median case, and at most "
            f"{max(spreads):.2f} times:\n\n"
        )
        text += shapes({name: of for name, of in cases.items() if name.startswith("shape")}) + "\n"
        text += others({name: of for name, of in cases.items() if not name.startswith("shape")})
    return text + "\n"


def shapes(cases) -> str:
    """A row for each shape: our times, and how many times as long the others take."""
    names = [name for name in next(iter(cases.values())) if name != "ours" and any(of[name] for of in cases.values())]
    columns = [(kind, name) for kind in ("forward", "training") for name in ("ours", *names)]
    columns = [column for column in columns if any(column[0] in of[column[1]] for of in cases.values())]
    head = [kind if name == "ours" else name for kind, name in columns]
    rows = [f"| (batch, time, input, hidden) | {' | '.join(head)} |", f"|---|{'---:|' * len(columns)}"]
    for case, of in cases.items():
        cells = [time(of["ours"][kind]) if name == "ours" else ratio(of, name, kind) for kind, name in columns]
        rows.append(f"| {case.removeprefix('shape ')} | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def others(cases) -> str:
    """A row for each other case and kind of call."""
    rows = [
        f"| {case}: {kind} | {time(of['ours'][kind])} | {name} | {ratio(of, name, kind)} |"
        for case, of in cases.items()
        for kind in of["ours"]
        for name in of
        if kind != "peak MiB" and name != "ours" and kind in of[name]
    ]
    return "\n".join(["| case: call | ours | compared with | its time / ours |", "|---|---:|---|---:|", *rows]) + "\n"


def time(seconds) -> str:
    value = statistics.median(seconds)
    return f"{value:.2f} s" if value >= 1 else f"{value * 1e3:.3g} ms"


def ratio(of, name, kind) -> str:
    if kind not in of[name]:
        return "-"
    return f"{statistics.median(of[name][kind]) / statistics.median(of['ours'][kind]):.2f}"


if __name__ == "__main__":
    main()
