"""Inert records for the names in a body model's pickle, and the arrays made from them.

A record stores what the pickle gives it. Neither chumpy nor scipy is needed, and numpy's own
reconstruction functions are never called.
"""

from __future__ import annotations

import math
import pickle
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_ELEMENTS = 1 << 28  # in one array
_DTYPE = re.compile(r"[<>=|]?[biufSU]\d{0,6}\Z")


class MalformedError(Exception):
    """A record lacks what its class must hold; `PickledArrays` names the file and the entry."""


class _Record:
    """Stores what a pickle gives it, and nothing else happens."""

    def __new__(cls, *args: Any, **kwargs: Any) -> _Record:
        record = super().__new__(cls)
        record.args = args
        record.state = None
        return record

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __hash__(self) -> int:
        return id(self)

    args: tuple[Any, ...]
    state: Any

    def plain(self) -> Any:
        raise MalformedError(f"a {type(self).__name__.lstrip('_')} is no array")

    def field(self, *names: str) -> Any:
        """The first of these names that the pickled attributes have."""
        if isinstance(self.state, dict):
            for name in names:
                if name in self.state:
                    return self.state[name]
        raise MalformedError(f"has no {names[0]!r}")


class _Opaque(_Record):
    """A name that others are made with, such as numpy.ndarray; it has no value of its own."""


class _Set(_Record):
    """set([…]). chumpy arrays carry one, and a list of vertices may be one."""

    def plain(self) -> list[Any]:
        if len(self.args) != 1 or not isinstance(self.args[0], list):
            raise MalformedError("is no set")
        return self.args[0]


class _DType(_Record):
    """numpy.dtype('f8', …), with the byte order in its state."""

    def plain(self) -> np.dtype[Any]:
        code = self.args[0] if self.args else ""
        order = self.state[1] if isinstance(self.state, tuple) and len(self.state) > 1 else "="
        code, order = _short_text(code), _short_text(order)
        text = (order if order in ("<", ">") else "") + code.lstrip("<>=|")
        if not _DTYPE.match(text):
            raise MalformedError(f"has elements of type {code!r}, expected numbers")
        try:
            return np.dtype(text)
        except TypeError:
            raise MalformedError(f"has elements of unknown type {code!r}") from None


class _NDArray(_Record):
    """numpy's _reconstruct(ndarray, (0,), 'b'), whose state is (version, shape, dtype, Fortran
    order, bytes).
    """

    def plain(self) -> NDArray[Any]:
        state = self.state
        if not isinstance(state, tuple) or len(state) not in (4, 5):
            raise MalformedError("is an array without content")
        shape, dtype, fortran, data = state[-4:]
        return _array_from_bytes(data, dtype, shape, "F" if fortran else "C")


class _FromBuffer(_Record):
    """numpy's _frombuffer(bytes, dtype, shape, order), which pickle protocol 5 uses."""

    def plain(self) -> NDArray[Any]:
        if len(self.args) != 4:
            raise MalformedError("is an array without content")
        data, dtype, shape, order = self.args
        return _array_from_bytes(data, dtype, shape, "F" if order == "F" else "C")


class _Scalar(_Record):
    """numpy's scalar(dtype, bytes)."""

    def plain(self) -> Any:
        if len(self.args) != 2:
            raise MalformedError("is a number without a value")
        return _array_from_bytes(self.args[1], self.args[0], (), "C")[()]


class _Bytes(_Record):
    """_codecs.encode(text, 'latin1'): how Python 3 writes bytes for Python 2."""

    def plain(self) -> bytes:
        if not self.args or not isinstance(self.args[0], str):
            raise MalformedError("is no text")
        return _as_bytes(self.args[0])


class _CompressedColumns(_Record):
    """scipy's csc_matrix."""

    def plain(self) -> NDArray[Any]:
        shape, data = _shape(self.field("_shape", "shape")), _plain_array(self.field("data"))
        indices, indptr = _plain_array(self.field("indices")), _plain_array(self.field("indptr"))
        return self._dense(shape, data, indices, indptr)

    def _dense(
        self, shape: tuple[int, ...], data: NDArray[Any], rows: NDArray[Any], starts: NDArray[Any]
    ) -> NDArray[Any]:
        lengths = starts[1:].astype(np.int64) - starts[:-1].astype(np.int64)
        if (
            len(shape) != 2
            or lengths.shape != (shape[1],)
            or (lengths < 0).any()
            or lengths.sum() != len(rows)
        ):
            raise MalformedError("is a damaged sparse matrix")
        columns = np.repeat(np.arange(shape[1]), lengths)
        return _dense(shape, rows, columns, data)


class _CompressedRows(_CompressedColumns):
    """scipy's csr_matrix: the same with rows and columns exchanged."""

    def _dense(
        self, shape: tuple[int, ...], data: NDArray[Any], rows: NDArray[Any], starts: NDArray[Any]
    ) -> NDArray[Any]:
        return super()._dense(shape[::-1], data, rows, starts).T


class _Coordinates(_Record):
    """scipy's coo_matrix."""

    def plain(self) -> NDArray[Any]:
        shape, data = _shape(self.field("_shape", "shape")), _plain_array(self.field("data"))
        if isinstance(self.state, dict) and "coords" in self.state:  # scipy ≥ 1.13
            coords = self.state["coords"]
            if not isinstance(coords, tuple) or len(coords) != 2:
                raise MalformedError("is a damaged sparse matrix")
            rows, columns = coords
        else:
            rows, columns = self.field("row"), self.field("col")
        return _dense(shape, _plain_array(rows), _plain_array(columns), data)


class _Chumpy(_Record):
    """chumpy.ch.Ch: a plain array, in its attribute x."""

    def plain(self) -> NDArray[Any]:
        return _plain_array(self.field("x"))


class _ChumpySelect(_Record):
    """chumpy.reordering.Select: elements of another chumpy array, as `shapedirs` of some files."""

    def plain(self) -> NDArray[Any]:
        source = self.field("a")
        if isinstance(
            source, _ChumpySelect
        ):  # none of the published files, and a chain could be endless
            raise MalformedError("is a selection of a selection")
        elements, indices = _plain_array(source).ravel(), _plain_array(self.field("idxs"))
        shape = _shape(self.field("preferred_shape"))
        if indices.dtype.kind not in "iu" or indices.size != math.prod(shape):
            raise MalformedError("is a damaged selection")
        if indices.size and (indices.min() < 0 or indices.max() >= elements.size):
            raise MalformedError("selects elements that are not there")
        return elements[indices].reshape(shape)


class _Reconstructor(_Record):
    """copy_reg._reconstructor(class, base, state), by which protocols 0 and 1 make an object."""

    # It makes objects of other classes, as its model does.
    def __new__(cls, *args: Any, **kwargs: Any) -> _Record:  # type: ignore[misc]
        if not args or not isinstance(args[0], type) or not issubclass(args[0], _Record):
            raise pickle.UnpicklingError("an object of no class")
        return _Record.__new__(args[0])


def _numpy_modules(*names: str) -> list[str]:
    return [f"{package}.{name}" for package in ("numpy.core", "numpy._core") for name in names]


def _sparse_modules(kind: str) -> list[str]:
    return ["scipy.sparse", f"scipy.sparse.{kind}", f"scipy.sparse._{kind}"]


RECORDS: dict[tuple[str, str], type[_Record]] = {
    ("numpy", "ndarray"): _Opaque,
    ("numpy", "dtype"): _DType,
    **{
        (module, "_reconstruct"): _NDArray
        for module in _numpy_modules("multiarray", "_multiarray_umath")
    },
    **{(module, "scalar"): _Scalar for module in _numpy_modules("multiarray", "_multiarray_umath")},
    **{(module, "_frombuffer"): _FromBuffer for module in _numpy_modules("numeric")},
    **{
        (module, f"{kind}_{form}"): record
        for kind, record in (
            ("csc", _CompressedColumns),
            ("csr", _CompressedRows),
            ("coo", _Coordinates),
        )
        for module in _sparse_modules(kind)
        for form in ("matrix", "array")
    },
    ("chumpy.ch", "Ch"): _Chumpy,
    ("chumpy.reordering", "Select"): _ChumpySelect,
    **{(module, "_reconstructor"): _Reconstructor for module in ("copy_reg", "copyreg")},
    **{(module, "object"): _Opaque for module in ("__builtin__", "builtins")},
    **{(module, "set"): _Set for module in ("__builtin__", "builtins")},
    ("_codecs", "encode"): _Bytes,
}
"""Everything a pickle may name, and the record that stands for it."""


def plain_value(value: Any) -> Any:
    if isinstance(value, list):
        return [plain_value(item) if isinstance(item, _Record) else item for item in value]
    if not isinstance(value, _Record):
        return value
    try:
        return value.plain()
    except MalformedError:
        raise
    except Exception as error:  # numpy, given what no array ever held, raises almost anything
        raise MalformedError(f"is malformed ({error})") from None


def _plain_array(value: Any) -> NDArray[Any]:
    if isinstance(value, (_Chumpy, _NDArray, _FromBuffer, _ChumpySelect)):
        return value.plain()
    raise MalformedError("is no array")


def _shape(value: Any) -> tuple[int, ...]:
    """A shape of sensible size. Numbers in it may be numpy's own."""
    if not isinstance(value, (tuple, list)) or len(value) > 8:
        raise MalformedError("has no shape")
    lengths = [plain_value(n) if isinstance(n, _Record) else n for n in value]
    if not all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in lengths):
        raise MalformedError("has a shape of other things than whole numbers")
    shape = tuple(int(n) for n in lengths)
    if any(not 0 <= n < 1 << 63 for n in shape):
        raise MalformedError(f"has the shape ({', '.join(map(_short_number, shape))})")
    if math.prod(shape) > MAX_ELEMENTS:
        raise MalformedError(f"has the shape {shape}, larger than any body model's")
    return shape


def _short_text(value: Any) -> str:
    """A short text; '' for anything else, which may be long to write out."""
    if isinstance(value, bytes):
        value = value[:80].decode("ascii", "replace")
    return value[:80] if isinstance(value, str) else ""


def _short_number(number: int) -> str:
    return str(number) if abs(number) < 1 << 64 else "a number of 20 digits or more"


def _as_bytes(data: Any) -> bytes:
    if isinstance(data, _Bytes):
        return data.plain()
    if isinstance(data, str):
        try:
            return data.encode("latin1")
        except UnicodeEncodeError:
            raise MalformedError("has text where its bytes should be") from None
    if isinstance(data, (bytes, bytearray)):
        return bytes(data)
    raise MalformedError("holds Python objects, expected numbers")


def _array_from_bytes(data: Any, dtype: Any, shape: Any, order: Any) -> NDArray[Any]:
    if not isinstance(dtype, _DType):
        raise MalformedError("has no element type")
    element, lengths, content = dtype.plain(), _shape(shape), _as_bytes(data)
    if element.itemsize * math.prod(lengths) != len(content):
        raise MalformedError(f"has {len(content)} bytes for the shape {lengths}")
    array = (
        np.frombuffer(content, dtype=element) if content else np.zeros(math.prod(lengths), element)
    )
    return array.reshape(lengths, order=order)


def _dense(
    shape: tuple[int, ...], rows: NDArray[Any], columns: NDArray[Any], data: NDArray[Any]
) -> NDArray[Any]:
    if len(shape) != 2 or not len(rows) == len(columns) == len(data):
        raise MalformedError("is a damaged sparse matrix")
    if (
        data.dtype.kind not in "biuf"
        or rows.dtype.kind not in "iu"
        or columns.dtype.kind not in "iu"
    ):
        raise MalformedError("is a damaged sparse matrix")
    for indices, length in ((rows, shape[0]), (columns, shape[1])):
        if indices.size and (indices.min() < 0 or indices.max() >= length):
            raise MalformedError("is a damaged sparse matrix: an index points outside")
    dense = np.zeros(shape, dtype=np.result_type(data.dtype, np.float32))
    np.add.at(dense, (rows, columns), data)  # scipy adds entries of the same place
    return dense
