"""Ids to vectors: a table with one learned row for each id, or a one in a row of zeros."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from vanilla_rnn import _checks
from vanilla_rnn._parameters import Module

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike

    from vanilla_rnn._checks import RNG, Array

LAYOUTS = {"vectors": ("num_embeddings", "embedding_dim")}


class Embedding(Module):
    """A table of vectors, looked up by id: ``x_t = vectors[id_t]``.

    It is the product of a one-hot vector and the table, without the product. There is no padding index: with
    ``lengths``, no gradient comes back to what stands behind a row's end.

    Parameters
    ----------
    num_embeddings, embedding_dim : int
        How many ids there are, and how many numbers stand for each.
    dtype : {numpy.float64, numpy.float32}
        What the vectors are.
    rng : int, numpy.random.Generator or None
        For the initial vectors, drawn from a normal distribution with mean 0 and variance 1.

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

    A repeated id gets the gradient of every place it stands at:

    >>> run = embedding.forward([1, 1, 2])
    >>> print(run.backward([[1.0, 0.0], [2.0, 0.0], [0.0, 4.0]]).d_parameters["vectors"])
    [[0. 0.]
     [3. 0.]
     [0. 4.]]
    """

    vectors: Array

    def __init__(
        self, num_embeddings: int, embedding_dim: int, *, dtype: DTypeLike = np.float64, rng: RNG = None
    ) -> None:
        num_embeddings = _checks.size(num_embeddings, "num_embeddings", "Embedding")
        embedding_dim = _checks.size(embedding_dim, "embedding_dim", "Embedding")
        dtype = _checks.float_dtype(dtype, "Embedding")
        rng = _checks.generator(rng, "Embedding")
        self.vectors = rng.standard_normal((num_embeddings, embedding_dim)).astype(dtype)

    @classmethod
    def from_vectors(cls, vectors: ArrayLike) -> Self:
        """Make an embedding with a copy of these vectors.

        Parameters
        ----------
        vectors : array_like, (num_embeddings, embedding_dim)
            A row for each id.

        Returns
        -------
        Embedding
            Of float32 if the array is, else of float64.

        Raises
        ------
        ValueError
            If there aren't two axes, no row or no column, or a number isn't finite.
        TypeError
            If it isn't an array of real numbers.
        """
        where = f"{cls.__name__}.from_vectors"
        vectors = _checks.floats(vectors, "vectors", where).copy()
        _checks.axes(vectors, {2: "(num_embeddings, embedding_dim)"}, "vectors", where)
        _checks.size(vectors.shape[0], "num_embeddings (rows of vectors)", where)
        _checks.size(vectors.shape[1], "embedding_dim (columns of vectors)", where)
        _checks.finite(vectors, "vectors", where)
        embedding = cls.__new__(cls)
        embedding.vectors = vectors
        return embedding

    def __call__(self, ids: ArrayLike) -> Array:
        """The vectors of these ids: see `forward`."""
        return self.forward(ids).vectors.copy()

    def forward(self, ids: ArrayLike) -> Embedded:
        """Look the ids up and remember them.

        Parameters
        ----------
        ids : array_like of int, any shape
            Whole numbers from 0 to num_embeddings - 1.

        Returns
        -------
        Embedded
            ``.vectors``, (..., embedding_dim), and the way back.

        Raises
        ------
        TypeError
            If the ids aren't whole numbers.
        IndexError
            If one lies outside the table; the message says which, and where.
        """
        where = "Embedding.forward"
        table = self.vectors
        _checks.weights(
            {"vectors": table}, LAYOUTS, where, numbers=False
        )  # it may be large; those looked up are checked
        ids = _checks.ids(ids, len(table), "ids", where, "num_embeddings")
        found = table[ids]
        _checks.finite(found, "what the ids stand for", where, "Training may have diverged: look at embedding.vectors.")
        return Embedded(ids.copy(), found, len(table))

    def _signature(self) -> str:
        return f"Embedding({self.vectors.shape[0]}, {self.vectors.shape[1]})"


class EmbeddingGradients(NamedTuple):
    """What `Embedded.backward` gives. Ids have no gradient, so it is of the table alone."""

    d_parameters: dict[str, Array]  #: dL/d_vectors by the keys of ``embedding.parameters()``


class Embedded:
    """What one look-up did.

    Attributes
    ----------
    ids : numpy.ndarray of int, any shape
        What was looked up.
    vectors : numpy.ndarray, (..., embedding_dim)
        What was found.
    """

    def __init__(self, ids: Array, vectors: Array, num_embeddings: int) -> None:
        self.ids, self.vectors, self._num_embeddings = ids, vectors, num_embeddings
        self.ids.flags.writeable = self.vectors.flags.writeable = False

    def backward(self, d_vectors: ArrayLike) -> EmbeddingGradients:
        """Carry a gradient back to the table: row i gets the sum over all places at which id i stands.

        Parameters
        ----------
        d_vectors : array_like of the shape of ``vectors``
            dL/d of what was looked up.

        Returns
        -------
        EmbeddingGradients
            ``(d_parameters,)``.

        Raises
        ------
        ValueError
            If the shape isn't that of ``vectors`` or a number isn't finite.
        """
        where, dim = "Embedded.backward", self.vectors.shape[-1]
        d_vectors = _checks.floats(d_vectors, "d_vectors", where, self.vectors.dtype)
        fix = "It is dL/d_vectors: the d_x of the RNN that read them."
        _checks.shape(d_vectors, self.vectors.shape, "the shape of vectors", "d_vectors", where, fix)
        _checks.finite(d_vectors, "d_vectors", where)
        d_table = np.zeros((self._num_embeddings, dim), d_vectors.dtype)
        if self.ids.size:
            # Sorted by id, the places of one id stand side by side and one reduceat adds them: 5x as fast as np.add.at.
            order = np.argsort(self.ids, axis=None, kind="stable")
            ids, starts = np.unique(self.ids.reshape(-1)[order], return_index=True)
            d_table[ids] = np.add.reduceat(d_vectors.reshape(-1, dim)[order], starts, axis=0)
        return EmbeddingGradients({"vectors": d_table})


def one_hot(ids: ArrayLike, num_classes: int) -> Array:
    """A vector for each id that is 1 at the id and 0 elsewhere.

    Parameters
    ----------
    ids : array_like of int, any shape
        Whole numbers from 0 to num_classes - 1.
    num_classes : int
        How many there are.

    Returns
    -------
    numpy.ndarray of float64, (..., num_classes)
        The vectors.

    Raises
    ------
    TypeError
        If the ids aren't whole numbers.
    IndexError
        If one lies outside 0..num_classes - 1.

    Examples
    --------
    >>> print(one_hot([2, 0], 3))
    [[0. 0. 1.]
     [1. 0. 0.]]
    """
    num_classes = _checks.size(num_classes, "num_classes", "one_hot")
    ids = _checks.ids(ids, num_classes, "ids", "one_hot", "num_classes")
    ones: Array = ids[..., None] == np.arange(num_classes)
    return ones.astype(np.float64)
