"""What the sequence models have in common: items as vectors, the body over them, and what is compared in the end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.baselines.sequences import Batch, padded
from engine.baselines.settings import SasRecSettings
from engine.baselines.softmax import cross_entropy
from engine.baselines.transformer import TransformerEncoder
from store.arrays import content_hash

POSITIONS = 8_192  # of histories through the body at once, where nothing is learned


@contextmanager
def plain_products() -> Iterator[None]:
    """Linear layers by plain BLAS while inside.

    oneDNN is no faster here, and keeps about a megabyte for every new shape of a batch, up to 2 GB.
    """
    before = torch.backends.mkldnn.enabled
    torch.backends.mkldnn.set_flags(False)
    try:
        yield
    finally:
        torch.backends.mkldnn.set_flags(before)


class SequenceNetwork(nn.Module, ABC):
    """A body over item vectors; a kind of network says where those come from and how they are compared."""

    def __init__(self, settings: SasRecSettings) -> None:
        super().__init__()
        self.window = settings.window
        self.body = TransformerEncoder(settings)

    @abstractmethod
    def items(self) -> Tensor:
        """The vectors of all items as the body reads them, [I, D]."""

    def settle(self, known: np.ndarray) -> float:
        """Set what the `known` items (int [N], of the train part) decide before training begins; how much their
        covariance was shrunk (0 to 1) where there are too few of them to whiten features by."""
        return 0.0  # most kinds have nothing to settle

    def choose(self, reached: Callable[[], float]) -> str:
        """Set what is chosen on valid events after training, and say what it is now, in words; "" if nothing is.

        reached: the metric on valid events of the network as it stands when it is called.
        """
        return ""  # most kinds have nothing to choose

    def optimizer(self, learning_rate: float, fused: bool) -> torch.optim.Optimizer:
        """What learns the weights."""
        return torch.optim.Adam(self.parameters(), lr=learning_rate, fused=fused)

    def read(self, vectors: Tensor) -> Tensor:
        """What should come after each position of histories of item vectors, [B, L, D] -> [B, L, D]; causal."""
        found: Tensor = self.body(vectors)
        return found

    def compared(self, hidden: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        """What is multiplied to give scores: of positions [N, D] and of items [I, D]."""
        return hidden, items

    def loss(self, batch: Batch) -> Tensor:
        """The mean cross-entropy of a batch's targets among all items."""
        items = self.items()
        ids, positions, targets = (
            torch.from_numpy(part).to(items.device) for part in (batch.ids, batch.positions, batch.targets)
        )
        hidden = self.read(F.embedding(ids, items))  # [B, L] -> [B, L, D]
        return cross_entropy(*self.compared(hidden.flatten(0, 1)[positions], items), targets)

    @torch.no_grad()
    @plain_products()
    def vectors(self, histories: Sequence[np.ndarray], candidates: int) -> tuple[np.ndarray, np.ndarray]:
        """What stands for the histories, float32 [E, D], and for the first `candidates` items, float32 [I, D]; their
        products are the scores. The newest `window` items of a history are read; none may be empty."""
        training = self.training
        self.eval()
        items = self.items()
        lengths = np.array([min(len(history), self.window) for history in histories], np.int64)
        found = items.new_empty(len(histories), items.shape[1])
        order = np.argsort(lengths, kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(np.cumsum(lengths[order]) // POSITIONS)) + 1):
            if len(rows):
                ids, last = (torch.from_numpy(a) for a in padded([histories[row] for row in rows], self.window))
                hidden = self.read(F.embedding(ids.to(items.device), items))
                found[torch.from_numpy(rows)] = hidden[torch.arange(len(rows)), last - 1]
        queries, keys = self.compared(found, items[:candidates])
        self.train(training)
        return queries.float().cpu().numpy(), keys.float().cpu().numpy()

    def weights_hash(self) -> str:
        """The content hash of everything that was learned."""
        parts: list[bytes | str] = []
        for name, tensor in sorted(self.state_dict().items()):
            parts += [name, str(tuple(tensor.shape)), tensor.detach().cpu().contiguous().numpy().tobytes()]
        return content_hash(*parts)
