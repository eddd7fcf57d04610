"""What several examples need as programs: arguments, reading files or explaining why not, progress, and pictures."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

ENDINGS = (".png", ".svg", ".pdf")  # the kinds of pictures that --plot writes
LOOK = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": "medium",
    "figure.constrained_layout.use": True,
    "legend.frameon": False,
    "savefig.dpi": 120,
}


def parser(doc: str | None, *, file: str = "", picture: str = "") -> argparse.ArgumentParser:
    """A parser whose help is the example's docstring, with a file argument and --plot if they are described."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    if file:
        parser.add_argument("file", nargs="?", type=Path, help=f"{file}; UTF-8")
    if picture:
        parser.add_argument("--plot", metavar="PICTURE", type=picture_path, help=f"draw {picture}, with matplotlib")
    return parser


def picture_path(path: str) -> Path:
    """Refuse a picture that couldn't be written, before the example computes for minutes."""
    if not path.lower().endswith(ENDINGS):
        raise argparse.ArgumentTypeError(f"expected a name that ends in {', '.join(ENDINGS)}, got {path!r}")
    if not Path(path).parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {Path(path).parent}")
    if find_spec("matplotlib") is None:
        raise argparse.ArgumentTypeError("a picture needs matplotlib, which isn't installed: pip install matplotlib")
    return Path(path)


@contextmanager
def drawing(path: Path, panels: int = 1) -> Iterator[Any]:
    """Axes next to each other, in the same look for all examples. The picture is saved at the end of the with block."""
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    with plt.rc_context(LOOK):
        figure, axes = plt.subplots(1, panels, figsize=(5.5 * panels, 4), squeeze=False)
        yield axes[0] if panels > 1 else axes[0, 0]
        figure.savefig(path)
        plt.close(figure)
    print(f"\nWrote {path}")


def announce(seconds: float) -> None:
    """Say at the start how long an example takes on one core, roughly."""
    if seconds < 8:
        print("This takes a few seconds.\n", flush=True)
    elif seconds < 90:
        print(f"This takes about {max(1, round(seconds / 10)) * 10} seconds.\n", flush=True)
    else:
        print(f"This takes about {round(seconds / 60)} minutes.\n", flush=True)


def show_losses(rows: Iterable[dict[str, Any]], every: int = 1) -> Iterator[dict[str, Any]]:
    """Pass on the rows of `train`, and print the losses in one line, each as soon as it is known."""
    print("Loss by epoch:" if every == 1 else f"Loss every {every} epochs:", end="", flush=True)
    for row in rows:
        if row["epoch"] % every == 0:
            print(f" {row['loss']:.3f}", end="", flush=True)
        yield row
    print()


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a text file, numbered from 1, without their ends. A file that isn't UTF-8 text is refused.

    Only a line feed ends a line. `str.splitlines` also splits at characters such as U+2028, which a text may contain.
    """
    if path.is_dir():
        sys.exit(f"{path} is a folder. Give the path of a text file.")
    empty = True
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                text = decoded(line, path, number).rstrip("\r\n")
                empty = empty and not text.strip()
                yield number, text
    except FileNotFoundError:
        sys.exit(f"There is no file {path}. Check the path; it starts from {Path.cwd()}.")
    except OSError as error:
        sys.exit(f"{path} can't be read: {error.strerror}.")
    if empty:
        sys.exit(f"{path} is empty. Give a file with text in it.")


def decoded(line: bytes, path: Path, number: int) -> str:
    """A line as text, without the mark that some editors write at the start of a UTF-8 file."""
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        if "\0" not in text:
            return text
        got = "the character NUL"
    except UnicodeDecodeError as error:
        got = f"the byte {line[error.start]:#04x}"
    # In UTF-16, every other byte of English text is 0.
    without_mark = "cp1252" if b"\0" not in line else "utf-16-be" if line.startswith(b"\0") else "utf-16-le"
    encoding = "utf-16" if line.startswith((b"\xff\xfe", b"\xfe\xff")) else without_mark
    copy = path.with_name(f"utf8-{path.name}")
    sys.exit(
        f"{path}, line {number}: expected UTF-8 text, got {got}. If the file's encoding is {encoding}, "
        f"this makes a copy in UTF-8:\n"
        f"""python -c "from pathlib import Path; Path({str(copy)!r}).write_text("""
        f"""Path({str(path)!r}).read_text('{encoding}'), 'utf-8')\""""
    )


def table(path: Path, first: str, second: str) -> Iterator[tuple[int, list[str]]]:
    """The columns of each line that isn't blank, at least two, separated by tabs; with the line's number."""
    for number, line in lines(path):
        columns = [column.strip() for column in line.split("\t")]
        if not any(columns):
            continue
        if len(columns) == 1:
            separator = next((name for mark, name in ((",", "comma"), (";", "semicolon")) if mark in line), "space")
            fix = f"If a {separator} separates the columns, replace it with a tab."
            refuse(path, number, f"{first}, a tab and {second}", repr(shortened(line)), fix)
        if not (columns[0] and columns[1]):
            refuse(path, number, f"{first} and {second}", listed(columns[:2]), "Fill both columns, or remove the line.")
        yield number, columns


def refuse(path: Path, number: int | None, expected: str, got: str, fix: str) -> NoReturn:
    """Stop with a message that names the file, the line, and what to do."""
    place = path if number is None else f"{path}, line {number}"
    sys.exit(f"{place}: expected {expected}, got {got}. {fix}")


def listed(values: Iterable[object], limit: int = 5) -> str:
    """The first few values, and how many more there are."""
    values = list(values)
    shown = ", ".join(repr(shortened(str(value), 30)) for value in values[:limit])
    return shown if len(values) <= limit else f"{shown} and {len(values) - limit:,} more"


def shortened(text: str, width: int = 60) -> str:
    """The text, cut after a whole word if it is too wide for a line."""
    if len(text) <= width:
        return text
    start = text[: width - 4]
    return (start.rsplit(None, 1)[0] if " " in start.strip() else start) + " ..."
