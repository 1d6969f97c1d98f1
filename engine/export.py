"""Stored vectors of a dataset, with the keys they belong to."""

from __future__ import annotations

import numpy as np

from engine.models import open_encoder, open_model
from engine.progress import Progress, silent
from engine.scoring import TextScoring
from engine.text_format import TextFormat
from store import datasets
from store.enums import Split
from store.errors import BadInput
from store.workspace import Workspace


def vectors_of(
    workspace: Workspace,
    model_name: str,
    dataset_name: str,
    kind: str,
    text_format: TextFormat,
    device: str = "auto",
    precision: str = "auto",
    progress: Progress = silent,
) -> tuple[list[str], np.ndarray]:
    """Keys and unit vectors (float32 [N, D]) of a dataset's `items`, `users` or `events`.

    users: the newest history known of each; events: one row per test event in the order of events, under the key of
    its user. What is not in the store yet is encoded and stored.
    """
    with workspace.read() as db:
        dataset = datasets.dataset(db, dataset_name)
    model = open_model(workspace, model_name, device=device, precision=precision)
    if model.kind != "text":
        raise BadInput(f"{model.name} has no vectors of its own. Choose a text model; `st5 models` lists them.")
    encoder = open_encoder(workspace, model, device=device, precision=precision)
    with workspace.write() as db:
        scoring = TextScoring(db, dataset, encoder, text_format.of(model), progress)
        if kind == "items":
            return [item.key for item in scoring.items], scoring.catalogue
        keys = datasets.user_keys(db, dataset.id)
        if kind == "users":
            users = list(datasets.newest_sequences(db, dataset.id))
            owners, histories = [keys[user] for user, _ in users], [items for _, items in users]
        else:
            events = datasets.events(db, dataset.id, Split.TEST)
            owners = [keys[user] for user in events.user.tolist()]
            histories = [events.history(row) for row in range(len(events))]
        if not histories:
            raise BadInput(f"{dataset.name} has no test events. Choose --kind items or users.")
        return owners, scoring.queries(histories)
