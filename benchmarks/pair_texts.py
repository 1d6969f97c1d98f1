"""The pairs that both trainers read: token ids for ours, the same sentences as text for the other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.text.sentences import Renderer, Sentence
from engine.training.negatives import TrainTargets
from engine.training.pairs import PairTable
from engine.training.texts import Texts

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "industrial_scientific_2018"
TABLE = ("anchor", "positive", "dataset", "user", "item", "length")


@dataclass(frozen=True)
class PairTexts:
    """One epoch of pairs, the same whenever it is asked for: what `engine.training.batch_loader.BatchLoader` reads.

    words: the sentence behind each text of the table.
    """

    table: PairTable
    targets: TrainTargets
    words: list[str]

    def epoch(self, number: int) -> PairTable:
        return self.table

    def write(self, folder: Path) -> None:
        columns = {name: getattr(self.table, name) for name in TABLE}
        targets = {f"target_{name}": getattr(self.targets, name) for name in ("users", "items", "lengths")}
        folder.mkdir(parents=True)
        np.savez(folder / "pairs.npz", ids=self.table.texts.ids, starts=self.table.texts.starts, **columns, **targets)
        (folder / "words.json").write_text(json.dumps(self.words))

    @classmethod
    def read(cls, folder: Path) -> PairTexts:
        with np.load(folder / "pairs.npz") as kept:
            table = PairTable(Texts(kept["ids"], kept["starts"]), **{name: kept[name] for name in TABLE}, identical=0)
            targets = TrainTargets(*(kept[f"target_{name}"] for name in ("users", "items", "lengths")))
        return cls(table, targets, json.loads((folder / "words.json").read_text()))


class _Remembering(Renderer):
    """A renderer that keeps the sentence behind each sequence of ids."""

    texts_by_ids: dict[bytes, str]

    def texts(self, bodies: Sequence[str]) -> list[Sentence]:
        return self._kept(super().texts(bodies))

    def histories(self, bodies: Sequence[str], histories: Sequence[Sequence[int]]) -> list[Sentence]:
        return self._kept(super().histories(bodies, histories))

    def _kept(self, sentences: list[Sentence]) -> list[Sentence]:
        self.texts_by_ids |= {np.array(sentence.ids, np.int32).tobytes(): sentence.text for sentence in sentences}
        return sentences


def real_pairs(folder: Path, source: str, tokens: int, pairs: int) -> PairTexts:
    """So many random sequence-item pairs of industrial_scientific_2018, leave-one-out, sentences of `tokens` at most.

    folder: of a workspace, which keeps the dataset for the next call; source: the backbone.
    """
    from engine.encoding.encoder import load
    from engine.ingest import IngestOptions, ingest
    from engine.sources import table
    from engine.text.sentences import Template
    from engine.training.pairs import PhasePairs
    from engine.training.recipe import PhaseSettings
    from store.enums import Phase, SplitKind
    from store.workspace import Workspace

    workspace = Workspace(folder)
    raw = table.read(DATA / "interactions.csv.gz", DATA / "items.jsonl.gz", domain="industrial")
    dataset = ingest(workspace, raw, IngestOptions("industrial", split=SplitKind.LEAVE_ONE_OUT))
    encoder = load(source, device="cpu", precision="fp32")
    renderer = _Remembering(encoder.tokenizer, tokens or encoder.length, Template())
    renderer.texts_by_ids = {}
    with workspace.read() as db:
        found = PhasePairs(db, [dataset], Phase.SEQUENCE_ITEM, PhaseSettings(pairs=pairs), renderer, 0)
    made = found.epoch(0)
    words = [renderer.texts_by_ids[made.texts[number].tobytes()] for number in range(len(made.texts))]
    return PairTexts(made, found.targets, words)


def random_pairs(vocabulary: int, reserved: int, lengths: tuple[int, int], pairs: int) -> PairTexts:
    """Pairs of random words `w<id>` with the end token 1 behind them, all different; lengths: of anchor and positive.

    vocabulary: ids in all, the first `reserved` of which are no words.
    """
    draw = np.random.default_rng(0)
    own = [draw.integers(reserved, vocabulary, (pairs, length - 1)) for length in lengths]  # [P, L - 1] each
    ids = [np.append(row, 1) for side in own for row in side]
    starts = np.cumsum([0, *(len(row) for row in ids)])
    nothing = np.zeros(pairs, np.int64)
    table = PairTable(
        Texts(np.concatenate(ids).astype(np.int32), starts.astype(np.int64)),
        np.arange(pairs, dtype=np.int32), np.arange(pairs, 2 * pairs, dtype=np.int32), nothing.astype(np.int32),
        np.arange(pairs), np.arange(pairs), nothing.astype(np.int32), 0,
    )  # fmt: skip
    words = [" ".join(f"w{word}" for word in row) for side in own for row in side]
    return PairTexts(table, TrainTargets(np.arange(pairs), np.arange(pairs), nothing), words)
