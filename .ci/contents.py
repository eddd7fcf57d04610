"""Hold that the sdist and the wheel in a folder have in them what they should, and nothing else."""

import sys
import tarfile
import zipfile
from pathlib import Path

SDIST = [".ci", "src", "tests", "benchmarks", "examples", "docs", "README.md", "CHANGELOG.md", "CITATION.cff"]
SDIST += ["CONTRIBUTING.md", "LICENSE", "pyproject.toml", ".pre-commit-config.yaml"]
ADDED = {"PKG-INFO", ".gitignore"}  # by hatchling, to every sdist
WHEEL = ["*.py", "py.typed", "stepper.html"]
SAID = {"METADATA", "WHEEL", "RECORD", "licenses/LICENSE"}


def files(place: str) -> set[str]:
    """A file, or all those in a folder."""
    found = [path for path in (Path(place), *Path(place).rglob("*")) if path.is_file()]
    assert found, place
    return {path.as_posix() for path in found if "__pycache__" not in path.parts}


(sdist,), (wheel,) = Path(sys.argv[1]).glob("*.tar.gz"), Path(sys.argv[1]).glob("*.whl")
with tarfile.open(sdist) as archive:
    in_sdist = {name.partition("/")[2] for name in archive.getnames()}
with zipfile.ZipFile(wheel) as archive:
    in_wheel = set(archive.namelist())
information = "-".join(wheel.name.split("-")[:2]) + ".dist-info"
package = {f"vanilla_rnn/{path.name}" for pattern in WHEEL for path in Path("src/vanilla_rnn").glob(pattern)}
for name, there, expected in (
    (sdist.name, in_sdist, ADDED.union(*map(files, SDIST))),
    (wheel.name, in_wheel, package | {f"{information}/{file}" for file in SAID}),
):
    if there != expected:
        sys.exit(f"{name}: too many {sorted(there - expected)}, missing {sorted(expected - there)}")
    print(f"{name}: {len(there)} files, as they should be")
