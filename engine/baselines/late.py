"""late: `recency` whose parts are learned: a map of the item vectors, the weights by age, a Transformer beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.baselines.network import SequenceNetwork
from engine.baselines.sequence_model import SequenceScoring, fit_network
from engine.baselines.sequences import Batch
from engine.baselines.settings import LateSettings, SasRecSettings
from engine.baselines.softmax import cross_entropy
from engine.baselines.stored import trained_key
from engine.baselines.trained import Fitted, Fitting
from engine.baselines.unisrec import thinned
from engine.baselines.whitening import WhitenedFeatures
from engine.model_settings import from_document
from engine.scoring import Opening, Scoring
from store import datasets
from store import models as stored_models
from store.errors import BadInput
from store.rows import TrainedBaseline
from store.trained_baselines import find_trained_baseline

ITEMS_AT_ONCE = 32_768  # mapped together where nothing is learned
FIRST_DECAY = 0.5  # share of an item that is one item older, before training: that of `recency`
SHARES = (1.0, 0.75, 0.5, 0.25, 0.0, 1.25, 1.5, 2.0)  # of the learned weight of popularity, tried on valid events
PACE = 10.0  # of the weight of popularity: AdamW moves all weights alike, and this one has further to go


class Late(SequenceNetwork):
    """Scores are cosines of a history's vector and the items' mapped text vectors, and a little for popular items.

    The map is the identity and a learned matrix. A history's vector is the sum of its items' by age, and what a
    Transformer of another width says. Popularity is the logarithm of an item's count in the train part; what is not
    there counts as what is there once. The matrix, the Transformer's last layer and the weight of popularity start
    at zero, the weights by age as 0.5^age: an untrained network is `recency`. Items that the train part lacks are no
    wrong answers in training.
    """

    known: Tensor
    popularity: Tensor

    def __init__(self, settings: LateSettings, items: int, features: np.ndarray) -> None:
        """features float32 [≥ I, F]: those of the catalogue's items first, then of texts that histories may hold."""
        super().__init__(settings)
        self.decay, self.body_rate = settings.decay, settings.body_rate
        self.candidates, self.share_dropped = settings.candidates, settings.feature_dropout
        width = features.shape[1]
        self.features = WhitenedFeatures(features, settings.power, settings.epsilon)
        self.turn = nn.Parameter(torch.zeros(width, width))
        self.by_age = nn.Parameter(np.log(FIRST_DECAY) * torch.arange(settings.window, dtype=torch.float32))
        self.inward = nn.Linear(width, settings.hidden)
        self.outward = nn.Linear(settings.hidden, width, bias=False)
        self.temperature = nn.Parameter(torch.tensor(settings.temperature).log())
        self.popular = nn.Parameter(torch.zeros(()), requires_grad=settings.popularity == "learned")
        self.register_buffer("popularity", torch.zeros(items))
        self.register_buffer("known", torch.arange(items), persistent=False)
        nn.init.zeros_(self.outward.weight)

    def settle(self, known: np.ndarray) -> float:
        """Whiten by the `known` items and count them; they are those that training chooses among."""
        counts = np.bincount(known, minlength=len(self.popularity))
        self.popularity.copy_(torch.from_numpy(np.log(np.maximum(counts, 1))))
        self.known = torch.from_numpy(np.flatnonzero(counts)).to(self.known.device)
        return self.features.fit(known)

    def choose(self, reached: Callable[[], float]) -> str:
        """How much of the weight of popularity is kept. In training every target is an item of the train part; of
        later events some choose items that are new, which an item's count says nothing about."""
        learned, tried = self.popular.detach().clone(), {}
        if not learned:
            return ""
        for share in SHARES:
            self.popular.data.copy_(learned * share)
            tried[share] = reached()
        best = max(SHARES, key=lambda share: tried[share])  # the learned weight itself where no other is better
        self.popular.data.copy_(learned * best)
        return f"popularity counts {best:g} times what it was learned to"

    def optimizer(self, learning_rate: float, fused: bool) -> torch.optim.Optimizer:
        """AdamW, whose weight decay draws the map towards the identity and nothing else anywhere. The Transformer
        learns more slowly: at one rate with the map it learns sparse sequences by heart before the map has any use."""
        transformer = [weights for part in (self.body, self.inward, self.outward) for weights in part.parameters()]
        groups: list[dict[str, Any]] = [
            {"params": [self.turn], "weight_decay": self.decay},
            {"params": [self.by_age, self.temperature, self.popular]},
            {"params": transformer, "lr": learning_rate * self.body_rate},
        ]
        return torch.optim.AdamW(groups, lr=learning_rate, weight_decay=0.0, fused=fused)

    def items(self) -> Tensor:
        return torch.cat([self._mapped(part) for part in self.features.vectors.split(ITEMS_AT_ONCE)])

    def read(self, vectors: Tensor) -> Tensor:
        if self.training:
            vectors = thinned(vectors.contiguous(), self.share_dropped)
        place = torch.arange(vectors.shape[1], device=vectors.device)
        age = place[:, None] - place  # of item j for position l, [L, L]
        weights = torch.where(age >= 0, self.by_age[age.clamp_min(0)].exp(), 0.0)
        return weights @ vectors + self.outward(self.body(self.inward(vectors)))  # [L, L] · [B, L, D] -> [B, L, D]

    def compared(self, hidden: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        return F.normalize(hidden, dim=1), items

    def vectors(self, histories: Sequence[np.ndarray], candidates: int) -> tuple[np.ndarray, np.ndarray]:
        """As of every network, with one more dimension: its product is what popularity adds to a cosine."""
        queries, keys = super().vectors(histories, candidates)
        weight = float((self._weight * self.temperature.exp()).detach())
        popularity = self.popularity[:candidates, None].cpu().numpy()
        return np.pad(queries, ((0, 0), (0, 1)), constant_values=weight), np.concatenate((keys, popularity), axis=1)

    def loss(self, batch: Batch) -> Tensor:
        """The mean cross-entropy of a batch's targets among the items that training chooses among, without those of
        the history so far. Where those are more than `candidates`, a sample of so many stands for them."""
        device = self.turn.device
        ids, positions, targets = (
            torch.from_numpy(part).to(device) for part in (batch.ids, batch.positions, batch.targets)
        )
        chosen, stands_for = self._chosen(torch.cat((ids.flatten()[positions], targets)))
        ids, targets = torch.searchsorted(chosen, ids), torch.searchsorted(chosen, targets)  # among those chosen
        items = self._mapped(self.features.vectors[chosen])
        hidden = self.read(F.embedding(ids, items)).flatten(0, 1)[positions]  # [B, L] -> [B, L, D] -> [N, D]
        queries = F.normalize(hidden, dim=1) / self.temperature.exp()
        added = self._weight * self.popularity[chosen] + stands_for  # to the scores, [n]
        queries, keys = F.pad(queries, (0, 1), value=1.0), torch.cat((items, added[:, None]), dim=1)
        return cross_entropy(queries, keys, targets, _so_far(ids, positions))

    @property
    def _weight(self) -> Tensor:
        """What popularity adds to a cosine over the temperature."""
        return self.popular * PACE

    def _mapped(self, vectors: Tensor) -> Tensor:
        """[n, D] -> [n, D], of unit length."""
        return F.normalize(vectors + vectors @ self.turn, dim=1)

    def _chosen(self, own: Tensor) -> tuple[Tensor, Tensor]:
        """The items of a step's softmax, ascending [n], and the logarithm of how many each stands for [n]: a sampled
        one for its share of all that are not `own`, the items of the batch, which are always among them."""
        if len(self.known) <= self.candidates:
            return self.known, self.turn.new_zeros(len(self.known))
        own = own.unique()
        drawn = self.known[torch.randint(len(self.known), (self.candidates,)).to(self.known.device)]
        chosen = torch.cat((own, drawn)).unique()
        sampled = ~torch.isin(chosen, own)
        share = (len(self.known) - len(own)) / sampled.sum().clamp_min(1)
        return chosen, torch.where(sampled, share.log(), 0.0)


def fit(given: Fitting) -> Fitted:
    """Of `late`: trained on the dataset, or with what another dataset taught."""
    taught_on = from_document(LateSettings, given.model.recipe["settings"]).taught_on
    return fit_network(given, _make, masked=True, taught=_taught(given, taught_on) if taught_on else None)


def _taught(given: Fitting, name: str) -> TrainedBaseline:
    """What the model of the same settings and seed learned on another dataset."""
    settings = {key: value for key, value in given.model.recipe["settings"].items() if key != "taught-on"}
    with given.workspace.read() as db:
        dataset = datasets.dataset(db, name)
        if name == given.dataset.name:
            raise BadInput(f"taught-on = {name}: that is the dataset itself. Leave it out, and {name} is trained on.")
        for model in stored_models.models(db):
            same = (model.variant, model.features, model.seed) == ("late", given.model.features, given.model.seed)
            if same and model.recipe["settings"] == settings:
                found = find_trained_baseline(db, trained_key(model, dataset))
                if found is not None:
                    return found
    raise BadInput(
        f"taught-on = {name}: no model of these settings has been trained on {name}. Run `st5 baseline late "
        f"--datasets {name}` first, with the same --features, --seed and other settings."
    )


def scoring(given: Opening) -> Scoring:
    """Of `late`."""
    return SequenceScoring(given, _make)


def _make(settings: SasRecSettings, items: int, features: np.ndarray | None) -> SequenceNetwork:
    assert isinstance(settings, LateSettings)
    assert features is not None
    return Late(settings, items, features)


def _so_far(ids: Tensor, positions: Tensor) -> Tensor:
    """The items of the history up to each of the real `positions` of ids [B, L], the first one in place of later ones:
    int64 [N, L]."""
    length = ids.shape[1]
    rows, last = positions // length, positions % length
    return torch.where(torch.arange(length, device=ids.device) <= last[:, None], ids[rows], ids[rows, :1])
