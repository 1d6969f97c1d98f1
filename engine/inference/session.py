"""One model over one dataset, held ready to answer; a request for another model replaces it."""

from __future__ import annotations

import gc
from contextlib import ExitStack
from time import perf_counter

from engine.inference.memory import resident_bytes
from engine.inference.messages import Entry, Ranking, RankRequest, Reasons, Request, WhyRequest
from engine.progress import Progress
from engine.ranking.ranked import NO_ITEM, Ranked
from engine.recommendation import Recommender
from engine.scoring import scoring
from engine.text.sentences import HistoryFormat, ItemText
from engine.text_format import TextFormat
from store import datasets
from store.errors import BadInput
from store.evaluations import evaluation_key, find_evaluation
from store.models import model as stored_model
from store.rows import Dataset, Evaluation, Model
from store.workspace import Workspace

DEVICE = "cpu"  # one history is as quick there as anywhere, and an accelerator belongs to the jobs


class ModelSession:
    """Answers requests about evaluations of a workspace, which is only read."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._key = ""
        self._recommender: Recommender | None = None
        self._text_format = ExitStack()  # the connection of what is held

    def answer(self, request: Request, progress: Progress) -> Ranking | Reasons:
        """What was asked for; `Problem` where it cannot be had. progress: told while a model is made ready."""
        recommender = self._ready(request.evaluation, progress)
        started = perf_counter()
        if isinstance(request, RankRequest):
            return _ranking(recommender, request, started)
        return _reasons(recommender, request, started)

    def _ready(self, key: str, progress: Progress) -> Recommender:
        with self._workspace.read() as db:  # what is held may have been replaced meanwhile
            evaluation = find_evaluation(db, key)
            if evaluation is None:
                raise BadInput("This evaluation is not stored any more. Choose another, or evaluate again.")
            model = stored_model(db, evaluation.model)
            dataset = datasets.dataset(db, evaluation.dataset)
        if evaluation_key(model, dataset, evaluation.split, evaluation.protocol) != key:
            raise BadInput(
                f"{model.name} or {dataset.name} has changed since this evaluation. "
                f"Run `st5 evaluate {model.name} --datasets {dataset.name}` and look again."
            )
        if self._key != key or self._recommender is None:
            self._release()
            self._recommender = self._prepare(evaluation, model, dataset, progress)
            self._key = key
        return self._recommender

    def _prepare(self, evaluation: Evaluation, model: Model, dataset: Dataset, progress: Progress) -> Recommender:
        text_format, precision = _text_format(evaluation)
        progress("opening the model", 0, 0)
        db = self._text_format.enter_context(self._workspace.read())
        recommender = Recommender(
            scoring(
                self._workspace,
                db,
                model,
                dataset,
                text_format,
                progress,
                device=DEVICE,
                precision=precision,
                keep=False,
            )
        )
        progress("a first question", 0, 0)
        recommender.answer([0], top=1)  # libraries load and compile more when they are first used
        return recommender

    def _release(self) -> None:
        """Let go of what is held before the next is read: two catalogues at once may be more than there is room for."""
        self._recommender, self._key = None, ""
        self._text_format.close()
        gc.collect()


def _text_format(evaluation: Evaluation) -> tuple[TextFormat, str]:
    """How an evaluation's sentences were made, and its precision."""
    said = evaluation.protocol
    history, item_text = said.get("history"), said.get("item_text")
    return TextFormat(
        HistoryFormat(history) if history in set(HistoryFormat) else None,
        ItemText(item_text) if item_text in set(ItemText) else None,
    ), said.get("precision", "auto")


def _ranking(recommender: Recommender, request: RankRequest, started: float) -> Ranking:
    answer = recommender.answer(request.entries, target=request.target, top=request.top)
    found = answer.ranked
    score = float(found.score[0])
    candidates = len(recommender.items)
    items, scores = _best(found, masked=False)
    items_masked, scores_masked = _best(found, masked=True)
    entries: tuple[Entry, ...] = tuple(item.item if item else text for text, item in answer.query.entries)
    return Ranking(
        id=request.id,
        entries=entries,
        visible=answer.visible,
        candidates=candidates,
        better=int(found.better[0]),
        tied=int(found.tied[0]),
        better_masked=int(found.better_masked[0]),
        tied_masked=int(found.tied_masked[0]),
        score=score if request.target != NO_ITEM else None,
        items=items,
        scores=scores,
        items_masked=items_masked,
        scores_masked=scores_masked,
        ms=1000 * (perf_counter() - started),
        memory=resident_bytes(),
    )


def _best(ranked: Ranked, *, masked: bool) -> tuple[tuple[int, ...], tuple[float, ...]]:
    items = (ranked.top_items_masked if masked else ranked.top_items)[0]
    scores = (ranked.top_scores_masked if masked else ranked.top_scores)[0]
    there = items != NO_ITEM
    return tuple(items[there].tolist()), tuple(scores[there].tolist())


def _reasons(recommender: Recommender, request: WhyRequest, started: float) -> Reasons:
    whole, without, (shares, *listed) = recommender.without_each(
        request.entries, request.item, request.newest, request.listed
    )
    return Reasons(
        id=request.id,
        score=whole,
        without=tuple(without),
        ms=1000 * (perf_counter() - started),
        memory=resident_bytes(),
        parts=tuple(shares),
        shares=tuple(shares.values()),
        listed=tuple(tuple(row.values()) for row in listed) if shares else (),
    )
