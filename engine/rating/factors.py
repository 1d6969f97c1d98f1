"""Biases and factors of users and items by alternating least squares: bias, pmf and biased-mf.

The prediction is μ + b_u + b_i + p_u·q_i, with μ the mean of the train ratings; bias has no factors, pmf
(Salakhutdinov & Mnih, 2007; its MAP estimate) no biases, biased-mf (Koren, Bell & Volinsky, 2009)
both. Half a step solves all users exactly while the items stand still, the other half the other way round: so the
objective never rises, there is no learning rate to tune, and the same seed gives the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from engine.progress import Observer
from engine.rating.ratings import Guesses, Ratings, RatingSplits
from store.errors import Cancelled

TRIED = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)  # penalties, if none is set; ratings have a variance near 1
PATIENCE = 3  # half steps are exact, so a validation error that has risen three times goes on rising
SETTLED = 1e-5  # of the objective: less in one iteration moves no digit that is shown
OWNERS_AT_ONCE = 16_384  # systems solved together: 38 MB with 16 factors and a bias
SPREAD = 0.1  # of the random factors that the items begin with


@dataclass(frozen=True)
class Shape:
    """What is learned of each user and item, and the penalty on its squares, which holds it back.

    factors: so many; bias: the penalty on biases, None if missing; penalty: that on factors. 0 is still to be
    chosen.
    """

    factors: int
    penalty: float
    bias: float | None

    @property
    def penalties(self) -> np.ndarray:
        """One for each number that is learned, the bias first, float64 [B + F]."""
        return np.array([*([] if self.bias is None else [self.bias]), *[self.penalty] * self.factors])


@dataclass(frozen=True)
class Factors:
    """What was learned: user float64 [U, B + F], item float64 [I, B + F]: a bias first where B is 1, then F factors.

    A user or item without a train rating has zeros, so its part of the prediction vanishes.
    """

    mean: float
    user: np.ndarray
    item: np.ndarray
    biases: bool

    def guess(self, ratings: Ratings) -> np.ndarray:
        """μ + b_u + b_i + p_u·q_i, float64 [N]."""
        user, item = self.user[ratings.user], self.item[ratings.item]
        own = int(self.biases)
        found = self.mean + np.einsum("nf,nf->n", user[:, own:], item[:, own:])  # [N, F] · [N, F] -> [N]
        return found + user[:, 0] + item[:, 0] if self.biases else found

    def objective(self, train: Ratings, shape: Shape) -> float:
        """The sum of squared errors, and of the squares of all that was learned times their penalties."""
        squares = np.sum(self.user**2, axis=0) + np.sum(self.item**2, axis=0)
        return float(np.sum((self.guess(train) - train.value) ** 2) + squares @ shape.penalties)


def guess_by_factors(
    splits: RatingSplits, name: str, shape: Shape, *, iterations: int, seed: int, observer: Observer
) -> Guesses:
    """Train; take the iteration, and the penalties that are not set, that guess the valid ratings best.

    The penalty on biases is chosen with no factors in the way, then that on factors.
    """
    if shape.bias == 0:
        alone = [Shape(0, 0.0, bias) for bias in TRIED]
        shape = replace(shape, bias=_best(splits, name, alone, iterations, seed, observer).shape.bias)
    wanted = [shape]
    if shape.factors and shape.penalty == 0:
        wanted = [replace(shape, penalty=penalty) for penalty in TRIED]
    best = _best(splits, name, wanted, iterations, seed, observer)
    summary = {"bias_penalty": best.shape.bias, "penalty": best.shape.penalty, "best_iteration": best.iteration}
    return Guesses(best.factors.guess(splits.valid), best.factors.guess(splits.test), summary)


def alternate(train: Ratings, users: int, items: int, shape: Shape, seed: int) -> Iterator[Factors]:
    """The factors after each half step, users first, without end; all penalties are above 0."""
    mean, biases = float(train.value.mean()), shape.bias is not None
    by_user = sparse.csr_matrix((train.value - mean, (train.user, train.item)), shape=(users, items))
    by_item = by_user.T.tocsr()
    item = np.zeros((items, len(shape.penalties)))
    item[:, int(biases) :] = np.random.default_rng(seed).normal(0, SPREAD, (items, shape.factors))
    while True:
        user = _solve(by_user, item, biases, shape.penalties)
        yield Factors(mean, user, item, biases)
        item = _solve(by_item, user, biases, shape.penalties)
        yield Factors(mean, user, item, biases)


@dataclass(frozen=True)
class _Found:
    """The iteration (from 1) with the lowest validation RMSE, and what was learned by then."""

    rmse: float
    shape: Shape
    iteration: int
    factors: Factors


def _best(
    splits: RatingSplits, name: str, shapes: Sequence[Shape], iterations: int, seed: int, observer: Observer
) -> _Found:
    found = [_best_iteration(splits, name, shape, iterations, seed, observer) for shape in shapes]
    return min(found, key=lambda one: one.rmse)


def _best_iteration(
    splits: RatingSplits, name: str, shape: Shape, iterations: int, seed: int, observer: Observer
) -> _Found:
    held = " and ".join(f"{penalty:g}" for penalty in dict.fromkeys(shape.penalties.tolist()))
    steps = alternate(splits.train, splits.users, splits.items, shape, seed)
    best: _Found | None = None
    before = np.inf
    for iteration in range(1, iterations + 1):
        next(steps)
        learned = next(steps)
        rmse, objective = splits.valid_rmse(learned.guess(splits.valid)), learned.objective(splits.train, shape)
        if best is None or rmse < best.rmse:
            best = _Found(rmse, shape, iteration, learned)
        observer.progress(f"{name}, penalty {held}", iteration, iterations)
        if observer.stop():
            raise Cancelled(f"Stopped at penalty {held}, iteration {iteration}. The same command begins {name} anew.")
        if iteration - best.iteration >= PATIENCE or before - objective < SETTLED * objective:
            break
        before = objective
    assert best is not None
    observer.tell("validation", f"{name}, penalty {held}: RMSE {best.rmse:.4f} after {best.iteration} iterations")
    return best


def _solve(known: sparse.csr_matrix, other: np.ndarray, biases: bool, penalties: np.ndarray) -> np.ndarray:
    """Each owner's bias and factors, float64 [owners, D], given those of the other side: ridge regressions, all exact.

    known [owners, others] are the ratings less μ. Where there are biases, the feature of an owner's own is 1.
    """
    features, target = other, known
    if biases:
        features = np.column_stack((np.ones(len(other)), other[:, 1:]))
        target = sparse.csr_matrix((known.data - other[known.indices, 0], known.indices, known.indptr), known.shape)
    present = sparse.csr_matrix((np.ones(known.nnz), known.indices, known.indptr), known.shape)
    width = features.shape[1]
    found = np.empty((known.shape[0], width))
    for first in range(0, known.shape[0], OWNERS_AT_ONCE):
        rows = slice(first, first + OWNERS_AT_ONCE)
        here = present[rows]
        gram = np.stack([here @ (features * features[:, [d]]) for d in range(width)], axis=1)  # Σ f fᵀ, [owners, D, D]
        gram[:, range(width), range(width)] += penalties
        found[rows] = np.linalg.solve(gram, (target[rows] @ features)[:, :, None])[:, :, 0]
    return found
