"""Weight files: the same bits back, or a refusal that says why and changes nothing."""

import ast
import io
import os
import pickle
import struct
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plain import networks
from vanilla_rnn import (
    RNN,
    SGD,
    Adam,
    Embedding,
    ManyToOne,
    ManyToOneHead,
    RNNCell,
    _checks,
    load_weights,
    save_weights,
    weights,
)
from vanilla_rnn._parameters import Module


def model(seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    rnn = RNN(2, 3, bidirectional=True, dtype=dtype, rng=rng)
    return ManyToOne(rnn, ManyToOneHead(6, 2, dtype=dtype, rng=rng), embedding=Embedding(5, 2, dtype=dtype, rng=rng))


def copies(thing):
    arrays = thing.state if isinstance(thing, (Adam, SGD)) else thing.parameters()
    return {name: values.copy() for name, values in arrays.items()}


def same_bits(one, other):
    return one.keys() == other.keys() and all(
        values.dtype == other[name].dtype and values.shape == other[name].shape and values.tobytes() == other[name].tobytes()
        for name, values in one.items()
    )  # fmt: skip


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.npz"


@given(case=networks())
def test_saving_and_loading_gives_the_same_bits(case, tmp_path_factory):
    """What is loaded is what was saved, bit for bit, in the arrays that were there."""
    path = tmp_path_factory.mktemp("saved") / "weights.npz"
    rnn = case["rnn"]
    before = copies(rnn)
    save_weights(path, rnn)
    live = rnn.parameters()
    for values in live.values():
        values[...] = 0
    load_weights(path, rnn)
    assert same_bits(before, copies(rnn))
    assert all(rnn.parameters()[name] is values for name, values in live.items())  # filled, not replaced


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_unusual_numbers_keep_their_bits(path, dtype):
    cell = RNNCell(2, 3, dtype=dtype, rng=0)
    limits = np.finfo(dtype)
    cell.W_xh[...] = [
        [-0.0, limits.tiny],
        [limits.smallest_subnormal, limits.max],
        [limits.min, np.nextafter(dtype(1), 2)],
    ]
    before = copies(cell)
    save_weights(path, cell)
    other = RNNCell(2, 3, dtype=dtype, rng=1)
    load_weights(str(path), other)
    assert same_bits(before, copies(other))


def test_numpy_reads_the_file_and_the_file_may_be_numpy_s(path):
    ours = model()
    save_weights(path, ours)
    with np.load(path, allow_pickle=False) as file:
        assert same_bits(dict(file), copies(ours))
    turned = {name: np.asfortranarray(values) for name, values in ours.parameters().items()}
    np.savez(path, **turned)
    other = model(1)
    load_weights(path, other)
    assert same_bits(copies(other), copies(ours))


def test_the_same_weights_make_the_same_file(path, tmp_path):
    save_weights(path, model())
    save_weights(tmp_path / "again.npz", model())
    assert path.read_bytes() == (tmp_path / "again.npz").read_bytes()


def stepped(optimizer, steps=3):
    network = model()
    rng = np.random.default_rng(1)
    for _ in range(steps):
        optimizer.step(network.parameters(), {k: rng.standard_normal(v.shape) for k, v in network.parameters().items()})
    return optimizer, network


@pytest.mark.parametrize("make", [Adam, lambda: SGD(0.1, momentum=0.9), lambda: SGD(0.1)])
def test_training_resumes_bit_for_bit(path, tmp_path, make):
    optimizer, network = stepped(make())
    save_weights(path, optimizer)
    save_weights(tmp_path / "model.npz", network)
    again, other = make(), model(5)
    load_weights(path, again)
    load_weights(tmp_path / "model.npz", other)
    assert same_bits(optimizer.state, again.state)
    gradients = {k: np.cos(v) for k, v in network.parameters().items()}
    optimizer.step(network.parameters(), gradients)
    again.step(other.parameters(), gradients)
    assert same_bits(copies(network), copies(other))
    load_weights(path, again)  # into one that has a state of its own
    assert not same_bits(optimizer.state, again.state) or not again.state


def test_a_state_of_another_optimiser_is_refused(path):
    optimizer, _ = stepped(Adam())
    save_weights(path, optimizer)
    assert refused_state(path, SGD(0.1, momentum=0.5)).endswith(
        " must be of 'v.<path>' for each parameter, got one of 'm.embedding.vectors', 'm.head.W_hy', 'm.head.b_y',"
        " 'm.rnn.cells.0.W_hh', 'm.rnn.cells.0.W_xh', ... (19 in all). It was saved from something else than SGD."
    )
    save_weights(path, stepped(SGD(0.1, momentum=0.5))[0])
    missing = (
        ", entry 't', must be Adam's count of steps, got no such entry. It was saved from something else than Adam."
    )
    assert refused_state(path, Adam()).endswith(missing)
    with pytest.raises(ValueError, match="without .* with 'v"):
        load_weights(path, optimizer)
    t, ones = np.int64(1).reshape(()), np.ones(2)
    other = "It was saved from something else than Adam."
    kinds, count = " must be of 'm.<path>' and 's.<path>' for each parameter", ", entry 't', must be"
    alike = ", entry 'm.W', must be of floats, in one shape with its like, got others. " + other
    for state, message in (
        ({"t": t, "m.W": ones, "s.W": np.ones(3)}, alike),
        ({"t": t, "m.W": ones, "s.W": np.ones(2, np.float32)}, alike),
        ({"t": t, "m.W": np.ones(2, int), "s.W": np.ones(2, int)}, alike),
        ({"t": np.ones(()), "m.W": ones, "s.W": ones}, f"{count} Adam's count of steps, got something else. {other}"),
        (
            {"t": np.ones(1, int), "m.W": ones, "s.W": ones},
            f"{count} Adam's count of steps, got something else. {other}",
        ),
        ({"t": t, "m.W": ones}, f"{kinds}, got one of 'm.W', 't'. {other}"),
        ({"t": t, "m.W": ones, "s.V": ones}, f"{kinds}, got one of 'm.W', 's.V', 't'. {other}"),
        ({"t": t, "m.W": ones, "s.W": ones, "mW": ones}, f"{kinds}, got one of 'm.W', 'mW', 's.W', 't'. {other}"),
    ):
        np.savez(path, **state)
        assert refused_state(path, Adam()) == f"load_weights: {path}{message}"
    for steps in (-5, 0, 2**53, 2**62):  # below 0 it would climb where it should descend
        np.savez(path, **{"t": np.int64(steps).reshape(()), "m.W": ones, "s.W": ones})
        fix = "It is the number of steps taken: the file was changed."
        expected = f"load_weights: {path}{count} from 1 to {2**53 - 1}, got {steps}. {fix}"
        assert refused_state(path, Adam()) == expected
    for steps in (1, 2**53 - 1):
        np.savez(path, **{"t": np.int64(steps).reshape(()), "m.W": ones, "s.W": ones})
        fresh = Adam()
        load_weights(path, fresh)
        assert fresh.state["t"] == steps


def refused_state(path, optimizer):
    with pytest.raises(ValueError, match="load_weights: ") as caught:
        load_weights(path, optimizer)
    assert optimizer.state == {}
    return str(caught.value)


def test_a_state_may_lie_in_the_file_in_either_order(path):
    m, s = np.arange(6.0).reshape(2, 3), np.arange(6.0, 12.0).reshape(2, 3)
    np.savez(path, t=np.array(3), **{"m.W": m, "s.W": np.asfortranarray(s)})
    optimizer = Adam()
    load_weights(path, optimizer)
    assert same_bits(optimizer.state, {"t": np.array(3), "m.W": m, "s.W": s})


def test_an_optimiser_gets_a_new_state_and_its_old_one_stays(path):
    optimizer, _ = stepped(Adam())
    save_weights(path, optimizer)
    old, kept = optimizer.state, copies(optimizer)
    for values in old.values():
        values.flags.writeable = False  # as they would be in a file that is mapped into memory
    load_weights(path, optimizer)
    assert optimizer.state is not old
    assert same_bits(optimizer.state, kept)
    assert all(values.flags.writeable for values in optimizer.state.values())


def test_saving_leaves_what_others_write_alone(path, monkeypatch):
    """A name that is taken is another's: it is neither written to nor deleted."""
    monkeypatch.setattr(os, "urandom", bytes)  # nothing but zeros
    other = path.with_name(f"{path.name}.00000000.tmp")
    other.write_bytes(b"another's")
    with pytest.raises(FileExistsError):
        save_weights(path, model())
    assert other.read_bytes() == b"another's"
    assert not path.exists()


def refused(path, network, *words):
    before = copies(network)
    with pytest.raises(ValueError, match=r"^load_weights: .*weights\.npz") as caught:
        load_weights(path, network)
    assert same_bits(before, copies(network))
    for word in words:
        assert word in str(caught.value), str(caught.value)
    return str(caught.value)


def test_files_of_other_models_are_refused(path):
    save_weights(path, model())
    refused(
        path,
        RNN(2, 3, rng=0),
        "without 'cells.0.W_hh'",
        "with 'embedding.vectors'",
        "Build the model that it was saved from",
    )
    rng = np.random.default_rng(0)
    wider = ManyToOne(
        RNN(2, 3, bidirectional=True, rng=rng), ManyToOneHead(6, 4, rng=rng), embedding=Embedding(5, 2, rng=rng)
    )
    refused(path, wider, "entry 'head.W_hy',", "float64 of shape (4, 6), got float64 of shape (2, 6)")
    refused(path, model(dtype=np.float32), "entry 'embedding.vectors',", "float32 of shape (5, 2), got float64")


def members(network):
    made = {}
    for name, values in network.parameters().items():
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, values)
        made[f"{name}.npy"] = buffer.getvalue()
    return made


def write(path, entries, **options):
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", **options) as archive:
        warnings.simplefilter("ignore")  # a name twice
        for name, data in entries:
            archive.writestr(name, data)


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("/tmp/pickle-was-run",)


def header(text, version=b"\1\0"):
    text = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H" if version == b"\1\0" else "<I", len(text)) + text


HOSTILE = {
    "empty": (lambda _: b"", " must be whole, got an end too soon. It was cut off on its way: get it again."),
    "text": (lambda _: b"PK, or so they say, and some more than that", " must be an .npz file, got one without its list of entries at the end. It was cut off, changed, or is something else; save_weights writes such files."),
    "pickle": (lambda _: pickle.dumps(Bomb()) + bytes(40), " must be an .npz file, got one without its list of entries at the end. It was cut off, changed, or is something else; save_weights writes such files."),
    "no entries": (lambda _: zipped([]), " must be of the entries 'cells.0.W_xh', 'cells.0.W_hh', 'cells.0.b_h', got one without 'cells.0.W_hh', 'cells.0.W_xh', 'cells.0.b_h'. Build the model that it was saved from."),
    "compressed": (lambda parts: zipped(parts, compression=zipfile.ZIP_DEFLATED), ", entry 'cells.0.W_xh', must be stored as it is, got compressed or encrypted. Weight files are neither compressed nor encrypted: np.savez, not np.savez_compressed."),
    "zip bomb": (lambda _: zipped([("cells.0.W_hh.npy", bytes(10**8))], compression=zipfile.ZIP_DEFLATED), ", entry 'cells.0.W_hh', must be stored as it is, got compressed or encrypted. Weight files are neither compressed nor encrypted: np.savez, not np.savez_compressed."),
    "a member twice": (lambda parts: zipped([*parts, parts[0]]), ", entry 'cells.0.W_xh', must be there once, got twice. Somebody changed it: which of the two is meant?"),
    "a member too many": (lambda parts: zipped([*parts, ("more.npy", parts[0][1])]), " must be of the entries 'cells.0.W_xh', 'cells.0.W_hh', 'cells.0.b_h', got one with 'more'. Build the model that it was saved from."),
    "a member too few": (lambda parts: zipped(parts[1:]), " must be of the entries 'cells.0.W_xh', 'cells.0.W_hh', 'cells.0.b_h', got one without 'cells.0.W_xh'. Build the model that it was saved from."),
    "a path outside": (lambda parts: zipped([*parts, ("../evil.npy", parts[0][1])]), " must be a list of .npy entries, got one of b'../evil.npy'. It was changed, or is something else."),
    "an absolute path": (lambda parts: zipped([*parts, ("/etc/evil.npy", parts[0][1])]), " must be a list of .npy entries, got one of b'/etc/evil.npy'. It was changed, or is something else."),
    "not an array": (lambda parts: zipped([*parts, ("note.txt", b"hello")]), " must be a list of .npy entries, got one of b'note.txt'. It was changed, or is something else."),
    "objects, renamed": (lambda parts: zipped(swap(parts, objects())), ", entry 'cells.0.W_xh', must be an array as NumPy writes it, got something else. Save arrays of float64 or float32 with save_weights or np.savez; pickled objects are never read."),
    "4 TiB": (lambda parts: zipped(swap(parts, header("{'descr': '<f8', 'fortran_order': False, 'shape': (741455, 741455), }"))), ", entry 'cells.0.W_xh', must be as large as its entry, 128 bytes, got shape (741455, 741455) of float64, which takes 4398044136328. It was cut off or changed: get it again."),
    "more than any number": (lambda parts: zipped(swap(parts, header("{'descr': '<f8', 'fortran_order': False, 'shape': (" + "9" * 18 + ", " * 1 + "9" * 18 + "), }"))), ", entry 'cells.0.W_xh', must be as large as its entry, 128 bytes, got shape (999999999999999999, 999999999999999999) of float64, which takes 7999999999999999984000000000000000136. It was cut off or changed: get it again."),
    "a number too long": (lambda parts: zipped(swap(parts, header("{'descr': '<f8', 'fortran_order': False, 'shape': (" + "9" * 40 + ",), }"))), ", entry 'cells.0.W_xh', must be an array as NumPy writes it, got something else. Save arrays of float64 or float32 with save_weights or np.savez; pickled objects are never read."),
    "negative": (lambda parts: zipped(swap(parts, header("{'descr': '<f8', 'fortran_order': False, 'shape': (-3, 2), }"))), ", entry 'cells.0.W_xh', must be an array as NumPy writes it, got something else. Save arrays of float64 or float32 with save_weights or np.savez; pickled objects are never read."),
    "code in a header": (lambda parts: zipped(swap(parts, header("{'descr': __import__('os').mkdir('/tmp/pickle-was-run')}"))), ", entry 'cells.0.W_xh', must be an array as NumPy writes it, got something else. Save arrays of float64 or float32 with save_weights or np.savez; pickled objects are never read."),
    "a header of brackets": (lambda parts: zipped(swap(parts, header("(" * 117))), ", entry 'cells.0.W_xh', must be an array as NumPy writes it, got something else. Save arrays of float64 or float32 with save_weights or np.savez; pickled objects are never read."),
    "a header without end": (lambda parts: zipped(swap(parts, b"\x93NUMPY\2\0\xff\xff\xff\x7f" + bytes(200))), ", entry 'cells.0.W_xh', must be an array as NumPy writes it, got something else. Save arrays of float64 or float32 with save_weights or np.savez; pickled objects are never read."),
    "a header of version 9": (lambda parts: zipped(swap(parts, b"\x93NUMPY\x09\0" + parts[0][1][8:])), ", entry 'cells.0.W_xh', must be an array as NumPy writes it, got something else. Save arrays of float64 or float32 with save_weights or np.savez; pickled objects are never read."),
    "the other byte order": (lambda parts: zipped(swap(parts, npy(np.ones((3, 4), ">f8")))), ", entry 'cells.0.W_xh', must be of '<f8', '<f4' or, a count of steps, '<i8', got '>f8'. Save it as float64 or float32, in little-endian order."),
    "complex": (lambda parts: zipped(swap(parts, npy(np.ones((3, 4), complex)))), ", entry 'cells.0.W_xh', must be of '<f8', '<f4' or, a count of steps, '<i8', got '<c16'. Save it as float64 or float32, in little-endian order."),
    "whole numbers": (lambda parts: zipped(swap(parts, npy(np.ones((3, 4), int)))), ", entry 'cells.0.W_xh', must be float64 of shape (3, 4), got int64 of shape (3, 4). The file is of a model of other sizes or another dtype."),
    "NaN": (lambda parts: zipped(swap(parts, npy(np.full((3, 4), np.nan)))), ", entry 'cells.0.W_xh', must be of finite numbers, got NaN or infinity. The training that made it had diverged."),
    "infinity": (lambda parts: zipped(swap(parts, npy(np.full((3, 4), -np.inf)))), ", entry 'cells.0.W_xh', must be of finite numbers, got NaN or infinity. The training that made it had diverged."),
    "transposed": (lambda parts: zipped(swap(parts, npy(np.ones((4, 3))))), ", entry 'cells.0.W_xh', must be float64 of shape (3, 4), got float64 of shape (4, 3). The file is of a model of other sizes or another dtype."),
    "names swapped": (lambda parts: zipped([(parts[1][0], parts[0][1]), (parts[0][0], parts[1][1]), *parts[2:]]), ", entry 'cells.0.W_xh', must be float64 of shape (3, 4), got float64 of shape (3, 3). The file is of a model of other sizes or another dtype."),
    "something behind": (lambda parts: zipped(parts) + b"more", " must be an .npz file, got one without its list of entries at the end. It was cut off, changed, or is something else; save_weights writes such files."),
    "something before": (lambda parts: b"more" + zipped(parts), " must be an .npz file, got one without its list of entries at the end. It was cut off, changed, or is something else; save_weights writes such files."),
    "cut off": (lambda parts: zipped(parts)[:-300], " must be an .npz file, got one without its list of entries at the end. It was cut off, changed, or is something else; save_weights writes such files."),
    "encrypted": (lambda parts: flipped(zipped(parts), b"PK\1\2", 8, 1), ", entry 'cells.0.W_xh', must be stored as it is, got compressed or encrypted. Weight files are neither compressed nor encrypted: np.savez, not np.savez_compressed."),
    "two entries in one place": (lambda parts: overlapping(zipped(parts)), ", entry 'cells.0.W_hh', must be where the list says, got something else there. The file was changed: get it again."),
    "another name in its place": (lambda parts: flipped(zipped(parts), b"PK\3\4", 30, 2), ", entry 'cells.0.W_xh', must be where the list says, got something else there. The file was changed: get it again."),
    "a wrong count": (lambda parts: flipped(zipped(parts), b"PK\5\6", 10, 1), " must be of 2 entries, got 3. The file was changed: get it again."),
    "a wrong checksum": (lambda parts: flipped(zipped(parts), b"PK\1\2", 16, 1), ", entry 'cells.0.W_xh', must be of the checksum in the list, got another. The file was damaged: get it again."),
}  # fmt: skip


def zipped(parts, **options):
    buffer = io.BytesIO()
    write(buffer, parts, **options)
    return buffer.getvalue()


def npy(values):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, values)
    return buffer.getvalue()


def objects():
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.array([[Bomb()] * 4] * 3, dtype=object), allow_pickle=True)
    return buffer.getvalue()


def swap(parts, data):
    return [(parts[0][0], data), *parts[1:]]


def flipped(raw, signature, offset, bits):
    at = raw.index(signature) + offset
    return raw[:at] + bytes([raw[at] ^ bits]) + raw[at + 1 :]


def overlapping(raw):
    first = raw.index(b"PK\1\2")
    second = raw.index(b"PK\1\2", first + 1)
    return raw[: second + 42] + raw[first + 42 : first + 46] + raw[second + 46 :]


def test_a_record_s_fields_lie_one_behind_the_other_the_lowest_byte_first():
    kind = weights._layout("mark:S2 count:u2 size:u4")
    assert np.frombuffer(b"PK\1\2\3\0\0\0", kind)[0].item() == (b"PK", 513, 3)
    assert (weights.END.itemsize, weights.LOCAL.itemsize, weights.LISTED.itemsize) == (22, 30, 46)  # as APPNOTE has it


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused(path, name):
    make, message = HOSTILE[name]
    network = RNN(4, 3, rng=0)
    path.write_bytes(make(list(members(network).items())))
    assert refused(path, network) == f"load_weights: {path}{message}"
    assert not Path("/tmp/pickle-was-run").exists()


def patched(raw, signature, nth, offset, data):
    """The archive with other bytes in one field of the nth record of a kind."""
    at = -1
    for _ in range(nth + 1):
        at = raw.index(signature, at + 1)
    return raw[: at + offset] + data + raw[at + offset + len(data) :]


def test_an_entry_within_another_is_refused(path):
    """What the list says is a whole record each, but one lies in the other's bytes."""
    inner = zipped([("b.npy", bytes(64))])
    inner = inner[: inner.index(b"PK\1\2")]
    raw = zipped([("a.npy", bytes(70) + inner), ("b.npy", bytes(64))])
    inside = struct.pack("<I", 30 + len("a.npy") + 70)  # where the list sends b
    path.write_bytes(patched(raw, b"PK\1\2", 1, 42, inside))
    fix = "The file was changed: get it again."
    expected = f"load_weights: {path}, entry 'b', must be in a place of its own, got one that overlaps. {fix}"
    assert refused(path, RNNCell(2, 3, rng=0)) == expected


def test_an_entry_that_runs_into_the_list_is_refused(path):
    raw = zipped([("a.npy", bytes(64)), ("b.npy", bytes(64))])
    path.write_bytes(raw)
    refused(path, RNNCell(2, 3, rng=0), "with 'a', 'b'.")
    longer = struct.pack("<II", 65, 65)  # packed and not
    path.write_bytes(patched(raw, b"PK\1\2", 1, 20, longer))
    refused(path, RNNCell(2, 3, rng=0), "entry 'b', must be in a place of its own, got one that overlaps")
    path.write_bytes(patched(raw, b"PK\1\2", 0, 20, longer))
    refused(path, RNNCell(2, 3, rng=0), "entry 'b', must be in a place of its own, got one that overlaps")


def test_a_list_that_is_not_as_its_end_says_is_refused(path):
    raw = zipped([("a.npy", bytes(64)), ("b.npy", bytes(64))])
    at = raw.index(b"PK\5\6")
    start, size = len(raw[: raw.index(b"PK\1\2")]), at - raw.index(b"PK\1\2")
    for changed, words in (
        (raw + b"note", "without its list of entries at the end"),
        (patched(raw, b"PK\5\6", 0, 20, b"\4\0") + b"note", "without its list of entries at the end"),
        (patched(raw, b"PK\5\6", 0, 20, b"\1\0"), "without its list of entries at the end"),
        (patched(raw, b"PK\5\6", 0, 12, struct.pack("<II", size + 1, start)), "without its list of entries at the end"),
        (patched(raw, b"PK\5\6", 0, 12, struct.pack("<II", size - 1, start + 1)), "a list of .npy entries, got one of"),
        (patched(raw, b"PK\5\6", 0, 10, b"\3\0"), "must be of 3 entries, got 2. The file was changed"),
        (raw[:at] + bytes(10) + patched(raw[at:], b"PK\5\6", 0, 12, struct.pack("<I", size + 10)), "end too soon"),
        (patched(raw, b"PK\1\2", 1, 30, b"\5\0"), "must be of 2 entries, got 2. The file was changed"),
        (patched(raw, b"PK\1\2", 0, 10, b"\x08"), "entry 'a', must be stored as it is"),
        (patched(raw, b"PK\1\2", 1, 8, b"\1"), "entry 'b', must be stored as it is"),
        (patched(raw, b"PK\1\2", 1, 20, b"\x41"), "entry 'b', must be stored as it is"),
        (patched(raw, b"PK\1\2", 1, 0, b"PK\1\3"), "a list of .npy entries, got one of b'b.npy'"),
        (patched(raw, b"PK\3\4", 1, 0, b"PK\3\5"), "entry 'b', must be where the list says"),
    ):
        path.write_bytes(changed)
        refused(path, RNNCell(2, 3, rng=0), words)
    for flags in (b"\2", b"\x08"):  # hints, and a size behind the data: neither changes what is stored
        path.write_bytes(patched(raw, b"PK\1\2", 1, 8, flags))
        refused(path, RNNCell(2, 3, rng=0), "with 'a', 'b'.")


def test_of_very_many_names_the_first_thirty_are_listed(path):
    path.write_bytes(zipped([]))
    thirty = RNN(2, 2, num_layers=10)
    assert refused(path, thirty).partition(", got")[0].endswith("'cells.9.W_hh', 'cells.9.b_h'")
    more = refused(path, ManyToOne(thirty, ManyToOneHead(2, 1, bias=False))).partition(", got")[0]
    assert more.endswith("'rnn.cells.9.W_hh', 'rnn.cells.9.b_h', ... (31 in all)")


def test_names_and_headers_have_limits(path):
    for name, words in (
        ("a" * 1000, "with 'aaa"),
        ("a" * 1001, f"got one of b'{'a' * 60}'."),
        ("", "got one of b'.npy'."),
        ("a b", "got one of b'a b.npy'."),
        ("\u00e4", "got one of b'"),
    ):
        path.write_bytes(zipped([(f"{name}.npy", bytes(64))]))
        refused(path, RNNCell(2, 3, rng=0), words)
    for size, words in ((63, "must be where the list says"), (64, "must be an array as NumPy writes it")):
        path.write_bytes(zipped([("v.W.npy", bytes(size))]))
        optimizer = SGD(0.1, momentum=0.5)
        assert words in refused(path, optimizer)
    for version, width in ((1, "<H"), (2, "<I")):
        for size in (128, 4096, 4097):
            text = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }".ljust(size - 9 - struct.calcsize(width))
            start = b"\x93NUMPY" + bytes([version, 0]) + struct.pack(width, len(text) + 1)
            path.write_bytes(zipped([("v.W.npy", start + text + b"\n" + np.array(0.5, "<f8").tobytes())]))
            optimizer = SGD(0.1, momentum=0.5)
            if size > 4096:
                refused(path, optimizer, "entry 'v.W', must be an array as NumPy writes it")
            else:
                load_weights(path, optimizer)
                assert optimizer.state["v.W"].tolist() == [0.5]


def damaged(raw, rng):
    """A file after something happened to it."""
    kind = rng.integers(6)
    if kind == 0:  # bits flipped
        changed = bytearray(raw)
        for _ in range(rng.integers(1, 4)):
            changed[rng.integers(len(raw))] ^= 1 << rng.integers(8)
        return bytes(changed)
    if kind == 1:  # cut off
        return raw[: rng.integers(len(raw))]
    one, other = sorted(rng.integers(len(raw), size=2))
    if kind == 2:  # a piece left out
        return raw[:one] + raw[other:]
    if kind == 3:  # a piece twice
        return raw[:other] + raw[one:]
    if kind == 4:  # noise in a field
        return raw[:one] + rng.bytes(min(8, len(raw) - one)) + raw[one + 8 :]
    return raw[:one] + rng.choice([b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f"]) + raw[one + 4 :]


@pytest.mark.parametrize("kind", ["model", "adam"])
def test_damaged_files_are_refused_or_give_the_same_bits(path, kind):
    """Thousands of them: never another exception, never more memory than four times the file's and the model's size."""
    network = model() if kind == "model" else stepped(Adam())[0]
    save_weights(path, network)
    raw, before = path.read_bytes(), copies(network)
    size = sum(values.nbytes for values in before.values())
    rng = np.random.default_rng(0)
    loaded = 0
    for number in range(4000):
        path.write_bytes(changed := damaged(raw, rng))
        fresh = network if kind == "model" or number % 2 else Adam()
        if measured := number % 16 == 0:
            tracemalloc.start()
        try:
            load_weights(path, fresh)
        except ValueError as error:
            said = str(error)
            assert fresh is network or fresh.state == {}
        else:
            loaded, said = loaded + 1, "load_weights: nothing"
            assert same_bits(copies(fresh), before)
        if measured:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < 4 * len(changed) + size + 2**18  # and what any open file takes
        assert said.startswith("load_weights: ")
        assert same_bits(copies(network), before)
    assert 0 < loaded < 2000  # a date, say, may change


@given(st.binary(max_size=400))
def test_any_bytes_are_refused(tmp_path_factory, raw):
    path = tmp_path_factory.mktemp("any") / "weights.npz"
    path.write_bytes(raw)
    refused(path, RNNCell(2, 3, rng=0))


def test_a_list_of_very_many_entries_takes_little_memory(path):
    parts = [(f"{number:x}.npy", bytes(64)) for number in range(20000)]
    write(path, parts)
    tracemalloc.start()
    refused(path, model(), "with '0', '1', '10'")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * path.stat().st_size


def test_saving_is_all_or_nothing(path, monkeypatch):
    save_weights(path, model())
    before = path.read_bytes()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("numpy.lib.format.write_array", full)
    with pytest.raises(OSError, match="No space left"):
        save_weights(path, model(1))
    monkeypatch.undo()
    assert path.read_bytes() == before
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        save_weights(path, model(1))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_link_stays_a_link(path, tmp_path):
    (tmp_path / "real.npz").write_bytes(b"")
    path.symlink_to(tmp_path / "real.npz")
    save_weights(path, model())
    assert path.is_symlink()
    load_weights(tmp_path / "real.npz", model())


def test_what_cannot_be_saved_or_filled(path, monkeypatch):
    cell = RNNCell(2, 3, rng=0)
    cell.W_hh[1, 2] = np.nan
    with pytest.raises(ValueError, match="save_weights: W_hh must be finite") as caught:
        save_weights(path, cell)
    expected = "finite numbers (float64), got nan at index (1, 2). A file of them couldn't be loaded again: did training diverge?"
    assert str(caught.value) == f"save_weights: W_hh must be {expected}"
    assert not path.exists()
    for function in (save_weights, load_weights):
        with pytest.raises(TypeError, match="thing must be") as caught:
            function(path, {"W": 1})
        expected = "a module or an optimiser, got {'W': 1} (dict). Pass the model itself."
        assert str(caught.value) == f"{function.__name__}: thing must be {expected}"
    save_weights(path, RNNCell(2, 3, rng=0))
    with pytest.raises(ValueError, match="W_xh must be") as caught:
        load_weights(path, cell.frozen())
    expected = "an array that can be written to, got one that can't. Copy it."
    assert str(caught.value) == f"load_weights: W_xh must be {expected}"
    cell.W_hh = np.ones((3, 3), dtype=object)  # nothing that would have to be pickled
    with pytest.raises(
        TypeError, match="save_weights: W_hh must be an array of float64 or float32 or int64, got object"
    ):
        save_weights(path, cell)
    with pytest.raises(FileNotFoundError):
        load_weights(path.with_name("none.npz"), cell)
    with pytest.raises(FileNotFoundError):
        save_weights(path.parent / "no" / "folder.npz", RNNCell(2, 3, rng=0))
    total = sum(values.nbytes + 2 * len(name) + 1024 for name, values in RNNCell(2, 3).parameters().items())
    monkeypatch.setattr("vanilla_rnn.weights.LARGEST_FILE", total)
    save_weights(path, RNNCell(2, 3, rng=0))
    assert path.stat().st_size <= total
    monkeypatch.setattr("vanilla_rnn.weights.LARGEST_FILE", total - 1)
    with pytest.raises(ValueError, match="all arrays must be") as caught:
        save_weights(path, RNNCell(2, 3, rng=0))
    expected = f"at most 65535 and below 2 GiB, got 3 of {total} bytes. Save the parts one by one."
    assert str(caught.value) == f"save_weights: all arrays must be {expected}"


def test_what_a_file_can_not_hold_is_refused_before_anything_is_written(path, monkeypatch):
    """Above 2 GiB, or 65,535 entries, zipfile writes an archive of another kind, which isn't read."""
    assert weights.LARGEST_FILE < zipfile.ZIP64_LIMIT
    assert weights.MOST_ENTRIES <= zipfile.ZIP_FILECOUNT_LIMIT
    cell = RNNCell(2, 3, rng=0)
    monkeypatch.setattr(weights, "LARGEST_FILE", 1000)
    with pytest.raises(ValueError, match="save_weights: all arrays must be at most 65535 and below 2 GiB, got 3 of "):
        save_weights(path, cell)
    monkeypatch.undo()
    monkeypatch.setattr(weights, "MOST_ENTRIES", 2)
    with pytest.raises(ValueError, match="at most 2 and below 2 GiB, got 3 of "):
        save_weights(path, cell)
    assert list(path.parent.iterdir()) == []
    monkeypatch.setattr(weights, "MOST_ENTRIES", 3)
    save_weights(path, cell)


class Holder(Module):
    """A module of arrays under any names."""

    def __init__(self, **arrays):
        vars(self).update(arrays)

    def _signature(self):
        return "Holder()"


@pytest.mark.parametrize("name", ["W é", "größe", "W-xh", "W/xh", "a" * 1001, "W\n"])
def test_names_that_would_not_be_loaded_are_not_saved(path, name):
    with pytest.raises(ValueError, match="an array's path must be") as caught:
        save_weights(path, Holder(**{name: np.ones(2)}))
    expected, got = "a name of at most 1000 ASCII letters, digits, underscores and dots", _checks.shown(name)
    assert str(caught.value) == f"save_weights: an array's path must be {expected}, got {got}. Rename the attribute."
    assert not path.exists()
    longest = "a" * 1000
    save_weights(path, Holder(**{longest: np.ones(2)}))
    load_weights(path, other := Holder(**{longest: np.zeros(2)}))
    assert same_bits(copies(other), {longest: np.ones(2)})


@pytest.mark.parametrize("values", [
    np.ones(2, np.float16), np.ones(2, complex), np.ones(2, bool), np.ones(2, np.int32), np.ones(2, ">f8"),
    np.array([None, 1.0]), np.array(["a"]),
], ids=lambda values: values.dtype.str)  # fmt: skip
def test_kinds_of_numbers_that_would_not_be_loaded_are_not_saved(path, values):
    with pytest.raises(TypeError, match=r"save_weights: W must be an array of float64 or float32 or int64, got .*np\."):
        save_weights(path, Holder(W=values))
    sgd, adam = SGD(0.1, momentum=0.5), Adam()
    sgd.state = {"v.W": values}
    with pytest.raises(TypeError, match=r"save_weights: v\.W must be an array of float64 or float32, got "):
        save_weights(path, sgd)
    sgd.state = {"v.W": [1.0]}
    with pytest.raises(TypeError, match=r"float32, got \[1\.0\] \(list\)\. Convert it: np\.array"):
        save_weights(path, sgd)
    for t in (values, 3, None, np.float64(3)):
        adam.state = {"t": t, "m.W": np.ones(2), "s.W": np.ones(2)}
        with pytest.raises(TypeError, match="save_weights: t must be an array of int64, got "):
            save_weights(path, adam)
    assert not path.exists()


def test_what_is_saved_is_loaded_whatever_kind_it_is_of(path):
    for dtype in (np.float64, np.float32, np.int64):
        one, other = (Holder(W=values.astype(dtype)) for values in (np.arange(6.0).reshape(2, 3), np.zeros((2, 3))))
        save_weights(path, one)
        load_weights(path, other)
        assert same_bits(copies(one), copies(other))


@pytest.mark.parametrize("shape", [
    "(0, " + "9" * 18 + ", " + "9" * 18 + ")", "(0, 4294967296, 268435456)", "(" + "1, " * 65 + ")", "(" + "0, " * 900 + ")",
], ids=["large beside 0", "just too large", "65 axes", "900 axes"])  # fmt: skip
def test_shapes_that_numpy_does_not_know_are_refused(path, shape):
    text = ("{'descr': '<f8', 'fortran_order': False, 'shape': " + shape + ", }").encode().ljust(4000) + b"\n"
    data = b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + bytes(0 if "0, " in shape else 8)
    write(path, [("t.npy", npy(np.array(1))), ("m.W.npy", data), ("s.W.npy", data)])
    optimizer = Adam()
    with pytest.raises(ValueError, match="NumPy knows") as caught:
        load_weights(path, optimizer)
    got = _checks.shown(ast.literal_eval(shape))
    expected = f"of a shape that NumPy knows, got {got}. It was changed: get it again."
    assert str(caught.value) == f"load_weights: {path}, entry 'm.W', must be {expected}"
    assert optimizer.state == {}


def test_shapes_that_numpy_knows_are_loaded(path):
    for shape in ((1,) * 64, (0, 2**31 // 8 - 1)):
        state = {"t": np.array(1), "m.W": np.ones(shape), "s.W": np.ones(shape)}
        np.savez(path, **state)
        optimizer = Adam()
        load_weights(path, optimizer)
        assert same_bits(optimizer.state, state)


def test_a_mean_of_squares_below_0_is_refused(path):
    np.savez(path, t=np.array(1), **{"m.W": np.ones(2), "s.W": np.array([1.0, -0.25])})
    optimizer = Adam()
    with pytest.raises(ValueError, match="mean of squares") as caught:
        load_weights(path, optimizer)
    expected = "a mean of squares, at least 0, got -0.25. The file was changed."
    assert str(caught.value) == f"load_weights: {path}, entry 's.W', must be {expected}"
    assert optimizer.state == {}
    np.savez(path, t=np.array(1), **{"m.W": -np.ones(2), "s.W": np.zeros(2)})  # a mean may be negative
    load_weights(path, optimizer)


def test_a_momentum_is_not_loaded_where_none_is_kept(path):
    save_weights(path, stepped(SGD(0.1, momentum=0.5))[0])
    optimizer = SGD(0.1)
    with pytest.raises(ValueError, match="without momentum") as caught:
        load_weights(path, optimizer)
    with np.load(path) as file:
        names = sorted(file.files)
    got = ", ".join(map(repr, names[:5])) + f", ... ({len(names)} in all)"
    expected = f"empty for SGD without momentum, got one of {got}. It was saved from something else than SGD."
    assert str(caught.value) == f"load_weights: {path} must be {expected}"
    assert optimizer.state == {}
    load_weights(path, SGD(0.1, momentum=0.9))


@pytest.mark.skipif(os.name != "posix", reason="rights as POSIX has them")
def test_a_file_that_is_replaced_keeps_its_rights(path, monkeypatch):
    save_weights(path, model())
    path.chmod(0o600)
    secret = []
    write_array = np.lib.format.write_array

    def looking(*args, **options):
        secret.extend(file.stat().st_mode & 0o777 for file in path.parent.iterdir())
        write_array(*args, **options)

    monkeypatch.setattr("numpy.lib.format.write_array", looking)
    save_weights(path, model(1))
    assert set(secret) == {0o600}  # from the first number on, under either name
    assert path.stat().st_mode & 0o777 == 0o600
    load_weights(path, model())


@pytest.mark.skipif(os.name != "posix", reason="pipes and links as POSIX has them")
def test_what_is_no_file_is_not_replaced(path):
    for make in (os.mkfifo, os.mkdir, lambda there: there.symlink_to(there)):
        make(path)
        before = path.lstat()
        with pytest.raises(ValueError, match="path must be") as caught:
            save_weights(path, model())
        expected = f"a file or a new name, got {path}, something else. Choose another."
        assert str(caught.value) == f"save_weights: path must be {expected}"
        assert path.lstat() == before
        assert list(path.parent.iterdir()) == [path]
        path.rename(path.parent.parent / f"{path.parent.name} {before.st_mode}")
    path.symlink_to(path.with_name("new.npz"))  # a link to what isn't there yet
    save_weights(path, model())
    assert path.is_symlink()
    load_weights(path.with_name("new.npz"), model())


def test_a_path_may_be_bytes(path):
    save_weights(os.fsencode(path), model())
    load_weights(os.fsencode(path), model(1))
    with pytest.raises(ValueError, match=r"load_weights: .*weights\.npz must be of the entries"):
        load_weights(os.fsencode(path), RNNCell(2, 3, rng=0))
