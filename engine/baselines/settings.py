"""The settings of the models that have some; those of the sequence models are their published values."""

from __future__ import annotations

from dataclasses import dataclass

from engine.model_settings import Named, Numbers, Settings, numbers, setting
from engine.training.recipe import Range
from store.errors import BadInput


@dataclass(frozen=True)
class SasRecSettings(Settings):
    """SASRec as in thesis B.1."""

    hidden: int = setting(64, Range(1, 8_192))
    layers: int = setting(2, Range(1, 64))
    heads: int = setting(2, Range(1, 64))
    inner: int = setting(256, Range(1, 65_536))  # width between the two linear layers of a block
    dropout: float = setting(0.5, Range(0, 1, below=True))  # of embeddings, attention and outputs of blocks
    window: int = setting(50, Range(1, 10_000))  # items that are read, the newest of a history
    batch: int = setting(2_048, Range(1))  # training targets of an optimizer step
    learning_rate: float = setting(1e-3, Range(0, 1, above=True))
    epochs: int = setting(300, Range(1))  # at most
    patience: int = setting(10, Range(1))  # epochs without a better NDCG@10 on valid events after which training ends
    validation_events: int = setting(5_000, Range(1))  # a fixed sample of them where there are more

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hidden % self.heads:
            raise BadInput(f"hidden = {self.hidden} cannot be divided among heads = {self.heads}. Choose a multiple.")


@dataclass(frozen=True)
class UniSRecSettings(SasRecSettings):
    """UniSRec: the same body, wider, over text features of the items (Hou et al. 2022, Table 2 and its code)."""

    hidden: int = setting(300, Range(1, 8_192))
    experts: int = setting(8, Range(1, 256))  # linear maps of the features, mixed by a gate
    feature_dropout: float = setting(0.2, Range(0, 1, below=True))  # of the features on their way into the experts
    temperature: float = setting(0.07, Range(0, 100, above=True))
    whitening: str = setting("none", ("none", "zca"), added=True)  # of the features: "zca" is that of `recency`


@dataclass(frozen=True)
class ItemKnnSettings(Settings):
    """How items are counted together, and what each of a history says."""

    order: str = setting("ordered", ("ordered", "symmetric"))  # whether backwards counts half, or the same
    window: int = setting(50, Range(1, 10_000))  # most items apart that two count together
    decay: float = setting(0.7, Range(0, 1))  # share of an item that is one item older
    item_power: float = setting(0.5, Range(0, 2))  # of the count of the history's item, in the divisor
    candidate_power: float = setting(0.25, Range(0, 2))  # of the candidate's count, in the divisor
    neighbours: int = setting(500, Range(1, 100_000))  # most candidates of an item; those of one weight go together


@dataclass(frozen=True)
class RecencySettings(Settings):
    """How text vectors are whitened, and what each item of a history says."""

    decay: float = setting(0.5, Range(0, 1))  # share of an item that is one item older; 0 reads the newest alone
    power: float = setting(1.0, Range(0, 2))  # 1 makes every direction equally wide; 0 leaves them as they are
    epsilon: float = setting(0.01, Range(0, 1_000))  # added to the variances, of which the mean is 1


@dataclass(frozen=True)
class LateSettings(SasRecSettings):
    """`recency`, and what is learned beside it."""

    hidden: int = setting(64, Range(1, 8_192))
    layers: int = setting(1, Range(1, 64))
    dropout: float = setting(0.2, Range(0, 1, below=True))
    feature_dropout: float = setting(0.1, Range(0, 1, below=True))  # of a history's item vectors
    temperature: float = setting(0.07, Range(0, 100, above=True))  # of the cosines at the start; it is learned
    patience: int = setting(5, Range(1))
    decay: float = setting(1.0, Range(0, 1_000))  # of the map towards the identity: AdamW's weight decay
    body_rate: float = setting(0.1, Range(0, 1))  # of the learning rate, for the Transformer
    candidates: int = setting(5_000, Range(1))  # items of a softmax, beside those of the batch; more are sampled
    popularity: str = setting("learned", ("learned", "none"))  # its weight, beside the cosine
    power: float = setting(1.0, Range(0, 2))  # of the whitening, as for `recency`
    epsilon: float = setting(0.01, Range(0, 1_000))
    taught_on: str = setting("", Named("dataset"), added=True)  # whose trained weights are taken instead of training


@dataclass(frozen=True)
class StarSettings(ItemKnnSettings):
    """item-knn with the text similarity of `recency` added."""

    text_decay: float = setting(0.5, Range(0, 1))  # as `decay`, for the text vectors
    power: float = setting(1.0, Range(0, 2))  # of the whitening, as for `recency`
    epsilon: float = setting(0.01, Range(0, 1_000))
    weight: float = setting(0.0, Range(0, 1_000))  # of co-occurrence beside a cosine; 0 finds it on valid events
    validation_events: int = setting(5_000, Range(1))  # a fixed sample of them where there are more


@dataclass(frozen=True)
class FusionSettings(Settings):
    """How much each part counts."""

    weights: str = setting("", Numbers(Range(0, 1_000)))  # of the parts in their order; nothing finds them on valid
    validation_events: int = setting(5_000, Range(1))  # a fixed sample of them where there are more

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weights and not any(numbers(self.weights)):
            raise BadInput(f"weights = {self.weights}: all are 0, so nothing counts. Give at least one above 0.")
