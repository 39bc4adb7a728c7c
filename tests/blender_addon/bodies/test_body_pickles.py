"""Pickles of body models: the published kinds are read, everything else is refused and nothing in
it runs.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import struct
import sys
import types

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blender_addon.bodies import pickle_records, pickles
from blender_addon.bodies.pickles import UnsafePickleError, read_pickle


def test_python_2_files_give_the_arrays_that_went_in(model_files, pickled_as, rng):
    dense = rng.normal(size=(24, 60)) * (rng.random((24, 60)) < 0.1)
    content = {
        "v_template": rng.normal(size=(60, 3)),
        "columns_first": np.asfortranarray(rng.normal(size=(4, 5))),
        "f": rng.integers(0, 60, (20, 3)).astype(np.uint32),
        "shapedirs": pickled_as["Chumpy"](rng.normal(size=(60, 3, 10))),
        "J_regressor": pickled_as["Sparse"](dense),
        "empty": np.zeros((0, 3)),
        "bs_style": "lbs",
    }
    read = read_pickle(model_files.raw_pkl(content))
    assert set(read) == set(content)
    np.testing.assert_array_equal(read["v_template"], content["v_template"])
    np.testing.assert_array_equal(read["columns_first"], content["columns_first"])
    np.testing.assert_array_equal(read["f"], content["f"])
    assert read["f"].dtype == np.uint32
    np.testing.assert_array_equal(read["shapedirs"], content["shapedirs"].array)
    np.testing.assert_array_equal(read["J_regressor"], dense)
    assert read["empty"].shape == (0, 3)
    assert read["bs_style"] == "lbs"


def test_a_selection_of_a_chumpy_array_is_worked_out(model_files, pickled_as, rng):
    whole = rng.normal(size=(60, 3, 20))
    indices = np.arange(whole.size).reshape(whole.shape)[:, :, :10].ravel()
    selection = pickled_as["Select"](pickled_as["Chumpy"](whole), indices, (60, 3, 10))
    read = read_pickle(model_files.raw_pkl({"shapedirs": selection}))
    np.testing.assert_array_equal(read["shapedirs"], whole[:, :, :10])


@pytest.fixture
def chumpy_class(monkeypatch):
    """A class that pickles as chumpy.ch.Ch. chumpy itself does not run on current Pythons."""

    class Ch:
        def __init__(self, x):
            self.x = np.asarray(x)
            self._dirty_vars = {"x"}

    Ch.__module__, Ch.__qualname__ = "chumpy.ch", "Ch"
    module = types.ModuleType("chumpy.ch")
    module.Ch = Ch
    monkeypatch.setitem(sys.modules, "chumpy", types.ModuleType("chumpy"))
    monkeypatch.setitem(sys.modules, "chumpy.ch", module)
    return Ch


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", ["csc", "csr", "coo"])
def test_every_protocol_and_the_installed_numpy_and_scipy_are_read(
    model_files, chumpy_class, rng, protocol, kind
):
    sparse = pytest.importorskip("scipy.sparse")
    dense = rng.normal(size=(24, 60)) * (rng.random((24, 60)) < 0.1)
    content = {
        "shapedirs": chumpy_class(rng.normal(size=(60, 3, 10))),
        "J_regressor": sparse.csc_matrix(dense).asformat(kind),
        "weights": np.asfortranarray(rng.random((60, 24))),
        "f": rng.integers(0, 60, (20, 3)),
        "size": np.float64(1.5),
        "ids": [np.int64(3), 4],
    }
    data = pickle.dumps(content, protocol)
    names = {argument for op, argument, _ in pickletools.genops(data) if isinstance(argument, str)}
    assert any("chumpy.ch" in name for name in names)
    read = read_pickle(model_files.raw_pkl(data))
    np.testing.assert_array_equal(read["shapedirs"], content["shapedirs"].x)
    np.testing.assert_array_equal(read["J_regressor"], dense)
    np.testing.assert_array_equal(read["weights"], content["weights"])
    np.testing.assert_array_equal(read["f"], content["f"])
    assert read["size"] == 1.5
    assert read["ids"] == [3, 4]


def test_arrays_that_python_2_wrote_as_text_are_read(model_files):
    """Protocol 0 escapes an array's bytes; pickletools.genops gives up on those beyond ASCII."""
    values = np.array([1.1, -2.2e200])
    text = "".join(f"\\x{byte:02x}" for byte in values.tobytes()).encode()
    state = b"(I1\n(I2\nt" + F8 + b"(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb" + b"I00\nS'" + text + b"'\nt"
    path = model_files.raw_pkl(_with_state(state))
    with pytest.raises(UnicodeDecodeError):
        list(pickletools.genops(path.read_bytes()))
    np.testing.assert_array_equal(read_pickle(path)["a"], values)


# --- files that would run code --------------------------------------------------------------------


class Payload:
    """Pickles as a call of `function` with `arguments`."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def hostile(path: str) -> dict[str, bytes]:
    """Pickles that would create `path`, or prepare to, by name of the way they take."""
    import builtins
    import os
    import subprocess

    script = f"open({path!r}, 'w').close()"
    touch = path.encode()
    calls = {
        "os.system": Payload(os.system, f"touch {path}"),
        "subprocess": Payload(subprocess.check_output, ["touch", path]),
        "eval": Payload(builtins.eval, script),
        "exec": Payload(builtins.exec, script),
        "open": Payload(builtins.open, path, "w"),
        "getattr": Payload(builtins.getattr, "text", "join"),
        "import": Payload(builtins.__import__, "os"),
        "numpy file": Payload(np.memmap, path, "uint8", "w+", 0, (8,)),
        "numpy load": Payload(np.fromfile, path),
        "nested": {"v_template": [({"deep": Payload(builtins.eval, script)},)]},
    }
    files = {
        f"{way}, protocol {p}": pickle.dumps({"x": call}, p)
        for way, call in calls.items()
        for p in (0, 2, 4)
    }
    return {
        **files,
        "python 2 os": b"cposix\nsystem\n(S'touch " + touch + b"'\ntR.",
        "INST": b"(S'touch " + touch + b"'\nios\nsystem\n.",
        "OBJ": b"(cos\nsystem\nS'touch " + touch + b"'\no.",
        "names of the memo": b"\x80\x04\x8c\x02os\x94\x8c\x06system\x940h\x00h\x01\x93\x8c"
        + struct.pack("<B", 6 + len(touch)) + b"touch " + touch + b"\x85R.",
        "dotted name": b"\x80\x04\x8c\x15numpy.core.multiarray"
        b"\x8c\x18_reconstruct.__globals__\x93.",
        "dotted module": b"cnumpy\ncore.multiarray._reconstruct\n.",
        "unknown numpy": b"cnumpy\nsave\n(S'" + touch + b"'\n]tR.",
        "unknown chumpy": b"cchumpy.ch\nChLambda\n)\x81.",
        "chumpy module": b"cchumpy.ch\nos.system\n(S'touch " + touch + b"'\ntR.",
        "scipy": b"cscipy.sparse\nload_npz\n(S'" + touch + b"'\ntR.",
        "codecs": b"c_codecs\ndecode\n(S'x'\ntR.",
        "extension": b"\x80\x02\x82\x01.",
        "persistent": b"Pfile\n.",
        "two strings hidden": b"\x80\x04\x8c\x02os0\x8c\x02os\x8c\x06system\x93\x8c"
        + struct.pack("<B", 6 + len(touch)) + b"touch " + touch + b"\x85R.",
    }  # fmt: skip


@pytest.mark.parametrize("way", hostile("x"))
def test_a_pickle_that_names_anything_else_is_refused_unrun(model_files, tmp_path, way):
    mark = tmp_path / "ran"
    path = model_files.raw_pkl(hostile(str(mark))[way])
    with pytest.raises(UnsafePickleError) as caught:
        read_pickle(path)
    assert str(path) in str(caught.value)
    assert "nothing in it was run" in str(caught.value)
    assert not mark.exists()


def test_the_hostile_samples_do_run_where_nothing_stops_them(tmp_path):
    """Else the test above would prove nothing."""
    for number, way in enumerate(
        ["os.system, protocol 2", "eval, protocol 4", "INST", "names of the memo"]
    ):
        mark = tmp_path / f"ran{number}"
        pickle.loads(hostile(str(mark))[way])
        assert mark.exists(), way


def test_the_refusal_names_the_class_and_the_remedy(model_files):
    path = model_files.raw_pkl(b"cmymodule\nMyClass\n)\x81.")
    with pytest.raises(
        UnsafePickleError, match=r"model\.pkl.*'mymodule\.MyClass'.*publisher.*\.npz"
    ):
        read_pickle(path)


@pytest.mark.parametrize(
    "way", [way for way in hostile("x") if way not in ("extension", "persistent")]
)
def test_the_unpickler_refuses_on_its_own_what_the_scan_would_miss(tmp_path, way):
    mark = tmp_path / "ran"
    unpickler = pickles._RecordUnpickler(io.BytesIO(hostile(str(mark))[way]), tmp_path)
    with pytest.raises(UnsafePickleError):
        unpickler.load()
    assert not mark.exists()


def test_what_stands_before_a_refused_name_is_inert(model_files, tmp_path):
    """The first array of this file is genuine; the name comes last. The scan refuses before any of
    it is made.
    """
    first = pickle.dumps({"v_template": np.zeros(3)}, 2)[:-1]
    mark = tmp_path / "ran"
    path = model_files.raw_pkl(first + b"0cos\nsystem\n(S'touch " + str(mark).encode() + b"'\ntR.")
    with pytest.raises(UnsafePickleError):
        read_pickle(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    "program",
    [
        b"cnumpy\nndarray\n}S'__array_finalize__'\nNsb.",  # BUILD on a class
        b"cnumpy.core.multiarray\n_reconstruct\n(N}S'__code__'\nNstb.",  # BUILD with slots
        b"ccopy_reg\n_reconstructor\n(c__builtin__\nobject\nc__builtin__\nobject\nNtR}S'a'\nNsb.",
        b"c__builtin__\nset\n(I5\ntR.",
    ],
)
def test_admitted_names_cannot_be_changed_or_misused(model_files, program):
    before = {key: dict(vars(record)) for key, record in pickle_records.RECORDS.items()}
    with pytest.raises(ValueError, match=r"model\.pkl"):
        read_pickle(model_files.raw_pkl(program))
    assert {key: dict(vars(record)) for key, record in pickle_records.RECORDS.items()} == before


# --- damaged files --------------------------------------------------------------------------------


def test_truncated_files_are_called_damaged(model_files, random_arrays, rng):
    whole = model_files.pkl(random_arrays("smpl", rng)).read_bytes()
    for length in (0, 1, 10, len(whole) // 2, len(whole) - 1):
        with pytest.raises(ValueError, match="not a whole pickle file"):
            read_pickle(model_files.raw_pkl(whole[:length]))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_garbage_never_does_more_than_raise_value_error(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "garbage.pkl"
    path.write_bytes(data)
    try:
        read_pickle(path)
    except ValueError as error:
        assert "garbage.pkl" in str(error)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_flipped_bytes_never_do_more_than_raise_value_error(tmp_path_factory, data):
    content = bytearray(pickle.dumps({"a": np.arange(3.0), "b": np.arange(4, dtype=np.uint32)}, 2))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "flipped.pkl"
    path.write_bytes(bytes(content))
    try:
        read = read_pickle(path)
        for key in read:
            _ = read[key]
    except ValueError as error:
        assert "flipped.pkl" in str(error)


def test_other_content_than_a_dict_is_refused(model_files):
    with pytest.raises(ValueError, match=r"holds no dict of arrays"):
        read_pickle(model_files.raw_pkl([1, 2]))


def _with_state(state: bytes) -> bytes:
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
    return b"}S'a'\n" + array + state + b"bs."


F8 = b"cnumpy\ndtype\n(S'f8'\nI0\nI1\ntR"
OBJECT = b"cnumpy\ndtype\n(S'O8'\nI0\nI1\ntR"


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (b"(I1\n(I1000000\nI1000000\nt" + F8 + b"I00\nS''\nt", "larger than any body model's"),
        (b"(I1\n(I2\nt" + F8 + b"I00\nS'1234'\nt", "4 bytes for the shape"),
        (b"(I1\n(I-1\nt" + F8 + b"I00\nS''\nt", "has the shape"),
        (b"(I1\n(I1\nt" + OBJECT + b"I00\n(lI1\nat", "elements of type 'O8', expected numbers"),
        (b"(I1\n(I1\ntNI00\nS''\nt", "no element type"),
        (b"N", "an array without content"),
    ],
)
def test_arrays_that_contradict_themselves_name_their_entry(model_files, state, message):
    read = read_pickle(model_files.raw_pkl(_with_state(state)))
    with pytest.raises(ValueError, match=rf"model\.pkl: a: .*{message}"):
        _ = read["a"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("indices", np.array([99], dtype=np.int32)),
        ("indices", np.array([-1], dtype=np.int32)),
        ("indptr", np.array([0, 2**31 - 1, 1], dtype=np.int64)),
        ("indptr", np.array([0, 1], dtype=np.int64)),
        ("_shape", (10**9, 10**9)),
        ("data", "text"),
    ],
)
def test_damaged_sparse_matrices_name_their_entry(model_files, chumpy_class, field, value):
    sparse = pytest.importorskip("scipy.sparse")
    matrix = sparse.csc_matrix(np.array([[0.0, 1.0]]))
    matrix.__dict__[field] = value
    read = read_pickle(model_files.raw_pkl(pickle.dumps({"J_regressor": matrix}, 2)))
    with pytest.raises(ValueError, match=r"model\.pkl: J_regressor"):
        _ = read["J_regressor"]


def test_a_memo_of_absurd_size_is_refused_before_it_is_made(model_files):
    with pytest.raises(ValueError, match="absurd memo"):
        read_pickle(model_files.raw_pkl(b"\x80\x02}r\xff\xff\xff\x7f."))


def test_huge_files_are_refused_unread(model_files, monkeypatch):
    monkeypatch.setattr(pickles, "MAX_FILE_BYTES", 100)
    with pytest.raises(ValueError, match="larger than any body model"):
        read_pickle(model_files.raw_pkl({"a": np.zeros(100)}))


def test_a_missing_file_is_reported_as_such(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_pickle(tmp_path / "none.pkl")
