"""Weight files: the same bits back, or an error that names the file and the entry, and nothing changed."""

import io
import os
import pickle
import struct
import tracemalloc
import zipfile
import zlib
from pathlib import Path
from unittest.mock import DEFAULT, Mock

import numpy as np
import pytest
from hypothesis import given

from plain import networks
from vanilla_rnn import RNN, SGD, Adam, Embedding, ManyToOne, ManyToOneHead, RNNCell, load_weights, save_weights
from vanilla_rnn._module import Module

posix = pytest.mark.skipif(os.name != "posix", reason="permissions, links and pipes as POSIX has them")


def model(seed=0, dtype=np.float64, outputs=2):
    kinds = {"dtype": dtype, "rng": np.random.default_rng(seed)}
    head, embedding = ManyToOneHead(6, outputs, **kinds), Embedding(5, 2, **kinds)
    return ManyToOne(RNN(2, 3, bidirectional=True, **kinds), head, embedding=embedding)


def stepped(optimizer, steps=3):
    """An optimiser that has a state, and what it has trained."""
    network, rng = RNNCell(2, 3, rng=0), np.random.default_rng(1)
    for _ in range(steps):
        optimizer.step(network.parameters(), {k: rng.standard_normal(v.shape) for k, v in network.parameters().items()})
    return optimizer, network


def bits(module):
    arrays = module.parameters() if isinstance(module, Module) else getattr(module, "state", module)
    return {name: (values.dtype, values.shape, values.tobytes()) for name, values in arrays.items()}


class Holder(Module):
    def __init__(self, **arrays):
        vars(self).update(arrays)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.npz"


def refused(path, module, *words):
    """Loading raises one ValueError that names the file, changes nothing and takes little memory."""
    before = bits(module)
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"^load_weights: .*weights\.npz.* must be .*, got ") as caught:
        load_weights(path, module)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**26
    assert bits(module) == before
    assert [word for word in words if word not in str(caught.value)] == []
    assert len(str(caught.value)) < 1500


@given(case=networks())
def test_saving_and_loading_gives_the_same_bits(case, tmp_path_factory):
    path, rnn = tmp_path_factory.mktemp("saved") / "weights.npz", case["rnn"]
    before, live = bits(rnn), rnn.parameters()
    save_weights(path, rnn)
    for values in live.values():
        values[...] = 0
    load_weights(path, rnn)
    assert bits(rnn) == before
    assert all(rnn.parameters()[name] is values for name, values in live.items())  # filled, not replaced


FINFO = map(np.finfo, (np.float32, np.float64))
UNUSUAL = [np.array([-0.0, f.tiny, f.smallest_subnormal, f.max, f.min], f.dtype) for f in FINFO]
SHAPED = [np.full(shape, 0.5) for shape in ((), (0,), (0, 3), (2, 0, 2), (1,) * 64, (1000, 300))]


@pytest.mark.parametrize("values", UNUSUAL + SHAPED, ids=lambda values: f"{values.dtype} {values.shape}")
def test_any_finite_numbers_in_any_shape_keep_their_bits(path, values):
    one, other = Holder(größe=values), Holder(größe=np.zeros_like(values))
    save_weights(str(path), one)
    load_weights(os.fsencode(path), other)
    assert bits(one) == bits(other)


def test_the_list_of_the_names_may_take_2_mib(path):
    """This is the most that is read at once."""
    one, other = (Holder(**{f"{n:065486}": np.full(2, n + start) for n in range(32)}) for start in (0.0, 0.5))
    save_weights(path, one)
    load_weights(path, other)
    assert bits(one) == bits(other)
    with pytest.raises(ValueError, match="save_weights: the list of all names must be at most 2 MiB, got "):
        save_weights(path, Holder(more=np.ones(1), **vars(one)))
    load_weights(path, other)


@pytest.mark.parametrize("name", ["W" * (2**16 - 4), "\ud800", "a\0b"])
def test_a_name_that_no_zip_archive_can_hold_is_not_saved(path, name):
    with pytest.raises(ValueError, match="save_weights: the name .* must be less than 64 KiB of Unicode without NUL"):
        save_weights(path, Holder(**{name: np.ones(1)}))


@pytest.mark.parametrize("order", ["C", "F"])
def test_numpy_reads_the_file_and_its_own_files_are_read(path, tmp_path, order):
    save_weights(path, model())
    with np.load(path, allow_pickle=False) as file:
        assert bits(dict(file)) == bits(model())
        np.savez(tmp_path / "numpy.npz", **{name: np.array(values, order=order) for name, values in file.items()})
    load_weights(tmp_path / "numpy.npz", other := model(1))
    save_weights(tmp_path / "again.npz", other)
    assert path.read_bytes() == (tmp_path / "again.npz").read_bytes()


@pytest.mark.parametrize("make", [Adam, lambda: SGD(0.1, momentum=0.9), lambda: SGD(0.1)])
def test_training_resumes_bit_for_bit(path, tmp_path, make):
    optimizer, network = stepped(make())
    if isinstance(optimizer, Adam):  # each parameter has its own count of steps
        optimizer.state |= {"t.b_h": np.array(1), "t.W_hh": np.array(2**53 - 1)}
    save_weights(path, optimizer)
    save_weights(tmp_path / "model.npz", network)
    again, other = stepped(make(), steps=1)
    old, before = again.state, bits(again)
    load_weights(path, again)
    load_weights(tmp_path / "model.npz", other)
    assert bits(optimizer) == bits(again)
    assert bits(old) == before  # the old state is replaced, not overwritten
    gradients = {k: np.cos(v) for k, v in network.parameters().items()}
    optimizer.step(network.parameters(), gradients)
    again.step(other.parameters(), gradients)
    assert bits(network) == bits(other)


@pytest.mark.parametrize(("make", "words"), [
    (lambda: RNN(2, 3, rng=0), ["without 'cells.0.W_hh'", "with 'embedding.vectors'"]),
    (lambda: model(outputs=4), ["entry 'head.W_hy'", "(4, 6)", "(2, 6)"]),
    (lambda: model(dtype=np.float32), ["entry 'embedding.vectors'", "float32", "float64"]),
    (Adam, ["with 'embedding.vectors'"]),
])  # fmt: skip
def test_files_of_other_models_are_refused(path, make, words):
    save_weights(path, model())
    refused(path, make(), *words)


ONES = np.ones((2, 3))
STATE = {"m.W": ONES, "s.W": ONES, "t.W": np.array(3)}


@pytest.mark.parametrize(("optimizer", "state", "name"), [
    *((Adam(), {other: STATE[other] for other in STATE if other != name}, name[1:]) for name in STATE),
    *((Adam(), STATE | {name: ONES}, name) for name in ("t", "s.V", "v.W", "", "W")),
    *((optimizer, STATE, "m.W") for optimizer in (SGD(0.1), SGD(0.1, momentum=0.5))),
    (Adam(), {"v.W": ONES}, "v.W"), (SGD(0.1), {"v.W": ONES}, "v.W"), (SGD(0.1, momentum=0.5), {"v.W": ONES > 0}, "v.W"),
    (Adam(), STATE | {"m.W": ONES.astype(int), "s.W": ONES.astype(int)}, "m.W"),
    *((Adam(), STATE | {"t.W": t}, "t.W") for t in map(np.array, (0, -5, 2**53, 2**63 - 1, 3.0, [3], np.int32(3), True))),
    *((Adam(), STATE | {"s.W": s}, "s.W") for s in (ONES.T, ONES.astype("f4"), -ONES, np.inf * ONES, np.nan * ONES)),
    (Adam(), STATE | {"m.W": np.nan * ONES}, "m.W"),
])  # fmt: skip
def test_a_state_that_an_optimiser_can_not_have_is_refused(path, optimizer, state, name, monkeypatch):
    np.savez(path, **state)
    refused(path, optimizer, name)
    before = path.read_bytes()
    monkeypatch.setattr(optimizer, "state", state)
    with pytest.raises(ValueError, match=f"^save_weights: .*{name}"):
        save_weights(path, optimizer)
    assert path.read_bytes() == before


def zipped(parts, kind=zipfile.ZIP_STORED):
    with zipfile.ZipFile(buffer := io.BytesIO(), "w") as archive:
        for name, data in parts:
            archive.writestr(name, data, kind)
    return buffer.getvalue()


def npy(values):
    np.lib.format.write_array(buffer := io.BytesIO(), values, allow_pickle=True)
    return buffer.getvalue()


def header(text, version=1):
    """The beginning of an array's file, with any text as its header."""
    raw = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(raw)) + raw


def declared(shape, dtype="<f8", data=b""):
    return header(f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}") + data


def patched(raw, signature, offset, data, nth=0):
    """The archive with other bytes in one field of the nth record of a kind."""
    at = -1
    for _ in range(nth + 1):
        at = raw.index(signature, at + 1)
    return raw[: at + offset] + data + raw[at + offset + len(data) :]


def with_gap(raw, size):
    """The archive with some bytes between the last entry and the list of entries."""
    at = raw.index(LISTED)
    return patched(raw[:at] + bytes(size) + raw[at:], END, 16, struct.pack("<I", at + size))


def deflated(raw, data):
    """The archive with its first entry compressed, and filled up to its old size."""
    packed = zlib.compress(data, 9, -15)
    assert len(packed) < len(data)
    raw = raw.replace(data, packed.ljust(len(data), b"\0"))
    return patched(patched(raw, LOCAL, 8, b"\x08"), LISTED, 10, b"\x08")


Bomb = type("Bomb", (), {"__reduce__": lambda _: (os.mkdir, ("/tmp/pickle-was-run",))})
PARTS = [(f"{name}.npy", npy(values)) for name, values in RNN(4, 3, rng=0).parameters().items()]
(FIRST, W_XH), (SECOND, W_HH), THIRD = PARTS
LOCAL, LISTED, END, MOST = b"PK\3\4", b"PK\1\2", b"PK\5\6", b"\xff\xff\xff\x7f"
ARCHIVE = zipped(PARTS)

ARRAYS = [  # in place of the first array, which is float64 of shape (3, 4)
    *(header(text) for text in (
        "{'descr': __import__('os').mkdir('/tmp/pickle-was-run')}", "(" * 117, "[" * 60000, "-" * 900 + "1", "'\\d'",
        "{'shape': 1if 1else 2}", "{'descr': '''", "[1]", "{'descr': '<f8'}", "\0", " x\n  y\n z", "\xff",
    )),
    *(declared(shape) for shape in ((741455, 741455), (10**18, 10**18), "(" + "9" * 40 + ",)", (0, 10**18, 10**18))),
    *(declared(shape, data=bytes(96)) for shape in ((-3, -4), (True, 12), "(4L, 3L)", "(" + "1, " * 64 + "12)")),
    *(declared(shape, dtype) for shape, dtype in (((3, 4), "<U99999999999"), ((0,), "<U500000000"), ((10**15,), "|V0"))),
    *(npy(np.ones((3, 4), dtype)) for dtype in (">f8", complex, np.int64, np.float16, "<f4, <f4", "M8[s]")),
    *(npy(np.full((3, 4), value)) for value in (np.nan, -np.inf)),
    npy(np.array([[Bomb()] * 4] * 3, dtype=object)), npy(np.ones((4, 3))), W_XH + b"\0", W_XH[:-1], b"", b"hello",
    b"\x93NUMPY\2\0" + MOST + bytes(200), b"\x93NUMPY\x09\0" + W_XH[8:],
]  # fmt: skip


HOSTILE = [
    b"", b"PK, it says, and some more", pickle.dumps(Bomb()) + bytes(40), ARCHIVE[:-300], ARCHIVE[300:],
    ARCHIVE + bytes(2**21),  # too large for this model
    bytes(65) + ARCHIVE, with_gap(ARCHIVE, 65), deflated(ARCHIVE, W_XH),
    zipped(PARTS, zipfile.ZIP_DEFLATED), zipped([*PARTS[1:], (FIRST, bytes(10**8))], zipfile.ZIP_DEFLATED),
    zipped([]), zipped(PARTS[1:]), zipped([(SECOND, W_XH), (FIRST, W_HH), THIRD]),
    *(zipped([*PARTS, (name, W_XH)]) for name in ("more.npy", "../evil.npy", "/evil.npy", "a" * 60000, FIRST[:-4], ".npy")),
    zipped([*PARTS, ("X" + FIRST[1:], W_XH)]).replace(b"X" + FIRST[1:].encode(), FIRST.encode()),  # a name twice
    ARCHIVE.replace(FIRST.encode(), FIRST[:-4].encode() + b"\0npy"),
    patched(patched(ARCHIVE, LISTED, 46, b"\xff"), LISTED, 9, b"\x08"),  # a name that isn't UTF-8
    *(patched(ARCHIVE, *change) for change in (
        (LISTED, 8, b"\1"), (LISTED, 8, b"\x40"), (LISTED, 8, b"\x20"),  # encrypted, strongly encrypted, a patch
        (LISTED, 6, b"\xff"), (LISTED, 10, b"\x63"),  # an unknown version of zip, an unknown compression
        (LISTED, 42, bytes(4), 1), (LISTED, 42, MOST), (LISTED, 20, MOST * 2), (LISTED, 20, b"\1"),  # places and sizes
        (LOCAL, 30, b"X"), (LOCAL, 0, b"XX"), (LISTED, 0, b"XX", 1), (LISTED, 16, bytes(4)),  # names, marks, a checksum
        (END, 12, MOST), (END, 16, MOST), (END, 12, bytes(4)), (END, 12, b"\xff" * 8),  # the list
    )),
]  # fmt: skip


FILES = [(raw, "") for raw in HOSTILE] + [
    (zipped([(FIRST, data), *PARTS[1:]]), f"entry '{FIRST[:-4]}'") for data in ARRAYS
]


@pytest.mark.parametrize(("raw", "word"), FILES, ids=range(len(FILES)))
def test_hostile_files_are_refused(path, raw, word):
    path.write_bytes(raw)
    refused(path, RNN(4, 3, rng=0), word)
    assert not Path("/tmp/pickle-was-run").exists()


def test_a_damaged_number_far_from_its_header_is_noticed(path):
    save_weights(path, Holder(V=np.ones(2), W=np.ones(10_000)))
    raw = path.read_bytes()
    path.write_bytes(patched(raw, LISTED, -1, bytes([raw[raw.index(LISTED) - 1] ^ 1])))  # the last byte of W
    refused(path, Holder(V=np.zeros(2), W=np.zeros(10_000)), "entry 'W'")


@pytest.mark.parametrize("raw", [
    patched(ARCHIVE, END, 20, b"\4\0") + b"note", b"more" + ARCHIVE, ARCHIVE + b"more", zipped(PARTS[::-1]),
    patched(ARCHIVE, LISTED, 12, b"\1\2\3\4"),  # another date
    patched(ARCHIVE, LISTED, 8, b"\2"), bytes(64) + ARCHIVE, with_gap(ARCHIVE, 64),
    zipped([(name, header(data[10:127].decode(), version=2) + data[128:]) for name, data in PARTS]),
], ids=["comment", "prefix", "suffix", "order", "date", "option", "64 bytes", "gap", "version"])  # fmt: skip
def test_changes_that_leave_the_numbers_alone_do_no_harm(path, raw):
    path.write_bytes(raw)
    load_weights(path, other := RNN(4, 3, rng=1))
    assert bits(other) == bits(RNN(4, 3, rng=0))


def with_hole(path, first, size=2**30, listed=0):
    """An archive whose only entry, m.W, has these bytes and then zeros, which take no space on a disk."""
    raw = zipped([("m.W.npy", first)])
    at = raw.index(LISTED)
    end = patched(raw[at:], LISTED, 20, struct.pack("<II", size, size))
    with path.open("wb") as file:
        file.write(raw[:at])
        file.seek(size - len(first), os.SEEK_CUR)
        file.write(patched(end, END, 12, struct.pack("<II", listed or len(end) - 22, at + size - len(first))))


def with_list(path, count):
    """An archive that lists its only entry, m.W, this many times."""
    raw = zipped([("m.W.npy", npy(np.ones(2**17)))])
    at, end = raw.index(LISTED), raw.index(END)
    at_the_end = patched(raw[end:], END, 12, struct.pack("<I", count * (end - at)))
    path.write_bytes(raw[:at] + raw[at:end] * count + at_the_end)


LARGE = {
    "a header of 1 GiB": lambda path: with_hole(path, b"\x93NUMPY\2\0" + struct.pack("<I", 2**30 - 12)),
    "an array of 1 GiB": lambda path: with_hole(path, declared((2**27 - 16,))),
    "a text of 1 GiB": lambda path: with_hole(path, declared((), f"<U{2**28 - 32}")),
    "more than 2 GiB": lambda path: path.touch() or os.truncate(path, 2**31),
    "a list of 1 GiB": lambda path: with_hole(path, b"", listed=2**30),
    "one array 1,000 times": lambda path: with_list(path, 1000),
    "a list of 2 MiB": lambda path: with_list(path, 39_500),
    "65,000 entries": lambda path: with_list(path, 65_000),
    "a pipe without a writer": os.mkfifo,
}


@posix
@pytest.mark.parametrize(
    "case", [case if case != "a list of 2 MiB" else pytest.param(case, marks=pytest.mark.slow) for case in LARGE]
)
def test_files_that_declare_much_are_refused_for_little_memory(path, case):
    LARGE[case](path)
    refused(path, Adam())


def damaged(raw, rng):
    """A file in which bits were flipped, a piece is missing, repeated or noise, or which was cut off."""
    one, other = sorted(rng.integers(len(raw), size=2))
    bit = bytes([raw[one] ^ 1 << rng.integers(8)])
    noise = [rng.bytes(8), b"\0\0\0\0", b"\xff\xff\xff\xff", MOST][rng.integers(4)]
    return [
        raw[:one] + bit + raw[one + 1 :], raw[:one], raw[:one] + raw[other:], raw[:other] + raw[one:],
        raw[:one] + noise + raw[one + len(noise) :],
    ][rng.integers(5)]  # fmt: skip


@pytest.mark.parametrize("make", [lambda: RNN(2, 3, rng=0), lambda: stepped(Adam())[0]], ids=["model", "Adam"])
@pytest.mark.parametrize("count", [300, pytest.param(3000, marks=pytest.mark.slow)])
def test_damaged_files_are_refused_or_give_the_same_bits(path, make, count):
    """Never another exception."""
    module, rng, said = make(), np.random.default_rng(0), []
    save_weights(path, module)
    raw, before = path.read_bytes(), bits(module)
    for _ in range(count):
        path.write_bytes(damaged(raw, rng))
        try:
            load_weights(path, module)
        except ValueError as error:
            said.append(str(error))
        assert bits(module) == before
    assert all(text.startswith(f"load_weights: {path}") for text in said)
    assert count / 3 < len(said) < count  # a date, say, may change


@pytest.mark.parametrize("make", [lambda seed: RNN(4, 3, rng=seed), lambda seed: stepped(Adam(), seed + 1)[0]])
def test_an_interrupted_load_changes_nothing(path, make, monkeypatch):
    save_weights(path, make(0))
    module, answers = make(1), [DEFAULT, DEFAULT, KeyboardInterrupt]
    before, patch = bits(module), Mock(wraps=np.lib.format.read_array, side_effect=answers)
    monkeypatch.setattr("numpy.lib.format.read_array", patch)
    with pytest.raises(KeyboardInterrupt):
        load_weights(path, module)
    assert bits(module) == before


@pytest.mark.parametrize("function", [save_weights, load_weights])
def test_other_objects_are_refused(path, function):
    with pytest.raises(TypeError, match=f"^{function.__name__}: module must be a Module or an Optimizer, got .*dict"):
        function(path, {"W": 1})


@pytest.mark.parametrize("values", [
    *(np.ones(2, dtype) for dtype in (np.float16, complex, bool, np.int64, ">f8")),
    np.array([None, 1.0]), np.array(["a"]), np.array([np.nan, 1.0]), np.array([1.0, -np.inf], np.float32),
], ids=str)  # fmt: skip
def test_numbers_that_would_not_be_loaded_are_not_saved(path, values):
    with pytest.raises(ValueError, match=r"^save_weights: .*'W', must be .*, got "):
        save_weights(path, Holder(V=np.ones(2), W=values))
    assert list(path.parent.iterdir()) == []


def test_arrays_of_more_than_2_gib_are_not_saved(path, monkeypatch):
    monkeypatch.setattr("vanilla_rnn.files.npz.LARGEST_FILE", 3 * 2**18 + 18 * 8)
    save_weights(path, RNNCell(2, 3, rng=0))
    with pytest.raises(ValueError, match="save_weights: the file must be at most 2 GiB, got "):
        save_weights(path, RNNCell(3, 3, rng=0))


def test_a_model_with_a_read_only_array_is_not_filled(path):
    cell = RNNCell(2, 3, rng=1)
    save_weights(path, RNNCell(2, 3, rng=0))
    before, cell.b_h.flags.writeable = bits(cell), False
    with pytest.raises(ValueError, match="^load_weights: b_h must be a writable array"):
        load_weights(path, cell)
    assert bits(cell) == before


@pytest.mark.parametrize("name", ["none.npz", "no/folder.npz", "."])
def test_a_file_that_can_not_be_opened_is_an_os_error(tmp_path, name):
    with pytest.raises(OSError, match=r"No such file|Is a directory|Permission"):
        load_weights(tmp_path / name, RNNCell(2, 3))
