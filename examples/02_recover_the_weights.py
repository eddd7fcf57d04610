"""Recover a network's lost weights from twelve printed numbers.

A text printed the hidden states of "I love this movie" to four decimals, and its weights were lost. Suppose that the
author chose weights and embeddings with one decimal, between -1 and 1. Then there are few enough to try all of them.

python examples/02_recover_the_weights.py    (takes a second)
"""

from itertools import product

import numpy as np
from command_line import parser

from vanilla_rnn import RNN, RNNCell, worked_example

STATES = worked_example.PRINTED_STATES  # (4 words, 3 units): everything that is known
ROUNDING = 0.5e-4  # the largest error of a printed number


def main() -> None:
    parser(__doc__).parse_args()
    print("The printed states (a row for each word, a column for each unit):")
    print(STATES, "\n")

    rows = recover_rows()
    W_hh, drives = choose_by_rank(rows)
    W_xh, embeddings = factor(drives)

    print("\nThe recovered network prints:")
    output, _ = RNN.from_cells([RNNCell.from_weights(W_xh, W_hh)])(embeddings)
    print(output.round(4))
    if not np.array_equal(output.round(4), STATES):
        raise SystemExit("These numbers differ from the printed ones.")
    print("All twelve numbers equal the printed ones.")


def recover_rows() -> list[np.ndarray]:
    """For each unit, the rows of W_hh that can have produced its states.

    Undo tanh: a_t = arctanh(h_t) = W_xh x_t + b_h + W_hh h_{t-1}. Subtract a candidate's W_hh h_{t-1}; the remainder is
    the part from the input, the drive. With one-decimal weights and embeddings, a drive has two decimals. A wrong row
    leaves remainders that need more than two decimals.
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
    """The W_hh whose words need the fewest dimensions, and its drives (4 words, 3 units).

    drives = embeddings @ W_xh.T (+ b_h), so their rank is at most the size of the embeddings.
    """
    before = np.vstack([np.zeros(3), STATES[:-1]])
    possible = []
    for W_hh in map(np.array, product(*rows)):
        drives = (np.arctanh(STATES) - before @ W_hh.T).round(2)
        possible.append((np.linalg.matrix_rank(drives), W_hh, drives))
    print(f"2. Matrices with these rows: {len(possible)} candidates")
    for rank, W_hh, _ in possible:
        print(f"   row 1 = {W_hh[1]}: the drives have rank {rank}, the largest weight is {np.abs(W_hh).max()}")
    rank, W_hh, drives = min(possible, key=lambda one: one[0])
    print(f"   1 left, the one of rank {rank}: embeddings of size {rank} and no bias are enough. Its drives:")
    for word, drive in zip(worked_example.TOKENS, drives, strict=True):
        print(f"   {word:>7} {drive}")
    return W_hh, drives


def factor(drives: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """W_xh (3, 2) and embeddings (4, 2) with embeddings @ W_xh.T = drives, found in whole tenths, exactly."""
    drives = np.rint(drives * 100).astype(int)
    vectors = np.array(list(product(range(-10, 11), repeat=2)))  # (441, 2), in tenths
    first, second = (side.reshape(-1, 2) for side in np.broadcast_arrays(vectors[:, None], vectors[None]))
    print(f'3. Embeddings of "I" and "love", one decimal in -1..1: {len(first):,} pairs')

    # The embeddings of two words determine each row w of W_xh: w @ first = drive_0 and w @ second = drive_1 are two
    # equations for two unknowns (Cramer's rule). A pair stays if every row has one decimal and is within -1..1.
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

    solutions = []
    for W_xh in W_xhs:
        drive_of_vector = vectors @ W_xh.T  # (441, 3 units)
        words = [vectors[(drive_of_vector == drive).all(axis=1)] for drive in drives]
        solutions += [(W_xh / 10, np.array(embeddings) / 10) for embeddings in product(*words)]
    print(f'   {len(solutions)} left, for which "this" and "movie" have embeddings with one decimal too')
    one_of_each = [pair for pair in solutions if np.array_equal(pair[1], preferred_axes(pair[1]))]
    print(f"   {len(one_of_each)} left that differ by more than the order and the signs of the embedding's axes")
    not_negative = [(W_xh, embeddings) for W_xh, embeddings in one_of_each if (embeddings >= 0).all()]
    print(f"   {len(not_negative)} left with no negative number in the embeddings:")
    (W_xh, embeddings), *_ = not_negative
    print(f"   W_xh = {W_xh.tolist()}")
    for word, embedding in zip(worked_example.TOKENS, embeddings, strict=True):
        print(f"   {word:>7} {embedding}")
    return W_xh, embeddings


def preferred_axes(embeddings: np.ndarray) -> np.ndarray:
    """Of the eight orders and signs of two axes, the one whose columns have positive sums, the larger sum first."""
    sums = embeddings.sum(axis=0)
    directed = embeddings * np.where(sums < 0, -1, 1)
    return directed[:, np.argsort(-np.abs(sums), kind="stable")]


if __name__ == "__main__":
    main()
