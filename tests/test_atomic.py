"""Files are written completely or not at all: the old content or the new, whatever happens meanwhile."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from vanilla_rnn import RNN, Vocab, load_weights, save_weights, trace
from vanilla_rnn._atomic import write_file

posix = pytest.mark.skipif(os.name != "posix", reason="permissions, links, pipes and open files as POSIX has them")


def network(version):
    return RNN(40, 30, rng=version)


SAVERS = {  # what saves version 0 or 1 of a file, and what reads it
    "weights.npz": (lambda path, version: save_weights(path, network(version)), lambda path: load_weights(path, network(2))),
    "vocab.json": (lambda path, version: Vocab(map(str, range(version, 5000))).save(path), Vocab.load),
    "steps.html": (lambda path, version: trace(network(version).forward(np.ones((9, 40)))).save_html(path), Path.read_text),
}  # fmt: skip


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.npz"


def write(file):
    file.write(b"new")


errors = pytest.mark.parametrize("error", [OSError(28, "No space left"), KeyboardInterrupt()], ids=["full", "Ctrl-C"])


@errors
@pytest.mark.parametrize("step", ["os.fsync", "os.replace"])
@pytest.mark.parametrize("name", SAVERS)
def test_after_a_failed_write_the_old_file_is_there_and_no_other(tmp_path, monkeypatch, name, step, error):
    save, _ = SAVERS[name]
    (tmp_path / name).write_bytes(b"old")
    monkeypatch.setattr(step, Mock(side_effect=error))
    with pytest.raises(type(error)):
        save(tmp_path / name, 0)
    assert [(file, file.read_bytes()) for file in tmp_path.iterdir()] == [(tmp_path / name, b"old")]


@posix
def test_an_error_names_the_file_of_the_caller(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        Vocab(["a"]).save(tmp_path / "missing" / "vocab.json")
    assert caught.value.filename == str(tmp_path / "missing" / "vocab.json")


def test_an_error_is_passed_on_even_if_the_half_written_file_is_already_gone(path):
    def write_and_remove(file):
        Path(file.name).unlink()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_file(path, "test", write_and_remove)


@errors
def test_a_half_written_file_is_removed(path, error):
    def write_half(file):
        write(file)
        raise error

    with pytest.raises(type(error)):
        write_file(path, "test", write_half)
    assert list(path.parent.iterdir()) == []


def test_two_writers_at_once_leave_a_complete_file(path):
    def outer(file):
        file.write(b"one")
        write_file(path, "test", lambda file: file.write(b"other"))
        assert path.read_bytes() == b"other"
        file.write(b", complete")

    write_file(path, "test", outer)
    assert [(file, file.read_bytes()) for file in path.parent.iterdir()] == [(path, b"one, complete")]


def temporary_of(path):
    """The name of the temporary file of one write."""
    names = []
    write_file(path, "test", lambda file: names.append(file.name))
    return Path(names[0])


@posix
def test_a_link_under_the_temporary_name_is_neither_followed_nor_removed(path, monkeypatch):
    monkeypatch.setattr(os, "urandom", bytes)  # always zeros
    temporary, victim = temporary_of(path), path.with_name("victim")
    victim.write_bytes(b"victim")
    temporary.symlink_to(victim)
    with pytest.raises(FileExistsError):
        write_file(path, "test", write)
    assert (victim.read_bytes(), path.read_bytes(), temporary.is_symlink()) == (b"victim", b"", True)


@posix
@pytest.mark.parametrize("prepare", [Path.touch, str], ids=["to a file", "to nothing"])
def test_a_link_stays_a_link(path, tmp_path, prepare):
    (tmp_path / "folder").mkdir()
    prepare(real := tmp_path / "folder" / "real.npz")
    path.symlink_to(link := tmp_path / "link")
    link.symlink_to(real)
    write_file(path, "test", write)
    assert real.read_bytes() == b"new"
    assert (path.is_symlink(), link.is_symlink(), list(real.parent.iterdir())) == (True, True, [real])


@posix
@pytest.mark.parametrize(("before", "umask", "after"), [
    (0o600, 0o022, 0o600), (0o666, 0o077, 0o666), (0o444, 0o022, 0o444), (None, 0o022, 0o644), (None, 0o077, 0o600),
])  # fmt: skip
def test_a_replaced_file_keeps_its_permissions_and_a_new_one_gets_the_usual(path, monkeypatch, before, umask, after):
    if before is not None:
        path.touch()
        path.chmod(before)
    created, seen, usual, chmod = [], [], os.umask(umask), os.chmod
    monkeypatch.setattr(
        os, "chmod", lambda *given: created.append(Path(given[0]).stat().st_mode & 0o7777) or chmod(*given)
    )
    try:
        write_file(path, "test", lambda file: seen.append(os.fstat(file.fileno()).st_mode & 0o7777))
    finally:
        os.umask(usual)
    assert [*seen, path.stat().st_mode & 0o7777] == [after, after]  # from the first byte on
    assert before is None or created == [before & ~umask]  # and it never had more than these


@posix
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to(path)])
def test_what_is_not_a_file_is_not_replaced(path, make):
    make(path)
    before = path.lstat()
    with pytest.raises(ValueError, match=r"^test: path must be .*weights\.npz"):
        write_file(path, "test", write)
    assert os.path.samestat(path.lstat(), before)
    assert list(path.parent.iterdir()) == [path]


@posix
@pytest.mark.parametrize("name", ["a" * 255, "é" * 127, "漢" * 85, "\N{GRINNING FACE}" * 63, " "])
def test_a_file_may_have_any_name(tmp_path, name):
    write_file(tmp_path / name, "test", write)
    assert list(tmp_path.iterdir()) == [tmp_path / name]


@pytest.mark.parametrize("broken", [None, "listdir", "lstat"])
def test_what_killed_processes_left_behind_is_removed_when_it_is_old(path, monkeypatch, broken):
    """Where that isn't possible, the file is written all the same."""
    old, recent = temporary_of(path), temporary_of(path)
    others = [temporary_of(path.with_name(name)) for name in ("weights.npz.gz", "weights", "weights.npy")]
    others += [path.with_name(name) for name in (".weights.npz.tmp", "weights.npz.tmp")]
    for file in (recent, old, *others):
        file.write_bytes(b"half")
        os.utime(file, None if file == recent else (0, 0))
    if broken:
        monkeypatch.setattr(os, broken, Mock(side_effect=PermissionError))
    write_file(path, "test", write)
    monkeypatch.undo()
    assert path.read_bytes() == b"new"
    assert [file for file in (old, recent, *others) if not file.exists()] == [old] * (broken is None)


def versions(folder):
    """The content of both versions of every file."""
    contents = {}
    for name, (save, _) in SAVERS.items():
        for version in (0, 1):
            save(folder / name, version)
            contents[name, version] = (folder / name).read_bytes()
    return contents


def save_in_turn(folder):
    """Save all files again and again, until the process is killed."""
    try:
        while True:
            for name, (save, _) in SAVERS.items():
                for version in (0, 1):
                    save(folder / name, version)
    finally:
        os._exit(1)  # only after an error


def save_and_read(folder, seconds, seed):
    """Four threads that save and read all files; an error, or other bytes than those of one version, ends the process."""
    with tempfile.TemporaryDirectory() as own_folder:  # where no other process writes
        contents = versions(Path(own_folder))
    end = time.monotonic() + seconds
    problems, done = [], []

    def work(rng):
        while time.monotonic() < end and not problems:
            name, version = rng.choice(list(contents))
            save, read = SAVERS[name]
            try:
                save(folder / name, version)
                read(folder / name)
                assert (folder / name).read_bytes() in (contents[name, 0], contents[name, 1])
                done.append(name)
            except BaseException as error:
                problems.append(error)

    threads = [threading.Thread(target=work, args=[random.Random(4 * seed + number)]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {*done} == {*SAVERS}
    if problems:
        raise problems[0]


@posix
@pytest.mark.slow
def test_after_each_of_200_kills_every_file_is_complete(tmp_path):
    contents = versions(tmp_path)
    for number in range(200):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # NumPy has threads, which the child doesn't need
            child = os.fork()
        if not child:
            save_in_turn(tmp_path)
        time.sleep(random.random() / 20)
        os.kill(child, signal.SIGKILL)
        assert os.waitpid(child, 0) == (child, signal.SIGKILL)
        for name, (_, read) in SAVERS.items():
            read(tmp_path / name)
            assert (tmp_path / name).read_bytes() in (contents[name, 0], contents[name, 1]), f"kill {number}"
    assert list(tmp_path.glob(".*.tmp"))  # some were killed in the middle of a file


@posix
@pytest.mark.slow
def test_two_processes_of_four_threads_read_no_torn_file_in_ten_seconds(tmp_path):
    code = f"from pathlib import Path; import test_atomic; test_atomic.save_and_read(Path({str(tmp_path)!r}), 10, %d)"
    commands = [[sys.executable, "-c", code % seed] for seed in (0, 1)]
    processes = [subprocess.Popen(command, cwd=Path(__file__).parent) for command in commands]
    assert [process.wait() for process in processes] == [0, 0]
    assert {file.name for file in tmp_path.iterdir()} == {*SAVERS}
