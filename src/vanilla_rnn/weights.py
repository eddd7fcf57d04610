"""Weight files: ``.npz`` as NumPy writes it, without pickle, read by a reader that believes nothing it is told.

Such a file is an uncompressed zip archive with an ``.npy`` file for each array. `load_weights` looks at every name,
type, shape and size before it reads a number, at every number before it changes the module, and executes nothing.
"""

from __future__ import annotations

import math
import os
import re
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn._parameters import Module
from vanilla_rnn.optim import SGD, Adam, Optimizer

if TYPE_CHECKING:
    from typing import Any, BinaryIO, Literal

    from vanilla_rnn._checks import Array


def _layout(fields: str) -> np.dtype[np.void]:
    """The fields of a record, one behind the other, the lowest byte of a number first."""
    return np.dtype([(name, f"<{kind}") for name, kind in (field.split(":") for field in fields.split())])


# The three records of a zip archive: APPNOTE.TXT 6.3.10, sections 4.3.16, 4.3.12 and 4.3.7.
END = _layout("mark:S4 disk:u2 of_disk:u2 here:u2 count:u2 size:u4 start:u4 note:u2")
LOCAL = _layout("mark:S4 needs:u2 flags:u2 method:u2 time:u2 date:u2 crc:u4 packed:u4 size:u4 name:u2 extra:u2")
LISTED = _layout(
    "mark:S4 made:u2 needs:u2 flags:u2 method:u2 time:u2 date:u2 crc:u4 packed:u4 size:u4 name:u2 extra:u2 note:u2"
    " disk:u2 kind:u2 rights:u4 start:u4"
)
# An array's header as NumPy writes it: numpy.lib.format, versions 1 and 2.
SHAPE = rb"\(((?:\d{1,18}, ?)*(?:\d{1,18})?)\)"
HEADER = re.compile(rb"\{'descr': '([<>|=]?[a-z]\d+)', 'fortran_order': (True|False), 'shape': " + SHAPE + rb", \} *\n")
SHORTEST_HEADER, LONGEST_HEADER = 64, 2**12
NAME = r"[\w.]{1,1000}"  # of ASCII letters, digits, underscores and dots
MOST_AXES = 64  # of an array in NumPy 2
MOST_STEPS = 2**53  # up to which a float counts without a gap
LARGEST_FILE, MOST_ENTRIES = 2**31 - 2**16, 2**16 - 1  # beyond, zipfile writes records of another kind


def save_weights(path: str | os.PathLike[str], thing: Module | Optimizer) -> None:
    """Write a module's parameters, or what an optimiser remembers, to an ``.npz`` file.

    A reader sees the old file or the new one, never half of one: the new one is written beside it and takes its place
    when it is complete.

    Parameters
    ----------
    path : str or path
        The file; it gets exactly this name.
    thing : Module or Optimizer
        What to save: its ``parameters()``, or its ``state``.

    Raises
    ------
    ValueError
        If a number isn't finite, a name isn't of letters, digits and underscores, all together are more than such a
        file can hold (2 GiB), or what has that name already is no file.
    TypeError
        If thing is neither, or an array isn't of float64, float32 or, a count, int64, in the machine's byte order.
    OSError
        If the file can't be written; what was there before is as it was.

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
    arrays = _arrays(thing, where)
    for name, values in arrays.items():
        _loadable(name, values, thing, where)
        _checks.finite(values, name, where, "A file of them couldn't be loaded again: did training diverge?")
    total = sum(values.nbytes + 2 * len(name) + 1024 for name, values in arrays.items())
    if total > LARGEST_FILE or len(arrays) > MOST_ENTRIES:
        expected, got = f"at most {MOST_ENTRIES} and below 2 GiB", f"{len(arrays)} of {total} bytes"
        _checks.refuse(ValueError, where, "all arrays", expected, got, "Save the parts one by one.")
    path = os.path.realpath(os.fsdecode(path))  # a link stays a link
    mode = _mode(path, where)
    beside = f"{path}.{os.urandom(4).hex()}.tmp"  # of this call alone, whoever else saves there at the time
    file = open(beside, "xb")  # noqa: PTH123, SIM115  # os throughout: pathlib would be imported for this alone
    try:
        with file:
            if mode is not None:
                os.chmod(beside, mode)  # noqa: PTH101  # before there is anything to read
            with ZipFile(file, "w") as archive:
                for name, values in arrays.items():
                    with archive.open(ZipInfo(f"{name}.npy"), "w") as member:
                        np.lib.format.write_array(member, values, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)  # noqa: PTH105
    except BaseException:
        os.unlink(beside)  # noqa: PTH108
        raise


def load_weights(path: str | os.PathLike[str], thing: Module | Optimizer) -> None:
    """Read what `save_weights` wrote into a module of the same sizes, or an optimiser of the same kind.

    Parameters
    ----------
    path : str or path
        The file.
    thing : Module or Optimizer
        What to fill. A module's arrays are changed in place; an optimiser gets a new ``state``.

    Raises
    ------
    ValueError
        If anything in the file isn't as it has to be; the message says what, in which entry, and nothing has changed.
    TypeError
        If thing is neither.
    OSError
        If the file can't be opened.
    """
    where = "load_weights"
    there = _arrays(thing, where)
    if isinstance(thing, Module):
        _checks.writable(there, where)
    path = os.fsdecode(path)
    with open(path, "rb") as file:  # noqa: PTH123
        try:
            entries = _directory(file, path)
            if there or isinstance(thing, Module):
                _same_names(there, entries, path)
            headers = {name: _header(file, path, name, entry) for name, entry in entries.items()}
            if isinstance(thing, Optimizer):
                _fits_optimizer(thing, headers, path)
            for name, values in there.items():
                expected, got = (f"{like.dtype} of shape {like.shape}" for like in (values, headers[name]))
                if got != expected:
                    _refuse(path, name, expected, got, "The file is of a model of other sizes or another dtype.")
            loaded = {name: _read(file, path, name, entries[name], header) for name, header in headers.items()}
            if isinstance(thing, Adam) and loaded and not 1 <= loaded["t"] < MOST_STEPS:
                fix = "It is the number of steps taken: the file was changed."
                _refuse(path, "t", f"from 1 to {MOST_STEPS - 1}", str(loaded["t"]), fix)
            for name, values in loaded.items():
                if isinstance(thing, Adam) and name.startswith("s.") and (values < 0.0).any():
                    _refuse(path, name, "a mean of squares, at least 0", str(values.min()), "The file was changed.")
        except EOFError:
            _refuse(path, "", "whole", "an end too soon", "It was cut off on its way: get it again.")
    if isinstance(thing, Optimizer):
        thing.state = loaded
        return
    for name, values in there.items():
        values[...] = loaded[name]


def _arrays(thing: object, where: str) -> dict[str, Array]:
    if not isinstance(thing, (Module, Optimizer)):
        got, fix = _checks.shown(thing), "Pass the model itself."
        _checks.refuse(TypeError, where, "thing", "a module or an optimiser", got, fix)
    return thing.parameters() if isinstance(thing, Module) else thing.state


def _loadable(name: str, values: object, thing: Module | Optimizer, where: str) -> None:
    """Refuse to save what could not be loaded."""
    if not re.fullmatch(NAME, name, re.ASCII):
        expected = "a name of at most 1000 ASCII letters, digits, underscores and dots"
        _checks.refuse(ValueError, where, "an array's path", expected, _checks.shown(name), "Rename the attribute.")
    kinds = ["float64", "float32"] if name != "t" or isinstance(thing, Module) else []
    kinds += ["int64"] if name == "t" or isinstance(thing, Module) else []
    if (got := str(getattr(values, "dtype", None) or _checks.shown(values))) not in kinds:
        expected, fix = f"an array of {' or '.join(kinds)}", f"Convert it: np.array(..., np.{kinds[0]})."
        _checks.refuse(TypeError, where, name, expected, got, fix)


def _mode(path: str, where: str) -> int | None:
    """The rights of the file that is there, if one is; anything else than a file is left alone."""
    from stat import S_IMODE, S_ISREG

    try:
        found = os.lstat(path).st_mode  # of a link that leads nowhere but to itself, the link's
    except FileNotFoundError:
        return None
    if not S_ISREG(found):
        _checks.refuse(ValueError, where, "path", "a file or a new name", f"{path}, something else", "Choose another.")
    return S_IMODE(found)


class _Entry(NamedTuple):
    """Where one array's file lies in the archive."""

    start: int
    size: int
    crc: int


class _Header(NamedTuple):
    """What an array's file says of itself."""

    dtype: np.dtype
    shape: tuple[int, ...]
    order: Literal["C", "F"]
    length: int  # of the header
    crc: int  # likewise


def _directory(file: BinaryIO, path: str) -> dict[str, _Entry]:
    """Every entry by name, as the list at the archive's end has it, and as it stands at its place."""
    total = file.seek(0, os.SEEK_END)
    end = _record(file, max(0, total - END.itemsize), END)
    if end["mark"] != b"PK\5\6" or end["note"] or end["start"] + end["size"] + END.itemsize != total:
        fix = "It was cut off, changed, or is something else; save_weights writes such files."
        _refuse(path, "", "an .npz file", "one without its list of entries at the end", fix)
    entries: dict[str, _Entry] = {}
    at, free = end["start"], 0  # where the list goes on; where the next entry may begin
    while at < end["start"] + end["size"]:
        listed = _record(file, at, LISTED)
        raw = _bytes(file, at + LISTED.itemsize, listed["name"])
        at += LISTED.itemsize + listed["name"] + listed["extra"] + listed["note"]
        if listed["mark"] != b"PK\1\2" or not re.fullmatch(rf"{NAME}\.npy".encode(), raw):
            _refuse(path, "", "a list of .npy entries", f"one of {raw[:60]!r}", "It was changed, or is something else.")
        name = raw.decode("ascii").removesuffix(".npy")
        if name in entries:
            _refuse(path, name, "there once", "twice", "Somebody changed it: which of the two is meant?")
        if listed["method"] or listed["flags"] & 1 or listed["packed"] != listed["size"]:
            fix = "Weight files are neither compressed nor encrypted: np.savez, not np.savez_compressed."
            _refuse(path, name, "stored as it is", "compressed or encrypted", fix)
        local = _record(file, listed["start"], LOCAL)
        data = listed["start"] + LOCAL.itemsize + local["name"] + local["extra"]
        there = _bytes(file, listed["start"] + LOCAL.itemsize, local["name"])
        if local["mark"] != b"PK\3\4" or there != raw or listed["size"] < SHORTEST_HEADER:
            _refuse(path, name, "where the list says", "something else there", "The file was changed: get it again.")
        if listed["start"] < free or data + listed["size"] > end["start"]:
            _refuse(path, name, "in a place of its own", "one that overlaps", "The file was changed: get it again.")
        free = data + listed["size"]
        entries[name] = _Entry(data, listed["size"], listed["crc"])
    if len(entries) != end["count"] or at != end["start"] + end["size"]:
        _refuse(path, "", f"of {end['count']} entries", f"{len(entries)}", "The file was changed: get it again.")
    return entries


def _same_names(there: dict[str, Array], entries: dict[str, _Entry], path: str) -> None:
    if got := _checks.differing(entries, there):
        expected, fix = f"of the entries {_checks.some(there, 30)}", "Build the model that it was saved from."
        _refuse(path, "", expected, f"one {got}", fix)


def _header(file: BinaryIO, path: str, name: str, entry: _Entry) -> _Header:
    """An array's header, held against the size of its entry."""
    from zlib import crc32

    start = _bytes(file, entry.start, min(entry.size, 12))
    wide = start[6:8] == b"\2\0"
    before = 12 if wide else 10
    length = before + int.from_bytes(start[8:before], "little")
    found = None
    if start[:8] in (b"\x93NUMPY\1\0", b"\x93NUMPY\2\0") and length <= min(entry.size, LONGEST_HEADER):
        raw = _bytes(file, entry.start, length)
        found = HEADER.fullmatch(raw[before:])
    if not found:
        fix = "Save arrays of float64 or float32 with save_weights or np.savez; pickled objects are never read."
        _refuse(path, name, "an array as NumPy writes it", "something else", fix)
    descr, fortran, shape = found.groups()
    if descr not in (b"<f8", b"<f4", b"<i8"):
        got, fix = descr.decode("ascii"), "Save it as float64 or float32, in little-endian order."
        _refuse(path, name, "of '<f8', '<f4' or, a count of steps, '<i8'", repr(got), fix)
    dtype = np.dtype(descr.decode("ascii"))
    axes = tuple(int(axis) for axis in shape.split(b",") if axis.strip())
    size = length + math.prod(axes) * dtype.itemsize
    if size != entry.size:
        got, fix = f"shape {axes} of {dtype}, which takes {size}", "It was cut off or changed: get it again."
        _refuse(path, name, f"as large as its entry, {entry.size} bytes", got, fix)
    beside_0 = math.prod(max(axis, 1) for axis in axes) * dtype.itemsize  # which takes no room, and NumPy minds still
    if len(axes) > MOST_AXES or beside_0 > np.iinfo(np.intp).max:
        _refuse(path, name, "of a shape that NumPy knows", _checks.shown(axes), "It was changed: get it again.")
    return _Header(dtype, axes, "F" if fortran == b"True" else "C", length, crc32(raw))


def _read(file: BinaryIO, path: str, name: str, entry: _Entry, header: _Header) -> Array:
    """An array's numbers, each looked at."""
    from zlib import crc32

    raw = _bytes(file, entry.start + header.length, entry.size - header.length)
    if crc32(raw, header.crc) != entry.crc:
        _refuse(path, name, "of the checksum in the list", "another", "The file was damaged: get it again.")
    values = np.frombuffer(raw, header.dtype).reshape(header.shape, order=header.order)
    if not _checks.is_finite(values):
        _refuse(path, name, "of finite numbers", "NaN or infinity", "The training that made it had diverged.")
    return values.copy()


def _fits_optimizer(optimizer: Optimizer, headers: dict[str, _Header], path: str) -> None:
    """Whether a state is one of this kind of optimiser: of each parameter all that it remembers, of one shape."""
    fix = f"It was saved from something else than {type(optimizer).__name__}."
    names = set(headers)
    if isinstance(optimizer, SGD) and names and not optimizer.momentum:
        _refuse(path, "", "empty for SGD without momentum", f"one of {_checks.some(sorted(headers), 5)}", fix)
    if isinstance(optimizer, Adam) and names:
        if "t" not in names or headers["t"].dtype.kind != "i" or headers["t"].shape:
            _refuse(path, "t", "Adam's count of steps", "something else" if "t" in names else "no such entry", fix)
        names.remove("t")
    first = optimizer.kinds[0]
    paths = [name[len(first) + 1 :] for name in names if name.startswith(f"{first}.")]
    if names != {f"{kind}.{own}" for kind in optimizer.kinds for own in paths}:
        expected = "of " + " and ".join(f"'{kind}.<path>'" for kind in optimizer.kinds) + " for each parameter"
        _refuse(path, "", expected, f"one of {_checks.some(sorted(headers), 5)}", fix)
    for own in paths:
        alike = [headers[f"{kind}.{own}"] for kind in optimizer.kinds]
        if len({(one.dtype, one.shape) for one in alike}) > 1 or alike[0].dtype.kind != "f":
            _refuse(path, f"{first}.{own}", "of floats, in one shape with its like", "others", fix)


def _record(file: BinaryIO, at: int, kind: np.dtype[np.void]) -> dict[str, Any]:
    """One of the archive's records, its fields by name."""
    fields = np.frombuffer(_bytes(file, at, kind.itemsize), kind)[0].item()
    return dict(zip(kind.names or (), fields, strict=True))


def _bytes(file: BinaryIO, start: int, length: int) -> bytes:
    """So many bytes from there; of a file that ends before, none."""
    file.seek(start)
    found = file.read(length)
    if len(found) != length:
        raise EOFError
    return found


def _refuse(path: str, name: str, expected: str, got: str, fix: str) -> NoReturn:
    _checks.refuse(ValueError, "load_weights", f"{path}{f', entry {name!r},' if name else ''}", expected, got, fix)
