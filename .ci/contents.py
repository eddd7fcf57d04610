"""Check that the sdist and the wheel in a folder contain the expected files, and nothing else."""

import sys
import tarfile
import zipfile
from pathlib import Path

SDIST = [".ci", "src", "tests", "benchmarks", "examples", "docs", "README.md", "CHANGELOG.md", "CITATION.cff"]
SDIST += ["CONTRIBUTING.md", "LICENSE", "pyproject.toml", ".pre-commit-config.yaml"]
ADDED = {"PKG-INFO", ".gitignore"}  # hatchling adds them to every sdist
PACKAGE = ["**/*.py", "py.typed", "inspection/page.html", "inspection/page*.js"]
METADATA = {"METADATA", "WHEEL", "RECORD", "licenses/LICENSE"}


def files(place: str) -> set[str]:
    """A file, or all files in a folder."""
    paths = [path for path in (Path(place), *Path(place).rglob("*")) if path.is_file()]
    assert paths, place
    return {path.as_posix() for path in paths if "__pycache__" not in path.parts}


(sdist,), (wheel,) = Path(sys.argv[1]).glob("*.tar.gz"), Path(sys.argv[1]).glob("*.whl")
with tarfile.open(sdist) as archive:
    in_sdist = {name.partition("/")[2] for name in archive.getnames()}
with zipfile.ZipFile(wheel) as archive:
    in_wheel = set(archive.namelist())
information = "-".join(wheel.name.split("-")[:2]) + ".dist-info"
package = {path.relative_to("src").as_posix() for pattern in PACKAGE for path in Path("src/vanilla_rnn").glob(pattern)}
for name, actual, expected in (
    (sdist.name, in_sdist, ADDED.union(*map(files, SDIST))),
    (wheel.name, in_wheel, package | {f"{information}/{file}" for file in METADATA}),
):
    if actual != expected:
        sys.exit(f"{name}: unexpected {sorted(actual - expected)}, missing {sorted(expected - actual)}")
    print(f"{name}: {len(actual)} files, as expected")
