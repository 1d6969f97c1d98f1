"""Vectors with gradient, whole and cached: the same numbers however a batch is cut, kept or shared out."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.testing import assert_close

from engine.training.forward import MICRO_TOKENS, cached, embed, micro_batches
from engine.training.loss import SymmetricRanking

CPU = torch.device("cpu")
PAIRS = 8
MICRO = 64  # tokens: the sixteen sentences below take four or five micro-batches
LOSS = SymmetricRanking(20.0)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny matrices gain nothing from threads, and lose much where other programs hold the cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def load(folder: Path, *, dropout: bool) -> Any:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu")
    return model.train() if dropout else model.eval()


def sentences(vocabulary: int = 60) -> list[np.ndarray]:
    """2 × PAIRS token sequences of 2 to 40 tokens: anchors first, then their positives."""
    draw = np.random.default_rng(7)
    return [draw.integers(7, vocabulary, size).astype(np.int32) for size in draw.integers(2, 41, 2 * PAIRS)]


def objective(vectors: Tensor) -> Tensor:
    return LOSS(vectors[:PAIRS], vectors[PAIRS:], gather=False)


def gradients(model: torch.nn.Module) -> dict[str, Tensor]:
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


@pytest.fixture(params=["tiny_t5", "tiny_roberta"])
def folder(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param)


def test_micro_batches_hold_their_tokens_longest_first() -> None:
    lengths = np.array([3, 10, 4, 3, 30])
    batches = micro_batches(lengths, 12)
    assert [batch.tolist() for batch in batches] == [[4], [1], [2, 0, 3]]  # 30 alone, 10, and 3 sentences × 4
    assert set(MICRO_TOKENS) == {"cpu", "cuda", "mps"}


@pytest.mark.parametrize("micro_tokens", [1, MICRO, 0])
def test_vectors_do_not_depend_on_how_a_batch_is_cut(folder: Path, micro_tokens: int) -> None:
    model, texts = load(folder, dropout=False), sentences()
    pad = model.tokenizer.pad_token_id
    rows = np.array([3, 0, 15, 3, 7])
    vectors = embed(model, texts, rows, pad_id=pad, device=CPU, micro_tokens=micro_tokens)
    alone = [
        model({"input_ids": torch.tensor(texts[row][None]), "attention_mask": torch.ones(1, len(texts[row]))})
        for row in rows
    ]
    assert_close(vectors, torch.cat([one["sentence_embedding"] for one in alone]), atol=1e-6, rtol=0)
    assert vectors.requires_grad


def test_each_distinct_text_goes_through_the_model_once(tiny_t5: Path) -> None:
    model, texts = load(tiny_t5, dropout=True), sentences()
    shapes = []

    def watched(features: dict[str, Tensor]) -> Any:
        shapes.append(tuple(features["input_ids"].shape))
        return model(features)

    vectors = embed(watched, texts, np.array([4, 4, 9, 4, 9]), pad_id=0, device=CPU)
    assert shapes == [(2, max(len(texts[4]), len(texts[9])))]
    assert torch.equal(vectors[0], vectors[1])  # dropout is on: equal because it is the same pass


def test_loss_and_gradients_are_those_of_sentence_transformers(folder: Path) -> None:
    from sentence_transformers.losses import MultipleNegativesRankingLoss

    model, texts = load(folder, dropout=False).double(), sentences()  # double: what differs is no rounding
    pad = model.tokenizer.pad_token_id
    theirs = MultipleNegativesRankingLoss(
        model, 20.0, directions=("query_to_doc", "doc_to_query"), partition_mode="per_direction"
    )
    columns = []
    for column in (texts[:PAIRS], texts[PAIRS:]):
        ids = torch.full((PAIRS, 40), pad)
        for row, tokens in enumerate(column):
            ids[row, : len(tokens)] = torch.from_numpy(tokens)
        lengths = torch.tensor([[len(tokens)] for tokens in column])
        columns.append({"input_ids": ids, "attention_mask": (torch.arange(40) < lengths).long()})
    expected = theirs(columns, torch.empty(0))
    expected.backward()
    expected_gradients = gradients(model)
    model.zero_grad()
    value = objective(embed(model, texts, np.arange(2 * PAIRS), pad_id=pad, device=CPU, micro_tokens=MICRO))
    value.backward()
    assert_close(value, expected, atol=1e-9, rtol=0)
    assert_close(gradients(model), expected_gradients, atol=1e-9, rtol=0)


Step = Callable[[Any, list[np.ndarray]], Tensor]


def whole(model: Any, texts: Any) -> Tensor:
    return objective(embed(model, texts, np.arange(2 * PAIRS), pad_id=0, device=CPU, micro_tokens=MICRO))


def from_cache(model: Any, texts: Any) -> Tensor:
    return cached(model, texts, np.arange(2 * PAIRS), objective, pad_id=0, device=CPU, micro_tokens=MICRO)


def taken(step: Step, model: Any, texts: Any, share: float = 1.0) -> tuple[Tensor, dict[str, Tensor], Tensor]:
    """(loss, gradients, random state afterwards) of one step with backward, from seed 11."""
    model.zero_grad()
    torch.manual_seed(11)
    value = step(model, texts)
    (value * share).backward()
    return value.detach(), gradients(model), torch.get_rng_state()


@pytest.mark.parametrize("checkpointing", [False, True])
def test_the_cached_step_is_the_whole_one_with_dropout_on(folder: Path, checkpointing: bool) -> None:
    model, texts = load(folder, dropout=True), sentences()
    if checkpointing:
        model[0].auto_model.gradient_checkpointing_enable()
    value, expected, state = taken(whole, model, texts)
    again, found, state_again = taken(from_cache, model, texts)
    assert again == value
    assert torch.equal(state_again, state)
    assert len(found) > 10
    assert_close(found, expected, atol=1e-6, rtol=1e-5)
    without_dropout = objective(
        embed(model.eval(), texts, np.arange(2 * PAIRS), pad_id=0, device=CPU, micro_tokens=MICRO)
    )
    assert without_dropout != value  # dropout was really on


def test_accumulated_batches_add_up(tiny_t5: Path) -> None:
    model, texts = load(tiny_t5, dropout=True), sentences()
    _, expected, _ = taken(from_cache, model, texts)
    _, quarter, _ = taken(from_cache, model, texts, share=0.25)
    assert_close({name: 4 * grad for name, grad in quarter.items()}, expected, atol=1e-6, rtol=1e-5)
    for _ in range(3):  # without zero_grad
        torch.manual_seed(11)
        (from_cache(model, texts) * 0.25).backward()
    assert_close(gradients(model), expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("backward_inside", [False, True])
def test_autocast_is_the_same_in_both_passes(tiny_t5: Path, backward_inside: bool) -> None:
    model, texts = load(tiny_t5, dropout=True), sentences()

    def step(run: Step) -> tuple[Tensor, dict[str, Tensor]]:
        model.zero_grad()
        torch.manual_seed(11)
        with torch.autocast("cpu", torch.bfloat16):
            value = run(model, texts)
            if backward_inside:
                value.backward()
        if not backward_inside:
            value.backward()
        return value.detach(), gradients(model)

    (value, expected), (again, found) = step(whole), step(from_cache)
    assert again == value
    assert again != taken(from_cache, model, texts)[0]  # bf16 was really on
    assert found.keys() == expected.keys()
    for name, grad in expected.items():
        # Whole, the gradients of micro-batches meet in bf16 (8 bits); cached, in fp32.
        assert_close(found[name], grad, atol=0.02 * float(grad.abs().max()), rtol=0.02, msg=name)


def test_without_gradients_a_cached_loss_is_just_a_number(tiny_t5: Path) -> None:
    model, texts = load(tiny_t5, dropout=False), sentences()
    with torch.no_grad():
        assert not from_cache(model, texts).requires_grad
        assert from_cache(model, texts) == whole(model, texts)


def test_when_one_micro_batch_holds_all_it_runs_once(tiny_t5: Path) -> None:
    model, texts = load(tiny_t5, dropout=True), sentences()
    passes = []

    def watched(features: dict[str, Tensor]) -> Any:
        passes.append(torch.is_grad_enabled())
        return model(features)

    cached(watched, texts, np.arange(16), objective, pad_id=0, device=CPU, micro_tokens=10_000).backward()
    assert passes == [True]


# --- two processes -------------------------------------------------------------------------------------------------


def masks() -> Tensor:
    """Which of PAIRS positives may be a negative for which anchor: three in four, bool [PAIRS, PAIRS]."""
    return torch.rand(PAIRS, PAIRS, generator=torch.Generator().manual_seed(5)) < 0.75


def joint(vectors: Tensor) -> Tensor:
    return LOSS(vectors[:PAIRS], vectors[PAIRS:], masks(), gather=False)


def one_of_two(rank: int, folder: Path, out: Path) -> None:
    """A process with every second pair of the batch: a whole and a cached step under DDP, results into `out`."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{out}/meeting", rank=rank, world_size=2)
    try:
        save_file(measured(rank, folder), out / f"{rank}.safetensors")
        gc.collect()  # DDP must end before its group: torch 2.13 may wait for ever where it is the group's last user
    finally:
        torch.distributed.destroy_process_group()


def measured(rank: int, folder: Path) -> dict[str, Tensor]:
    """Losses and gradients of this process's share."""
    model = load(folder, dropout=False)
    wrapped = torch.nn.parallel.DistributedDataParallel(model, find_unused_parameters=True)
    share = np.arange(PAIRS)[rank::2]
    columns = np.concatenate([np.arange(PAIRS)[0::2], np.arange(PAIRS)[1::2]])
    allowed = masks()[share][:, columns]
    allowed_back = masks().T[share][:, columns]

    def local(vectors: Tensor) -> Tensor:
        half = len(vectors) // 2
        return LOSS(vectors[:half], vectors[half:], allowed, allowed_back)

    rows = np.concatenate([share, PAIRS + share])
    # Unequal cuts on purpose: the processes must not wait for each other in every micro-batch.
    settings: dict[str, Any] = {"pad_id": 0, "device": CPU, "micro_tokens": 48 if rank else 400}
    found: dict[str, Tensor] = {}
    steps: dict[str, Callable[[], Tensor]] = {
        "whole": lambda: local(embed(wrapped, sentences(), rows, **settings)),
        "cached": lambda: cached(wrapped, sentences(), rows, local, **settings),
    }
    for name, step in steps.items():
        for _ in range(2):  # the second time, DDP has rebuilt its buckets
            model.zero_grad()
            value = step()
            value.backward()
        found[f"{name} loss"] = value.detach()
        found |= {f"{name} {weight}": grad for weight, grad in gradients(model).items()}
    model.zero_grad()
    with wrapped.no_sync():
        (steps["cached"]() / 2).backward()
    (steps["cached"]() / 2).backward()
    found |= {f"accumulated {weight}": grad for weight, grad in gradients(model).items()}
    try:
        LOSS(torch.eye(2), torch.eye(2), torch.ones(2, 4, dtype=torch.bool))
    except ValueError:
        found["refused"] = torch.ones(1)
    return found


@pytest.fixture(scope="module")
def two(tiny_t5: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Tensor]]:
    out = tmp_path_factory.mktemp("two")
    torch.multiprocessing.spawn(one_of_two, (tiny_t5, out), nprocs=2)
    return [load_file(out / f"{rank}.safetensors") for rank in range(2)]


@pytest.mark.parametrize("kind", ["whole", "cached", "accumulated"])
def test_two_processes_have_the_gradient_of_the_joint_batch(
    two: list[dict[str, Tensor]], tiny_t5: Path, kind: str
) -> None:
    model = load(tiny_t5, dropout=False)
    value = joint(embed(model, sentences(), np.arange(2 * PAIRS), pad_id=0, device=CPU))
    value.backward()
    if kind != "accumulated":
        losses = [process[f"{kind} loss"] for process in two]
        assert losses[0] != losses[1]
        assert_close(sum(losses) / 2, value.detach(), atol=1e-6, rtol=1e-6)
    for process in two:
        found = {name: process[f"{kind} {name}"] for name in gradients(model)}
        assert_close(found, gradients(model), atol=1e-6, rtol=1e-5)


def test_across_processes_one_mask_alone_is_refused(two: list[dict[str, Tensor]]) -> None:
    assert all("refused" in process for process in two)
