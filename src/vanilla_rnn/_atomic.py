"""Writing a file so that a reader sees all of the old content or all of the new, never only part of the new."""

# ruff: noqa: PTH101, PTH105, PTH108, PTH113, PTH116, PTH118, PTH208  # pathlib would be imported for this file alone

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING
from zlib import crc32

from vanilla_rnn import _checks

if TYPE_CHECKING:
    from typing import Any, BinaryIO

    from vanilla_rnn._types import Callable

ABANDONED = 3600.0  # seconds after which a temporary file is assumed to be left over from a killed process


def file_name(value: Any, where: str) -> str:
    """The name of a file as a str."""
    try:
        name = os.fsdecode(os.fsencode(value))
    except (TypeError, UnicodeEncodeError):
        name = "\0"
    if "\0" in name:
        kind = ValueError if isinstance(value, (str, bytes, os.PathLike)) else TypeError
        _checks.fail(kind, where, "path", "the name of a file", _checks.shown(value), "Pass a str or a pathlib.Path.")
    return name


def write_file(path: str | bytes | os.PathLike[str], where: str, write: Callable[[BinaryIO], object]) -> None:
    """Create or replace a file, completely or not at all.

    ``write`` fills a temporary file in the same folder, which takes the place of the old file when it is complete. A
    link stays a link, and a file that is replaced keeps its mode.

    Parameters
    ----------
    path : str or path
        The file.
    where : str
        The name of the public function, for error messages.
    write : callable
        Writes the content into the binary file that it is given.

    Raises
    ------
    ValueError
        If the path refers to something other than a regular file.
    OSError
        If the file can't be written. The old file is unchanged.
    """
    target, mode = os.path.realpath(file_name(path, where)), None
    if os.path.lexists(target):  # after realpath, only a link to itself is still a link
        if not os.path.isfile(target):
            expected, fix = "a regular file or a new name", "Choose another path."
            _checks.fail(ValueError, where, "path", expected, f"{target}, which is not a regular file", fix)
        mode = os.stat(target).st_mode & 0o7777
    folder, name = os.path.split(target)
    prefix = f".{name[:20]}.{crc32(os.fsencode(name)):08x}."  # short, because a file's name has at most 255 bytes
    temporary = os.path.join(folder, f"{prefix}{os.urandom(8).hex()}.tmp")
    permissions = 0o666 if mode is None else mode  # from the start, because another process may open it immediately
    try:
        file = open(temporary, "xb", opener=lambda new, flags: os.open(new, flags, permissions))  # noqa: SIM115
    except OSError as error:
        error.filename = target  # the caller doesn't know the temporary one
        raise
    try:
        with file:
            if mode is not None:
                os.chmod(temporary, mode)  # os.open has subtracted the umask
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:  # Ctrl-C too
        with suppress(OSError):
            os.unlink(temporary)
        raise
    with suppress(OSError):  # another process may be tidying up too
        for other in os.listdir(folder):
            abandoned = os.path.join(folder, other)
            if other.startswith(prefix) and time.time() - os.lstat(abandoned).st_mtime > ABANDONED:
                os.unlink(abandoned)
