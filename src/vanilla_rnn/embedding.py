"""Ids to vectors: a table with one learned row for each id, or a one-hot vector."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from vanilla_rnn import _checks, _hints
from vanilla_rnn._calls import explained
from vanilla_rnn._module import Module, Run, as_rows, quietly

if TYPE_CHECKING:
    from vanilla_rnn._types import RNG, Array, ArrayLike, DTypeLike

LAYOUTS = {"vectors": "num_embeddings embedding_dim"}


def embed(ids: Array, vectors: Array) -> Array:
    """``x_t = vectors[id_t]``."""
    return vectors[ids]  # (..., embedding_dim)


def embed_backward(d_x: Array, ids: Array, num_embeddings: int) -> Array:
    """``d_vectors[i]`` = the sum of d_x over all places where the id is i."""
    d_vectors = np.zeros((num_embeddings, d_x.shape[-1]), d_x.dtype)  # (num_embeddings, embedding_dim)
    if ids.size:  # sort by id, so that one reduceat adds the rows of each id: five times as fast as np.add.at
        order = np.argsort(ids, axis=None, kind="stable")
        used, starts = np.unique(ids.reshape(-1)[order], return_index=True)
        d_vectors[used] = np.add.reduceat(as_rows(d_x)[order], starts, axis=0)
    return d_vectors


class Embedding(Module):
    """A table of vectors, one for each id: ``x_t = vectors[id_t]``.

    The result is the same as multiplying a one-hot vector by the table, but nothing is multiplied. There is no padding
    index: in a network that is given ``lengths``, no gradient reaches the padding.

    Parameters
    ----------
    num_embeddings, embedding_dim : int
        The number of ids, and of values in each vector.
    dtype : {numpy.float64, numpy.float32}
        The dtype of the vectors.
    rng : int, numpy.random.Generator or None
        A seed or a generator for the initial vectors, from a normal distribution with mean 0 and variance 1.

    Attributes
    ----------
    vectors : numpy.ndarray, (num_embeddings, embedding_dim)
        The table.

    Examples
    --------
    >>> embedding = Embedding.from_vectors([[1.0, 0.0], [0.5, 0.8], [0.3, 0.7]])
    >>> print(embedding([1, 1, 2]))
    [[0.5 0.8]
     [0.5 0.8]
     [0.3 0.7]]

    The gradients of a repeated id are added:

    >>> run = embedding.forward([1, 1, 2])
    >>> print(run.backward([[1.0, 0.0], [2.0, 0.0], [0.0, 4.0]]).d_parameters["vectors"])
    [[0. 0.]
     [3. 0.]
     [0. 4.]]
    """

    vectors: Array
    __slots__ = ("vectors",)

    @explained
    def __init__(
        self, num_embeddings: int, embedding_dim: int, *, dtype: DTypeLike = np.float64, rng: RNG = None
    ) -> None:
        num_embeddings, embedding_dim, dtype, generator = _checks.arguments(
            type(self).__name__, num_embeddings=num_embeddings, embedding_dim=embedding_dim, dtype=dtype, rng=rng
        )
        self.vectors = generator.standard_normal((num_embeddings, embedding_dim)).astype(dtype)

    @classmethod
    def from_vectors(cls, vectors: ArrayLike) -> Self:
        """Create an embedding with a copy of these vectors, (num_embeddings, embedding_dim).

        It is in float32 if the array is float32, else in float64.
        """
        embedding = cls.__new__(cls)
        embedding.vectors = _checks.weights_of({"vectors": vectors}, LAYOUTS, f"{cls.__name__}.from_vectors")["vectors"]
        return embedding

    def __call__(self, ids: ArrayLike) -> Array:
        """Return the vectors of these ids: see `forward`."""
        return self.forward(ids).vectors.copy()

    def forward(self, ids: ArrayLike) -> EmbeddingRun:
        """Look up the vector of each id, and keep what backward needs.

        Parameters
        ----------
        ids : array_like of int, any shape
            Whole numbers from 0 to num_embeddings - 1.

        Returns
        -------
        EmbeddingRun
            ``.ids``, ``.vectors`` (..., embedding_dim) and ``.backward(d_vectors)``.

        Raises
        ------
        IndexError
            If an id is outside the table.
        """
        return self._forward(self.check_ids(ids, "ids", f"{type(self).__name__}.forward"))

    def _forward(self, ids: Array) -> EmbeddingRun:
        """`forward`, for ids that have been checked."""
        vectors = embed(ids, self.vectors)
        if not _checks.is_finite(vectors):
            idx = ids[~np.isfinite(vectors).all(axis=-1)][0]
            _checks.finite(self.vectors[idx], f"vectors[{idx}]", f"{type(self).__name__}.forward", _hints.DIVERGED)
        return EmbeddingRun(ids.copy(), vectors, len(self.vectors))

    def check_weights(self, where: str) -> None:
        """Check the table but not its numbers: `forward` checks those that it looks up."""
        _checks.weights({"vectors": self.vectors}, LAYOUTS, where, numbers=False)

    def check_ids(self, ids: ArrayLike, name: str, where: str) -> Array:
        """Check ids and return them as int64. An id outside the table, or a table of the wrong kind, is an error."""
        self.check_weights(where)
        return _checks.ids(ids, len(self.vectors), name, where, "num_embeddings")

    def _signature(self) -> str:
        return f"{type(self).__name__}({self.vectors.shape[0]}, {self.vectors.shape[1]})"


class EmbeddingGradients(NamedTuple):
    """What `EmbeddingRun.backward` returns. Ids have no gradient, so this is the gradient of the table alone."""

    d_parameters: dict[str, Array]  #: the gradient of the table, under the keys of ``embedding.parameters()``


class EmbeddingRun(Run):
    """What one forward pass of an `Embedding` computed.

    Attributes
    ----------
    ids : numpy.ndarray of int, any shape
        The ids.
    vectors : numpy.ndarray, (..., embedding_dim)
        Their vectors.
    """

    __slots__ = ("_num_embeddings", "ids", "vectors")

    def __init__(self, ids: Array, vectors: Array, num_embeddings: int) -> None:
        self.ids, self.vectors, self._num_embeddings = ids, vectors, num_embeddings
        self._freeze()

    def backward(self, d_vectors: ArrayLike) -> EmbeddingGradients:
        """Propagate a gradient back to the table: row i gets the sum over all places where the id is i.

        Parameters
        ----------
        d_vectors : array_like of the shape of ``vectors``
            The gradient of the run's vectors: the d_x of the RNN that read them.

        Returns
        -------
        EmbeddingGradients
            ``(d_parameters,)``.
        """
        where = f"{type(self).__name__}.backward"
        return self._backward(_checks.gradient(d_vectors, self.vectors, "d_vectors", where))

    def _backward(self, d_vectors: Array) -> EmbeddingGradients:
        """`backward`, for a gradient that another part of a model computed, which may be infinite."""
        return EmbeddingGradients({"vectors": quietly(embed_backward, d_vectors, self.ids, self._num_embeddings)})


@explained
def one_hot(ids: ArrayLike, num_classes: int) -> Array:
    """Return one vector for each id, with 1 at the id and 0 elsewhere.

    Parameters
    ----------
    ids : array_like of int, any shape
        Whole numbers from 0 to num_classes - 1.
    num_classes : int
        The number of ids.

    Returns
    -------
    numpy.ndarray of float64, (..., num_classes)
        The vectors.

    Raises
    ------
    IndexError
        If an id is outside 0..num_classes - 1.

    Examples
    --------
    >>> print(one_hot([2, 0], 3))
    [[0. 0. 1.]
     [1. 0. 0.]]
    """
    num_classes = _checks.argument(num_classes, "num_classes", "one_hot")
    ids = _checks.ids(ids, num_classes, "ids", "one_hot", "num_classes")
    ones: Array = ids[..., None] == np.arange(num_classes)
    return ones.astype(np.float64)
