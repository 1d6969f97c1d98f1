"""One rating predictor on one dataset: found in the store, or trained, tested and stored."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from time import monotonic

import numpy as np

from engine import __version__
from engine.encoding.device import Precision, choose_device, device_name
from engine.encoding.encoder import Encoder
from engine.models import open_encoder, open_model
from engine.progress import Observer
from engine.rating.dense import guess_by_dense
from engine.rating.errors import measure_errors
from engine.rating.factors import Shape, guess_by_factors
from engine.rating.means import guess_item_mean, guess_mean, guess_user_mean
from engine.rating.predictor import (
    BiasedFactorSettings,
    BiasSettings,
    DenseSettings,
    FactorSettings,
    Predictor,
    RidgeSettings,
    TextSettings,
)
from engine.rating.ratings import Guesses, RatingSplits, load_rating_splits
from engine.rating.request import RateRequest
from engine.rating.ridge import guess_by_ridge
from engine.rating.vectors import read_vectors
from engine.registry import ONLY
from engine.scoring import TextScoring
from engine.text.sentences import HistoryFormat, ItemText, Template
from store import datasets, ratings
from store.arrays import settings_hash
from store.rows import Dataset, Model, RatingRun
from store.workspace import Workspace

VERSION = "rating 1"  # changes when equal settings predict other ratings
MEANS = {
    Predictor.MEAN: guess_mean,
    Predictor.USER_MEAN: guess_user_mean,
    Predictor.ITEM_MEAN: guess_item_mean,
}


def rate(workspace: Workspace, request: RateRequest, dataset_name: str, observer: Observer) -> RatingRun:
    """The run of a checked request on one dataset: found in the store, or made and stored."""
    started = monotonic()
    model = None
    if request.predictor.reads_text:
        model = open_model(workspace, request.features or ONLY, device=request.device, precision=request.precision)
    with workspace.read() as db:
        dataset = datasets.dataset(db, dataset_name)
        found = _stored(db, request, dataset, model)
    if found is not None:
        return found
    encoder = None
    if model is not None:
        encoder = open_encoder(workspace, model, device=request.device, precision=request.precision)
    key = _key(request, dataset, model, encoder.precision if encoder else "")
    with workspace.lock(f"rating-{key}"), workspace.write() as db:
        found = ratings.find_rating_run(db, key)  # another process may have made it while this one waited
        if found is not None:
            return found
        splits = load_rating_splits(db, dataset, request.seed)
        if splits.held_out:
            observer.tell("valid", f"{dataset.name} has no valid ratings: {len(splits.valid)} of train are held out.")
        folder = workspace.folder / "ratings" / f"{request.predictor}-{key[:16]}"
        if encoder is None:
            guesses = _guess_from_ratings(request, splits, observer)
        else:
            guesses = _guess_from_text(db, request, dataset, encoder, splits, folder, observer)
        predicted = splits.scale.clip(guesses.test).astype(np.float32)
        observer.progress("measuring", 0, 0)
        made = ratings.put_rating_run(
            db,
            key=key,
            predictor=request.predictor,
            features=model.name if model else "",
            dataset=dataset,
            settings=request.settings.document(),
            summary=_summary(splits, guesses) | (encoder.prompts.document() if encoder else {}),
            seed=request.seed,
            seconds=monotonic() - started,
            device=encoder.device_name if encoder else device_name(choose_device("cpu")),
            code_version=__version__,
            event=splits.test.events.event,
            predicted=predicted,
            errors=measure_errors(db, dataset, splits, predicted),
        )
    shutil.rmtree(folder, ignore_errors=True)
    return made


def _guess_from_ratings(request: RateRequest, splits: RatingSplits, observer: Observer) -> Guesses:
    """What a predictor says that knows users and items by their ratings."""
    settings = request.settings
    if request.predictor in MEANS:
        return MEANS[request.predictor](splits)
    assert isinstance(settings, BiasSettings | FactorSettings)
    return guess_by_factors(
        splits,
        request.predictor,
        _shape(settings),
        iterations=settings.iterations,
        seed=request.seed,
        observer=observer,
    )


def _guess_from_text(
    db: sqlite3.Connection,
    request: RateRequest,
    dataset: Dataset,
    encoder: Encoder,
    splits: RatingSplits,
    folder: Path,
    observer: Observer,
) -> Guesses:
    """What a predictor says that knows users and items by a text model's vectors; `folder` is for its checkpoints."""
    settings = request.settings
    assert isinstance(settings, TextSettings)
    template = Template(HistoryFormat(settings.history), ItemText(settings.item_text))
    texts = TextScoring(db, dataset, encoder, template, observer.progress)
    vectors = read_vectors(texts, splits, settings.user_vector)
    observer.tell("users", f"{dataset.name}: a user is read from the {vectors.user_vector}.")
    if isinstance(settings, RidgeSettings):
        guesses = guess_by_ridge(splits, vectors, settings, observer)
    else:
        assert isinstance(settings, DenseSettings)
        device = choose_device(request.device)
        guesses = guess_by_dense(
            splits, vectors, settings, seed=request.seed, device=device, folder=folder, observer=observer
        )
    guesses.summary["user_vector"] = str(vectors.user_vector)
    return guesses


def _shape(settings: BiasSettings | FactorSettings) -> Shape:
    if isinstance(settings, BiasSettings):
        return Shape(0, 0.0, settings.bias_penalty)
    return Shape(
        settings.factors,
        settings.penalty,
        settings.bias_penalty if isinstance(settings, BiasedFactorSettings) else None,
    )


def _summary(splits: RatingSplits, guesses: Guesses) -> dict[str, object]:
    return {
        "train": len(splits.train),
        "valid": len(splits.valid),
        "held_out": splits.held_out,
        "unrated": splits.unrated,
        "scale": [splits.scale.low, splits.scale.high],
        "valid_rmse": splits.valid_rmse(guesses.valid),
        **guesses.summary,
    }


def _stored(db: sqlite3.Connection, request: RateRequest, dataset: Dataset, model: Model | None) -> RatingRun | None:
    """A stored run that answers the request; without a wish for a precision, either will do."""
    if model is None:
        precisions = [""]
    else:
        precisions = list(map(str, Precision)) if request.precision == "auto" else [request.precision]
    found = (ratings.find_rating_run(db, _key(request, dataset, model, precision)) for precision in precisions)
    return next((run for run in found if run is not None), None)


def _key(request: RateRequest, dataset: Dataset, model: Model | None, precision: str) -> str:
    """The hash of all that decides the numbers, and of the names they are found under."""
    reads = [model.name, model.weights_hash, model.tokenizer_hash, precision] if model else []
    made = [VERSION, request.predictor.value, request.settings.document(), request.seed]
    return settings_hash([*made, dataset.name, dataset.fingerprint, *reads])
