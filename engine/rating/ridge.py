"""Ridge regression on a user's and an item's vector: the least that can be learned on top of a text model."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import Ridge

from engine.progress import Observer
from engine.rating.predictor import RidgeSettings
from engine.rating.ratings import Guesses, RatingSplits
from engine.rating.vectors import Vectors
from store.errors import Cancelled

PENALTIES = (0.1, 1.0, 10.0, 100.0, 1000.0)  # tried in turn if none is set; text models' vectors have length 1


def guess_by_ridge(splits: RatingSplits, vectors: Vectors, settings: RidgeSettings, observer: Observer) -> Guesses:
    """Least squares with a penalty on the 2D weights: the one that is set, or that guesses the valid ratings best.

    A part of the user and a part of the item are added up, both read from text: a bias model for unknown users and
    items. All train pairs are in memory at once, 8 · D bytes each.
    """
    train, valid = vectors.train.rows(), vectors.valid.rows()
    tried: list[tuple[float, float, Ridge]] = []
    for penalty in (settings.penalty,) if settings.penalty else PENALTIES:
        if observer.stop():
            raise Cancelled(f"Stopped before penalty {penalty:g}. The same command begins ridge anew.")
        observer.progress(f"ridge, penalty {penalty:g}", 0, 0)
        model = Ridge(alpha=penalty, solver="cholesky").fit(train, splits.train.value)
        rmse = splits.valid_rmse(model.predict(valid))
        observer.tell("validation", f"ridge, penalty {penalty:g}: RMSE {rmse:.4f}")
        tried.append((rmse, penalty, model))
    _, penalty, model = min(tried, key=lambda found: found[0])
    of_valid, of_test = (model.predict(pairs).astype(np.float64) for pairs in (valid, vectors.test.rows()))
    return Guesses(of_valid, of_test, {"penalty": penalty})
