"""sentence-transformers' trainer under our pairs, batches, loss and checkpoints."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from torch import Tensor
from transformers import PrinterCallback, TrainerCallback

from engine.progress import Observer
from engine.training import checkpoint, distributed
from engine.training.batch_loader import Batch, BatchLoader
from engine.training.catalogue import refresh_steps
from engine.training.forward import MICRO_TOKENS
from engine.training.memory import largest_fitting
from engine.training.objective import Objective
from engine.training.recipe import CATALOGUE, PhaseSettings
from store.errors import Cancelled, Failed

if TYPE_CHECKING:
    from engine.training.validation import Validation

PARTS = 5  # validations of a phase where the recipe names no interval
KEPT = "phase.json"  # in a checkpoint: whether the averaged weights were the better ones, and the seconds so far


class PhaseTrainer(SentenceTransformerTrainer):
    """Trains a model in place on one phase; `run` goes on from the newest checkpoint in `folder`.

    `averaged` is the moving average that follows the model, or None; after `run` the model has the weights that the
    recipe chose.
    """

    def __init__(
        self,
        *,
        model: Any,
        batch_loader: BatchLoader,
        settings: PhaseSettings,
        folder: Path,
        seed: int,
        half: bool,
        validation: Validation | None,
        valid: Sequence[Batch],
        averaged: Any | None,
        phase: str,
        key: str,
        observer: Observer,
    ) -> None:
        self.batch_loader = batch_loader
        self.settings = settings
        self.folder = folder
        self.averaged = averaged
        self.validation = validation
        self.objective: Objective = Objective(model, settings)
        if validation is not None and valid:
            validation.loss = lambda model: self._valid_loss(model, valid)
        self._phase, self._observer = phase, observer
        self.stopped = False
        self.took_average = False
        self.seconds_before = 0.0
        self._started = monotonic()
        self._bad_step = torch.full((), -1, dtype=torch.long, device=model.device)
        if settings.gradient_checkpointing:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # newer libraries rename it
                model.gradient_checkpointing_enable({"use_reentrant": False})
        self._chooses = validation is not None and settings.best_by != "last"
        updates = math.ceil(batch_loader.count / settings.accumulation)
        self._refreshes = refresh_steps(updates, settings.bank_refreshes)
        self._refreshed = -1  # the newest of them here
        super().__init__(
            model=model,
            args=_arguments(
                settings, folder, updates, seed, half, str(model.device), self._chooses, validation is not None
            ),
            train_dataset=batch_loader,  # type: ignore[arg-type]
            evaluator=validation,
            loss=self.objective,
            callbacks=[_Watch(self, phase, key, observer)],
        )
        self.remove_callback(PrinterCallback)  # what it prints is in the series

    def run(self) -> None:
        """Train to the end.

        `Cancelled` where the observer asked to stop, `Failed` if the loss is not finite or a checkpoint cannot be
        written; what was kept is good in each case, and another `run` goes on from there.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        found = checkpoint.steps(self.folder)
        start = None
        if found:
            start = checkpoint.checkpoint_folder(self.folder, found[-1])
            self.seconds_before = float(json.loads((start / KEPT).read_text())["seconds"])
            if self.settings.loss == CATALOGUE:
                self.objective.bank = checkpoint.read_bank(start, self.model.device)
        try:
            self.train(resume_from_checkpoint=None if start is None else str(start))
        except torch.OutOfMemoryError as error:  # of the optimizer or a validation; those of a batch say more
            raise Failed(
                f"{self.model.device} has too little memory for this model ({_first_line(error)}). Wait for others to "
                "leave it, or train fewer weights with --set lora-rank=16."
            ) from error
        self.took_average = not self.stopped and self.averaged is not None and self._averaged_is_better()
        # The first process removes the checkpoints, and the launcher ends all that are left once one has ended: until
        # each has read its best weights, none goes on.
        distributed.wait()
        if self.stopped:
            raise Cancelled(
                f"Stopped at step {self.state.global_step} of {self.state.max_steps}, kept in a checkpoint; "
                "the same command goes on from there."
            )
        if self.took_average:
            self.model.load_state_dict(self.averaged.module.state_dict())  # type: ignore[union-attr]

    @property
    def best_step(self) -> int:
        """The optimizer step whose weights the model has after `run`."""
        return int(self.state.best_global_step or self.state.global_step) if self._chooses else self.state.global_step

    @property
    def outcome(self) -> dict[str, Any]:
        """What came of it, as the lineage keeps it: steps, and which weights were taken."""
        return {
            "steps": self.state.global_step,
            "best_step": self.best_step,
            "best": self.state.best_metric,
            "averaged": self.took_average,
        }

    # What the library asks of a trainer.

    def preprocess_dataset(self, dataset: Any = None, dataset_name: str | None = None) -> Any:
        return dataset

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Ours are the store's lineage and series."""

    def get_train_dataloader(self) -> Any:
        return self.batch_loader.loader()

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        self._refresh_bank(inputs["batch"])
        loss = self.objective(inputs["batch"], model)
        fresh = ~torch.isfinite(loss.detach()) & (self._bad_step < 0)
        self._bad_step = torch.where(fresh, self.state.global_step + 1, self._bad_step)
        if self.model.device.type == "cpu":
            self.refuse_nonsense()
        return (loss, {}) if return_outputs else loss

    def _refresh_bank(self, batch: Batch) -> None:
        """Encode the items that targets compete with where this step is one to do it before."""
        step = self.state.global_step
        if not batch.catalogues or step not in self._refreshes or step == self._refreshed:
            return
        texts = sum(len(catalogue.texts) for catalogue in batch.catalogues)
        self.objective.bank = ()  # the memory of the old one before that of the new one
        try:
            self.objective.bank = self.objective.encoded(batch)
        except torch.OutOfMemoryError as error:
            raise Failed(
                f"{self.model.device} has too little memory for the vectors of {texts} items ({_first_line(error)}). "
                "Train on fewer datasets at once, or with --set loss=symmetric-ranking."
            ) from error
        self._refreshed = step
        self._observer.tell("bank", f"{self._phase}, step {step}: {texts} item texts encoded for the bank")

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Tensor:
        try:
            return super().training_step(model, inputs, num_items_in_batch)
        except torch.OutOfMemoryError as error:
            said = _first_line(error)
        # Outside, where the error is gone: it would hold the batch's activations while smaller batches are tried.
        raise Failed(self._too_large(inputs["batch"], said))

    def refuse_nonsense(self) -> None:
        """`Failed` if a loss was no number, before anything made of it is kept."""
        step = int(self._bad_step)
        if step >= 0:
            raise self._nonsense("The loss", step)

    def _nonsense(self, what: str, step: int) -> Failed:
        kept = checkpoint.steps(self.folder)
        good = f"The checkpoint of step {kept[-1]} is good" if kept else "There is no checkpoint before it"
        return Failed(
            f"{what} became NaN or infinite at step {step} of {self.state.max_steps}. {good}. "
            "Try a smaller learning-rate, gradient-clip, or precision=fp32 (--set KEY=VALUE)."
        )

    def _finite(self) -> bool:
        largest = [
            torch.linalg.vector_norm(weights.detach(), torch.inf)
            for weights in self.model.parameters()
            if weights.requires_grad
        ]
        return bool(torch.isfinite(torch.stack(largest)).all())

    def _maybe_log_save_evaluate(self, *arguments: Any, **named: Any) -> None:
        if self.control.should_log or self.control.should_save or self.control.should_evaluate:
            self.refuse_nonsense()
            if not self._finite():  # a gradient may overflow where the loss does not
                raise self._nonsense("The weights", self.state.global_step)
        super()._maybe_log_save_evaluate(*arguments, **named)

    def _save_checkpoint(self, model: Any, trial: Any = None) -> None:
        state = checkpoint.random_state()
        states = [state]
        if self.args.world_size > 1:
            states = [{} for _ in range(self.args.world_size)]
            torch.distributed.all_gather_object(states, state)
        step = self.state.global_step
        best = self.state.best_global_step
        if self.args.should_save:
            with checkpoint.PendingCheckpoint(self.folder, step) as part:
                checkpoint.write_weights(part / checkpoint.WEIGHTS, self.model)
                if self.averaged is not None:
                    checkpoint.write_weights(part / checkpoint.AVERAGED, self.averaged)
                checkpoint.write_optimizer(part, self.optimizer, self.lr_scheduler)
                if self.objective.bank:
                    checkpoint.write_bank(part, self.objective.bank)
                checkpoint.write_random(part, states)
                if best:
                    self.state.best_model_checkpoint = str(checkpoint.checkpoint_folder(self.folder, best))
                better = self.validation is not None and self.validation.averaged_is_better
                seconds = self.seconds_before + monotonic() - self._started
                (part / KEPT).write_text(json.dumps({"averaged": better, "seconds": seconds}))
                self.state.save_to_json(str(part / checkpoint.STATE))
            checkpoint.prune(self.folder, {step, best or step} if self._chooses else {step})
        if self.args.world_size > 1:
            torch.distributed.barrier()

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        folder = Path(resume_from_checkpoint)
        checkpoint.read_weights(folder / checkpoint.WEIGHTS, self.model)
        if self.averaged is not None:
            checkpoint.read_weights(folder / checkpoint.AVERAGED, self.averaged)

    def _load_optimizer_and_scheduler(self, checkpoint_folder: str | None) -> None:
        if checkpoint_folder is not None:
            checkpoint.read_optimizer(Path(checkpoint_folder), self.optimizer, self.lr_scheduler)

    def _load_rng_state(self, checkpoint_folder: str | None) -> None:
        if checkpoint_folder is not None:
            checkpoint.read_random(Path(checkpoint_folder), self.args.process_index, self.args.world_size)

    def _load_best_model(self) -> None:
        if not self.stopped:
            self._load_from_checkpoint(str(checkpoint.checkpoint_folder(self.folder, self.best_step)))

    def _averaged_is_better(self) -> bool:
        written = checkpoint.checkpoint_folder(self.folder, self.best_step) / KEPT
        if not self._chooses or not written.exists():
            return not self._chooses
        return bool(json.loads(written.read_text())["averaged"])

    def _valid_loss(self, model: Any, valid: Sequence[Batch]) -> float:
        bank = self.objective.encoded(valid[0], model) if valid[0].catalogues else ()
        losses = [float(self.objective(batch, model, alone=True, bank=bank)) for batch in valid]
        return float(np.average(losses, weights=[len(batch) for batch in valid]))

    def _too_large(self, batch: Batch, cause: str) -> str:
        def attempt(size: int) -> None:
            self.objective(_first(batch, size), alone=True).backward()  # not through a wrapper that waits for others
            self.model.zero_grad(set_to_none=True)

        self.model.zero_grad(set_to_none=True)
        fits = largest_fitting(len(batch), attempt)
        if fits:
            advice = f"A batch of {fits * self.args.world_size} fits: --set batch={fits * self.args.world_size}. "
        else:
            advice = "Not even a batch of 2 fits: --set tokens=128, or --set gradient-checkpointing=true. "
        if self.settings.cached:
            now = self.settings.micro_tokens or MICRO_TOKENS[self.model.device.type]
            advice += f"Or keep batch={self.settings.batch} with --set micro-tokens={now // 2} (it is {now})."
        else:
            advice += f"Or keep batch={self.settings.batch} with --set cached=true, which needs far less memory."
        if self.settings.loss == CATALOGUE:
            items = max(len(rivals.rows) for rivals in batch.rivals)
            advice += f" Or compare with fewer items in a step: --set bank-items={items // 2} (it is {items})."
        return (
            f"{self.model.device} has too little memory for a batch of {self.settings.batch} pairs ({cause}). {advice}"
        )


class _Watch(TrainerCallback):
    """Tells the observer what happens, follows with the averaged weights, and stops where it is asked to."""

    def __init__(self, trainer: PhaseTrainer, phase: str, key: str, observer: Observer) -> None:
        self._trainer, self._phase, self._key, self._observer = trainer, phase, key, observer
        self._step_started = 0.0
        self._seconds, self._pairs = 0.0, 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **named: Any) -> None:
        self._observer.progress(self._phase, state.global_step, state.max_steps)
        if state.global_step:
            self._observer.tell("resume", f"{self._phase}: goes on from step {state.global_step} of {state.max_steps}")
        if state.best_global_step:  # where it lies now: the workspace may have been moved
            state.best_model_checkpoint = str(
                checkpoint.checkpoint_folder(self._trainer.folder, state.best_global_step)
            )

    def on_step_begin(self, args: Any, state: Any, control: Any, **named: Any) -> None:
        self._step_started = monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **named: Any) -> None:
        settings = self._trainer.settings
        if self._trainer.averaged is not None:
            self._trainer.averaged.update_parameters(self._trainer.model)
        self._seconds += monotonic() - self._step_started
        self._pairs += settings.batch * settings.accumulation
        self._observer.stop()  # a report ends work at once, and in this process alone, that has not asked for a minute
        self._observer.progress(self._phase, state.global_step, state.max_steps)
        if state.global_step >= state.max_steps:
            control.should_log = control.should_save = True
            control.should_evaluate = self._trainer.validation is not None
        elif distributed.in_any_process(self._observer.stop()):
            self._trainer.stopped = True
            # A validation that is due now takes place: a run that resumes from here would never make up for it.
            control.should_log = control.should_save = control.should_training_stop = True

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **named: Any) -> None:
        names = {"loss": "loss", "grad_norm": "gradient norm", "learning_rate": "learning rate"}
        values = {names[name]: value for name, value in (logs or {}).items() if name in names}
        if "loss" in values and self._seconds > 0:
            values["pairs/s"] = self._pairs / self._seconds
            self._seconds, self._pairs = 0.0, 0
        if values:
            self._observer.record(self._key, state.global_step, values)

    def on_evaluate(self, args: Any, state: Any, control: Any, **named: Any) -> None:
        found = {name.removeprefix("eval_"): value for name, value in named["metrics"].items()}
        kept = ("ndcg@10", "hr@10", "validation loss")
        values = {name: value for name, value in found.items() if name.removesuffix(" averaged") in kept}
        if values:
            self._observer.record(self._key, state.global_step, values)
            words = ", ".join(f"{name} {value:.4f}" for name, value in values.items())
            scope = self._trainer.validation.scope if self._trainer.validation is not None else ""
            self._observer.tell("validation", f"{self._phase}, step {state.global_step}: {words} ({scope})")

    def on_save(self, args: Any, state: Any, control: Any, **named: Any) -> None:
        self._observer.tell("checkpoint", f"{self._phase}, step {state.global_step} of {state.max_steps}")


def _arguments(
    settings: PhaseSettings,
    folder: Path,
    updates: int,
    seed: int,
    half: bool,
    device: str,
    chooses: bool,
    validates: bool,
) -> SentenceTransformerTrainingArguments:
    every = min(updates, settings.validate_every or math.ceil(updates / PARTS))
    save = min(updates, settings.checkpoint_every or every)
    if chooses:
        save = max(every, save - save % every)  # only where it was validated can a checkpoint be the best
    return SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        max_steps=updates,
        per_device_train_batch_size=settings.batch,
        gradient_accumulation_steps=settings.accumulation,
        learning_rate=settings.learning_rate,
        warmup_steps=math.ceil(updates * settings.warm_up),
        lr_scheduler_type={"constant": "constant_with_warmup"}.get(settings.schedule, settings.schedule),
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.gradient_clip,
        bf16=half,
        use_cpu=device == "cpu",
        seed=seed,
        logging_strategy="steps",
        logging_steps=settings.log_every,
        logging_nan_inf_filter=False,
        save_strategy="steps",
        save_steps=save,
        eval_strategy="steps" if validates else "no",
        eval_steps=every,
        load_best_model_at_end=chooses,
        metric_for_best_model="chosen" if chooses else None,
        greater_is_better=True if chooses else None,
        ddp_backend="gloo" if device == "cpu" and distributed.world() > 1 else None,
        ddp_broadcast_buffers=False,  # several forwards before one backward must not change buffers in between
        disable_tqdm=True,
        report_to=[],
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _first(batch: Batch, size: int) -> Batch:
    part = None if batch.allowed is None else batch.allowed[:size, :size]
    return replace(
        batch,
        anchor=batch.anchor[:size],
        positive=batch.positive[:size],
        allowed=part,
        allowed_back=None if part is None else part.T,
        rivals=tuple(rivals.first(size) for rivals in batch.rivals),
    )
