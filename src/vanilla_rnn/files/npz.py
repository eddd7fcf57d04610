"""Weight files: ``.npz`` as NumPy writes it, an uncompressed zip archive with an ``.npy`` file for each array.

`load_weights` checks everything before it changes the model: first the size of the file, then the place, name, dtype
and shape of each entry, and last the numbers. When it reads them, it already knows how much memory they need. Nothing
in a file is ever executed.
"""

from __future__ import annotations

import io
import math
import os
import warnings
from contextlib import contextmanager
from operator import setitem
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.lib import format as npy

from vanilla_rnn import _checks
from vanilla_rnn._atomic import file_name, write_file
from vanilla_rnn._calls import explained
from vanilla_rnn._module import Module, call_all
from vanilla_rnn.optim import Optimizer

if TYPE_CHECKING:
    from zipfile import ZipFile, ZipInfo

    from vanilla_rnn._types import Array, Iterator

LARGEST_HEADER = 2**10  # characters; even the header of an array with 64 axes is shorter
LARGEST_READ = 2**21  # bytes; this also limits the archive's directory. NumPy reads numbers in smaller pieces
LARGEST_FILE = 2**31 - 2**16  # bytes; above 2 GiB, a zip archive needs another kind of record
LARGEST_GAP = 2**6  # bytes between two entries, where zip archives have additional fields
OVERHEAD = 2**18  # an entry has at most this many bytes besides its numbers; a file therefore has at most 2^13 entries
MAX = float(np.finfo(np.float64).max)
BOUNDS = {"s": (0.0, MAX), "t": (1.0, 2.0**53 - 1)}  # by the kind of array in an optimiser's state
DTYPES = np.float64, np.float32, np.int64  # the last only for the number of steps in an optimiser's state


@explained
def save_weights(path: str | os.PathLike[str], module: Module | Optimizer) -> None:
    """Write a module's parameters or an optimiser's state to an ``.npz`` file.

    The file is replaced only when the new one is complete: after an error or Ctrl-C, the old file is still there.

    Parameters
    ----------
    path : str or path
        The file. It gets exactly this name: no ``.npz`` is appended.
    module : Module or Optimizer
        What to save: its ``parameters()`` or its ``state``.

    Raises
    ------
    ValueError
        If a number isn't finite, an array isn't float64 or float32, a state isn't one that this optimiser can have,
        all arrays together take more than 2 GiB or their names 2 MiB, or the path isn't that of a regular file.
    TypeError
        If module is neither a Module nor an Optimizer.
    OSError
        If the file can't be written. What was there before is unchanged.

    Examples
    --------
    >>> import tempfile
    >>> from vanilla_rnn import RNNCell
    >>> cell, other = RNNCell(2, 3, rng=0), RNNCell(2, 3, rng=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_weights(f"{folder}/cell.npz", cell)
    ...     load_weights(f"{folder}/cell.npz", other)
    >>> bool((other.W_hh == cell.W_hh).all())
    True
    """
    from zipfile import ZipFile, ZipInfo

    where = "save_weights"
    path = file_name(path, where)
    if isinstance(module, Optimizer):
        module.check_state(where)
    arrays = {name: np.asarray(values) for name, values in _arrays(module, where).items()}
    _check_layouts(arrays, module, where, path)
    _check_numbers(arrays, module, where, path)
    if (total := sum(values.nbytes + OVERHEAD for values in arrays.values())) > LARGEST_FILE:
        got, fix = f"{total} bytes for {len(arrays)} arrays", "Save the parts in separate files."
        _checks.fail(ValueError, where, "the file", "at most 2 GiB", got, fix)
    directory = 0
    for name in arrays:
        encoded = f"{name}.npy".encode(errors="replace")
        if len(encoded) >= 2**16 or encoded.decode() != f"{name}.npy" or "\0" in name:
            expected, fix = "less than 64 KiB of Unicode without NUL", "Rename the attribute."
            _checks.fail(
                ValueError, where, f"the name {_checks.listed([name])}", expected, f"{len(encoded)} bytes", fix
            )
        directory += 46 + len(encoded)  # 46 bytes in each record besides the name
    if directory > LARGEST_READ:
        got, fix = f"{directory} bytes for {len(arrays)} arrays", "Save the parts in separate files."
        _checks.fail(ValueError, where, "the list of all names", "at most 2 MiB", got, fix)

    def write(file: BinaryIO) -> None:
        """Write the archive, one entry after another."""
        with ZipFile(file, "w") as archive:
            for name, values in arrays.items():
                with archive.open(ZipInfo(f"{name}.npy"), "w") as entry:  # a fixed date: equal weights give equal files
                    npy.write_array(entry, values, allow_pickle=False)

    write_file(path, where, write)


@explained
def load_weights(path: str | os.PathLike[str], module: Module | Optimizer) -> None:
    """Load a file written by `save_weights`: fill a module of the same structure or an optimiser of the same kind.

    Parameters
    ----------
    path : str or path
        The file.
    module : Module or Optimizer
        What to fill. A module's arrays are changed in place; an optimiser gets a new ``state``.

    Raises
    ------
    ValueError
        If the file is damaged, or anything in it doesn't fit. The message names the entry, and nothing has changed.
    TypeError
        If module is neither a Module nor an Optimizer.
    OSError
        If the file can't be opened.
    """
    from zipfile import ZipFile

    where = "load_weights"
    path = file_name(path, where)
    live, limit = _arrays(module, where), LARGEST_FILE
    if isinstance(module, Module):
        for name, values in live.items():
            _checks.writable(values, name, where)
        limit = sum(values.nbytes + OVERHEAD for values in live.values()) + OVERHEAD
    size = os.stat(path).st_size  # noqa: PTH116  # pathlib would be imported for this alone
    if not 0 < size <= limit:  # a pipe, which would block, has size 0
        fix = "Pass a file that save_weights wrote for this kind of model."
        _checks.fail(ValueError, where, path, f"a file of 1 to {limit} bytes", f"{size} bytes", fix)
    with _Reader(io.FileIO(path)) as file:
        with _reading(path):
            archive = ZipFile(file)
        entries = _entries(archive, path)
        headers = {name: _read_header(archive, entry, path) for name, entry in entries.items()}
        _check_layouts(headers, module, where, path)
        loaded = {name: _read_array(archive, entry, path) for name, entry in entries.items()}
    _check_numbers(loaded, module, where, path)
    if isinstance(module, Optimizer):
        module.state = loaded
    else:
        call_all([(setitem, live[name], ..., values) for name, values in loaded.items()])


def _arrays(module: object, where: str) -> dict[str, Array]:
    if not isinstance(module, (Module, Optimizer)):
        fix = "Pass the path first, then the model or the optimiser itself."
        _checks.fail(TypeError, where, "module", "a Module or an Optimizer", _checks.shown(module), fix)
    return module.parameters() if isinstance(module, Module) else module.state


def _check_layouts(arrays: dict[str, Array], module: Module | Optimizer, where: str, path: str) -> None:
    """Compare names, dtypes and shapes with a module's, or check that a state has every kind of array."""
    likes = module.parameters() if isinstance(module, Module) else {}
    owner = repr(module) if isinstance(module, Optimizer) else type(module).__name__
    if isinstance(module, Optimizer) and module._moments():
        for first in [name for name in arrays if name.startswith(f"{module.kinds[0]}.")]:
            likes |= {f"{kind}.{first.partition('.')[2]}": arrays[first] for kind in module.kinds}
    if differing := _checks.differing(arrays, likes):
        expected, fix = f"a file with the arrays of this {owner}", "Use a model or optimiser built like the saved one."
        _checks.fail(ValueError, where, path, expected, f"one {differing}", fix)
    for name, like in likes.items():
        expected = f"{'float32' if like.dtype == np.float32 else 'float64'} of shape {like.shape}"
        if isinstance(module, Optimizer) and name.startswith("t."):
            expected = "int64 of shape ()"
        if (got := f"{arrays[name].dtype} of shape {arrays[name].shape}") != expected:
            fix = "Use the sizes and the dtype of the model that was saved."
            _checks.fail(ValueError, where, _entry(path, name), expected, got, fix)


def _check_numbers(arrays: dict[str, Array], module: Module | Optimizer, where: str, path: str) -> None:
    """All numbers must be finite; in an optimiser's state, step counts and mean squares have bounds of their own."""
    for name, values in arrays.items():
        kind = name.partition(".")[0] if isinstance(module, Optimizer) else ""
        low, high = BOUNDS.get(kind, (-MAX, MAX))
        smallest, largest = (float(values.min()), float(values.max())) if values.size else (1.0, 1.0)
        if not low <= smallest <= largest <= high:  # false for NaN too
            expected = f"finite, from {low} to {high}" if kind in BOUNDS else "finite"
            fix = "Go back to an earlier file or earlier weights: training may have diverged."
            _checks.fail(ValueError, where, _entry(path, name), expected, f"numbers from {smallest} to {largest}", fix)


def _entry(path: str, name: str) -> str:
    return f"{path}, entry {_checks.listed([name.removesuffix('.npy')])},"


class _Reader(io.BufferedReader):
    """A file that returns at most 2 MiB per read, whatever sizes it declares."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Like `io.BufferedReader.read`. zipfile and NumPy call it with sizes that they find in the file."""
        if size is not None and size > LARGEST_READ:
            raise ValueError(f"a read of {size} bytes, which is above the limit")
        return super().read(LARGEST_READ if size is None or size < 0 else size)


@contextmanager
def _reading(what: str) -> Iterator[None]:
    """Turn everything that zipfile and NumPy raise for a damaged or hostile file into one kind of ValueError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Exception as error:  # one of a dozen types, from BadZipFile to RecursionError
        got = f"an error: {str(error).partition(chr(10))[0][:80]} ({type(error).__name__})"
        fix = "Save the file again, or copy it again if it is damaged."
        _checks.fail(ValueError, "load_weights", what, "data that save_weights wrote", got, fix)


def _entries(archive: ZipFile, path: str) -> dict[str, ZipInfo]:
    """The archive's entries by the names of their arrays, if they are stored one after another and none is missing."""
    entries: dict[str, ZipInfo] = {}
    fix, end = "Save it with save_weights or np.savez.", 0  # end: where the previous entry ends
    for entry in sorted(archive.infolist(), key=lambda entry: entry.header_offset):
        name = entry.orig_filename.removesuffix(".npy")
        stored = not entry.compress_type and not entry.flag_bits & 1 and entry.compress_size == entry.file_size
        if not stored or name in entries or not 0 <= entry.header_offset - end <= LARGEST_GAP:
            got = "one with a repeated name or in the wrong place" if stored else "a compressed or encrypted one"
            _checks.fail(ValueError, "load_weights", _entry(path, name), "one uncompressed array", got, fix)
        end = entry.header_offset + 30 + len(entry.orig_filename.encode()) + entry.file_size
        entries[name] = entry
    if not 0 <= archive.start_dir - end <= LARGEST_GAP:
        _checks.fail(ValueError, "load_weights", path, "a file that lists all its entries", "one that omits some", fix)
    return entries


def _read_header(archive: ZipFile, entry: ZipInfo, path: str) -> Array:
    """An array of the dtype and the shape that an entry declares, without memory for its numbers."""
    with _reading(_entry(path, entry.filename)), archive.open(entry) as file:
        readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
        shape, _, dtype = readers[npy.read_magic(file)](file, max_header_size=LARGEST_HEADER)
        if dtype not in DTYPES or file.tell() + math.prod(shape) * dtype.itemsize != entry.file_size:
            raise ValueError(f"{dtype} of shape {shape} in {entry.file_size} bytes")
        like: Array = np.broadcast_to(np.zeros((), dtype), shape)  # an error if NumPy has no arrays of this shape
    return like


def _read_array(archive: ZipFile, entry: ZipInfo, path: str) -> Array:
    """An array whose header has been checked; zipfile verifies its checksum."""
    with _reading(_entry(path, entry.filename)), archive.open(entry) as file:
        values: Array = npy.read_array(file, allow_pickle=False, max_header_size=LARGEST_HEADER)
    return values
