"""Recover a network's lost weights from twelve printed numbers.

A text printed the hidden states of "I love this movie" to four decimals and lost the weights. Suppose whoever wrote it
typed weights and embeddings with one decimal, between -1 and 1. Then there are few enough to try them all.

python examples/02_recover_the_weights.py
"""

from itertools import product

import numpy as np

from vanilla_rnn import RNN, RNNCell, worked_example

STATES = worked_example.PRINTED_STATES  # (4 words, 3 units): all that is known
ROUNDING = 0.5e-4  # how far a printed number may lie from the true one


def main() -> None:
    print("What is printed (a row a word, a column a unit):")
    print(STATES, "\n")

    rows = recover_rows()
    W_hh, drives = choose_by_rank(rows)
    W_xh, embeddings = factor(drives)

    print("\nThe recovered network prints:")
    output, _ = RNN.from_cells([RNNCell.from_weights(W_xh, W_hh)])(embeddings)
    print(output.round(4))
    if not np.array_equal(output.round(4), STATES):
        raise SystemExit("which differs from the table.")
    print("All twelve numbers equal the printed ones.")


def recover_rows() -> list[np.ndarray]:
    """For each unit the rows of W_hh that can have made its states.

    Undo tanh: a_t = arctanh(h_t) = W_xh x_t + b_h + W_hh h_{t-1}. Take a candidate's W_hh h_{t-1} away, and what is
    left is the input's share, the drive. With one-decimal weights and embeddings a drive has two decimals; a wrong
    candidate leaves some that haven't.
    """
    tenths = np.arange(-10, 11) / 10
    candidates = np.array(list(product(tenths, repeat=3)))  # (21^3, 3)
    a = np.arctanh(STATES)
    error_of_a = ROUNDING / (1 - STATES**2)  # arctanh'(h) = 1 / (1 - h^2)
    print(f"1. Rows of W_hh with one decimal in -1..1: {len(candidates):,} candidates for each unit")
    survivors = []
    for unit in range(3):
        drives = a[1:, unit] - candidates @ STATES[:-1].T  # (candidates, 3 words: before "I" there is no memory)
        error = error_of_a[1:, unit] + np.abs(candidates).sum(axis=1, keepdims=True) * ROUNDING
        fits = (np.abs(drives - drives.round(2)) <= error).all(axis=1)
        survivors.append(candidates[fits])
        print(f"   unit {unit}: {fits.sum()} left: {' or '.join(map(str, candidates[fits]))}")
    return survivors


def choose_by_rank(rows: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The W_hh, and its drives (4 words, 3 units), for which the words need the fewest dimensions.

    drives = embeddings @ W_xh.T (+ b_h), so their rank is at most the embedding's size.
    """
    before = np.vstack([np.zeros(3), STATES[:-1]])
    possible = []
    for W_hh in map(np.array, product(*rows)):
        drives = (np.arctanh(STATES) - before @ W_hh.T).round(2)
        possible.append((np.linalg.matrix_rank(drives), W_hh, drives))
    print(f"2. Matrices made of these rows: {len(possible)} candidates")
    for rank, W_hh, _ in possible:
        print(f"   row 1 = {W_hh[1]}: the drives have rank {rank}, the largest weight is {np.abs(W_hh).max()}")
    rank, W_hh, drives = min(possible, key=lambda one: one[0])
    print(f"   1 left, the one of rank {rank}: an embedding of size {rank} and no bias will do. Its drives:")
    for word, drive in zip(worked_example.TOKENS, drives, strict=True):
        print(f"   {word:>7} {drive}")
    return W_hh, drives


def factor(drives: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """W_xh (3, 2) and embeddings (4, 2) with embeddings @ W_xh.T = drives, in whole tenths, so that all is exact."""
    drives = np.rint(drives * 100).astype(int)
    vectors = np.array(list(product(range(-10, 11), repeat=2)))  # (441, 2), in tenths
    first, second = (side.reshape(-1, 2) for side in np.broadcast_arrays(vectors[:, None], vectors[None]))
    print(f'3. Embeddings of "I" and "love", one decimal in -1..1: {len(first):,} pairs')

    # Two words' embeddings settle each row of W_xh: two equations, w @ first = drive_0 and w @ second = drive_1, two
    # unknowns (Cramer's rule). No row has more than one decimal or leaves -1..1, or the pair is out.
    determinant = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    left = determinant != 0
    first, second, determinant = first[left], second[left], determinant[left, None]
    w_0 = drives[0] * second[:, 1:] - drives[1] * first[:, 1:]  # (pairs, 3 units), times the determinant
    w_1 = drives[1] * first[:, :1] - drives[0] * second[:, :1]
    whole = (w_0 % determinant == 0) & (w_1 % determinant == 0)
    in_range = (np.abs(w_0) <= 10 * np.abs(determinant)) & (np.abs(w_1) <= 10 * np.abs(determinant))
    left = (whole & in_range).all(axis=1)
    W_xhs = np.stack([w_0[left] // determinant[left], w_1[left] // determinant[left]], axis=-1)
    print(f"   {len(W_xhs)} left, for which W_xh has one decimal too")

    found = []
    for W_xh in W_xhs:
        made = vectors @ W_xh.T  # every embedding's drive
        words = [vectors[(made == drive).all(axis=1)] for drive in drives]
        found += [(W_xh / 10, np.array(embeddings) / 10) for embeddings in product(*words)]
    print(f'   {len(found)} left, for which "this" and "movie" have embeddings with one decimal too')
    one_of_each = [pair for pair in found if np.array_equal(pair[1], preferred_axes(pair[1]))]
    print(
        f"   {len(one_of_each)} left, counting as one those that swap the embedding's axes or flip the sign of either"
    )
    not_negative = [(W_xh, embeddings) for W_xh, embeddings in one_of_each if (embeddings >= 0).all()]
    print(f"   {len(not_negative)} left without a negative embedding entry:")
    (W_xh, embeddings), *_ = not_negative
    print(f"   W_xh = {W_xh.tolist()}")
    for word, embedding in zip(worked_example.TOKENS, embeddings, strict=True):
        print(f"   {word:>7} {embedding}")
    return W_xh, embeddings


def preferred_axes(embeddings: np.ndarray) -> np.ndarray:
    """Of the eight ways to name and direct two axes, the one whose columns add up to the most, the larger one first."""
    sums = embeddings.sum(axis=0)
    directed = embeddings * np.where(sums < 0, -1, 1)
    return directed[:, np.argsort(-np.abs(sums), kind="stable")]


if __name__ == "__main__":
    main()
