"""One training phase from stored data to a folder of weights, cached by content hash."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import torch

from engine import __version__
from engine.encoding.device import Precision, choose_device, fast_precision
from engine.encoding.encoder import Encoder, load
from engine.models import save_encoder
from engine.progress import Observer
from engine.text.prompts import Prompts
from engine.training import distributed
from engine.training.adapter import add_adapter, merge
from engine.training.average import averaged
from engine.training.recipe import PhaseSettings
from engine.training.special_tokens import start_as_separator
from engine.training.trainer import PhaseTrainer
from engine.training.training_data import load_training_data
from engine.training.validation import Validation
from store import phases
from store.arrays import content_hash
from store.datasets import now
from store.enums import Phase
from store.errors import BadInput, Failed
from store.rows import Dataset, TrainedPhase
from store.workspace import Workspace

VERSION = "phase 1"  # changes when equal settings train other weights


@dataclass(frozen=True)
class PhaseRequest:
    """What decides the weights of a phase: itself, its settings, its data, its seed, and where it starts.

    source: the folder (or hub name) of the weights it starts from; parent: the key of the phase that made them, or
    "" for a backbone, identified by its hash. reads: the tokens that the backbone reads, 0 for what the source
    does: a phase before this one may have been trained on shorter sentences. fresh: the source is a backbone whose
    markers were never trained here. prompts: what stands before its sentences, None for what the source's folder says.
    """

    phase: Phase
    settings: PhaseSettings
    datasets: Sequence[Dataset]
    seed: int
    source: str
    parent: str
    device: str
    reads: int = 0
    fresh: bool = False
    prompts: Prompts | None = None


def train_phase(workspace: Workspace, request: PhaseRequest, observer: Observer) -> TrainedPhase:
    """The finished phase of this request: found in the store, or trained from its newest checkpoint on.

    Its weights lie in `weights_of(workspace, key)`. `BadInput` where the data has no pair for it.
    """
    observer.progress(f"{request.phase}: preparing", 0, 0)
    distributed.join(choose_device(request.device).type)
    encoder = load(request.source, device=request.device, precision=Precision.FP32, prompts=request.prompts)
    half = _half(request.settings, encoder.device)
    new = request.fresh and request.settings.markers == "separator"
    if new and start_as_separator(encoder.model):
        observer.tell("markers", "The markers start as the separator, which this backbone knows.")
    if encoder.prompts and request.fresh:
        observer.tell("prompts", f"The backbone's prompts are applied: {encoder.prompts}.")
    # After the markers' start, so that what they started as is part of what the phase is known by.
    parent = request.parent or content_hash(encoder.weights_hash, encoder.tokenizer_hash)
    key = _key(request, parent, half)
    if not distributed.same_in_all_processes(key):
        raise Failed("A dataset or the backbone changed while the processes started. Run the same command again.")
    lock: AbstractContextManager[Any] = workspace.lock(f"phase-{key}") if distributed.is_first() else nullcontext()
    with distributed.shared_failure(workspace.phases / key), lock:
        # The first process decides for all: it holds the lock, the others may have looked before it had it.
        if distributed.in_any_process(distributed.is_first() and _finished(workspace, key) is not None):
            found = _finished(workspace, key)
            if found is None:
                raise Failed(f"{weights_of(workspace, key)} was removed meanwhile. Run the same command again.")
            observer.tell("phase", f"{request.phase} was trained before ({key}); it is used again.")
            return found
        return _train(workspace, request, encoder, half, parent, key, observer)


def _finished(workspace: Workspace, key: str) -> TrainedPhase | None:
    with workspace.read() as db:
        found = phases.find_phase(db, key)
    return found if weights_of(workspace, key).is_dir() else None


def weights_of(workspace: Workspace, key: str) -> Path:
    """The sentence-transformers folder that a finished phase left."""
    return workspace.phases / key / "model"


def _train(
    workspace: Workspace,
    request: PhaseRequest,
    encoder: Encoder,
    half: bool,
    parent: str,
    key: str,
    observer: Observer,
) -> TrainedPhase:
    started = monotonic()
    model, reads = encoder.model, request.reads or encoder.length
    model.max_seq_length = min(request.settings.tokens or reads, reads)
    with workspace.read() as db:
        data = load_training_data(
            db,
            request.phase,
            request.settings,
            request.datasets,
            request.seed,
            encoder.tokenizer,
            model.max_seq_length,
            encoder.prompts,
            observer,
        )
    settings = data.settings
    torch.manual_seed(request.seed)  # the matrices of an adapter begin at random
    adapted = add_adapter(model, settings.lora_rank, settings.lora_alpha) if settings.lora_rank else None
    average = averaged(model, settings.average) if settings.average else None
    trainer = PhaseTrainer(
        model=model,
        batch_loader=data.batch_loader,
        settings=settings,
        folder=workspace.phases / key / "checkpoints",
        seed=request.seed,
        half=half,
        validation=Validation(data.validation_sets, settings.best_by, average)
        if data.validation_sets or data.valid
        else None,
        valid=data.valid,
        averaged=average,
        phase=request.phase,
        key=key,
        observer=observer,
    )
    trainer.run()
    if adapted is not None:
        merge(adapted)
    model.eval()
    finished = Encoder(model, str(weights_of(workspace, key)), encoder.device, Precision.FP32, encoder.prompts)
    done = TrainedPhase(
        key=key,
        phase=request.phase,
        parent=parent,
        settings=settings.document() | {"precision": "bf16" if half else "fp32"},
        datasets={dataset.name: dataset.fingerprint for dataset in request.datasets},
        seed=request.seed,
        summary=data.counts
        | trainer.outcome
        | {"processes": distributed.world(), "reads": reads}
        | encoder.prompts.document(),
        weights_hash=finished.weights_hash,
        code_version=__version__,
        device=f"{encoder.device_name.rpartition(',')[0]}, {'bf16' if half else 'fp32'}",
        seconds=trainer.seconds_before + monotonic() - started,
        created=now(),
    )
    if distributed.is_first():
        save_encoder(finished, weights_of(workspace, key))
        with workspace.write() as db:
            phases.put_phase(db, done)
        shutil.rmtree(workspace.phases / key / "checkpoints", ignore_errors=True)
    distributed.wait()
    return done


def _half(settings: PhaseSettings, device: torch.device) -> bool:
    if settings.precision == "auto":
        return fast_precision(device) is Precision.BF16
    if settings.precision == Precision.BF16 and device.type == "mps":
        raise BadInput("precision = bf16 is not for mps. Use precision=fp32 or auto.")
    return settings.precision == Precision.BF16


def _key(request: PhaseRequest, parent: str, half: bool) -> str:
    known = content_hash(
        VERSION,
        str(request.phase),
        json.dumps(request.settings.decisive() | {"precision": half}, sort_keys=True),
        json.dumps([dataset.fingerprint for dataset in request.datasets]),
        str(request.seed),
        parent,
        str(distributed.world()),
    )
    return f"{request.phase}-{known[:16]}"
