"""Self-distillation: iBOT (and DINO), the first phase of SMKD, and SMKD itself, the second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from mindspore import Parameter

from mindtune import assemble
from mindtune.config import RunConfig
from mindtune.data.class_pairs import Pairing
from mindtune.data.masks import MaskSampler
from mindtune.data.view_loader import ViewLoader
from mindtune.data.views import Views
from mindtune.engine.distributed.gather import GatherCrops
from mindtune.engine.follower import Follower
from mindtune.engine.scheduled import Scheduled, StepParts, epoch_ramp, half_cosine
from mindtune.engine.selection import Newest, Selection
from mindtune.errors import ConfigError
from mindtune.methods.method import RunContext
from mindtune.methods.teacher_neighbours import METRIC, TeacherNeighbours
from mindtune.objectives.ibot import IbotObjective
from mindtune.objectives.self_distillation import SelfDistillation
from mindtune.objectives.smkd import SmkdObjective
from mindtune.parameters import weights_of
from mindtune.pretrained import read_pretrained
from mindtune.run.run_plan import epochs_of
from mindtune.self_distilled_pair import build_pair, start_pair, start_preprocessing
from mindtune.weights.load import load_weights


class Ibot:
    """iBOT, the first phase of SMKD: needs no labels; DINO is ``mim_weight`` 0.

    The teacher is what is evaluated, and what other methods start from (``--pretrained_key
    teacher``); the student is saved beside it. The best checkpoint is chosen by the teacher's
    neighbours where the images have classes, else it is the last.

    Args:
        run: its configuration and place.

    Raises:
        UserError: data, weights and configuration do not fit each other.
    """

    mim_weight = 1.0

    def __init__(self, run: RunContext) -> None:
        self.run = run
        config = run.config
        self.options = config.self_distillation
        self.splits = assemble.build_splits(config, run.console.print)
        self.sources = self.splits.by_purpose(config.evaluation.selection)
        stored = run.resumed_preprocessing
        fresh = stored is None
        self.network = build_pair(config, start_preprocessing(config) if fresh else stored)
        if fresh:
            start_pair(self.network, config, run.say)
        backbone = self.network.teacher.backbone
        self.preprocessing = backbone.preprocessing
        self.neighbours = TeacherNeighbours(run, backbone, self.preprocessing)
        has_classes = len(self.sources["selection"].class_names) > 1
        self.selection: Selection = Selection(METRIC) if has_classes else Newest("images")
        self.objective = self.build_objective()

    def build_objective(self) -> SelfDistillation:
        """The loss on both networks."""
        return IbotObjective(self.network, **self.loss_options())

    def pairing(self) -> Pairing | None:
        """What the loader says of classes."""
        return None

    def loss_options(self) -> dict[str, Any]:
        """Arguments that both phases have."""
        given = self.options.mim_weight
        return {
            "cls_weight": self.options.cls_weight,
            "mim_weight": self.mim_weight if given is None else given,
            "student_temp": self.options.student_temp,
            "chunk_rows": self.options.chunk_rows,
        }

    def parameter_groups(self) -> dict[str, list[Parameter]]:
        """The student's groups from the input up, its head, then the teacher."""
        return self.network.parameter_groups()

    def train_loader(self) -> ViewLoader:
        """Crops, masks and pairs."""
        config, options, world = self.run.config, self.options, self.run.world
        masks = options.masks
        loader = ViewLoader(
            self.sources["train"],
            Views(self.preprocessing.input_size, **vars(options.views)),
            MaskSampler(
                self.network.teacher.backbone.grid_size,
                masks.shape,
                masks.ratios,
                masks.variations,
            ),
            self.preprocessing,
            config.batch_size,
            config.seed,
            self.pairing(),
            masks.unmasked_epochs,
            options.images_a_class,
            config.data.workers,
            world.rank,
            world.size,
        )
        return loader.for_epochs(epochs_of(config, loader.num_batches))

    def step_parts(self, updates: int, updates_per_epoch: int) -> StepParts:
        """Teacher, its momentum and temperatures, and prototypes that wait.

        Args:
            updates: of the run.
            updates_per_epoch: of an epoch.
        """
        options, follower = self.options, Follower(self.network.pairs())
        share = 1.0 - half_cosine(options.momentum, 1.0, updates)
        temps = _temperatures(self.run.config, -(-updates // updates_per_epoch))
        scheduled = [
            Scheduled(follower.share, share),
            Scheduled(self.objective.temp, np.repeat(temps[0], updates_per_epoch)),
            Scheduled(self.objective.patch_temp, np.repeat(temps[1], updates_per_epoch)),
        ]
        return StepParts(
            scheduled=scheduled,
            follower=follower,
            late=[p for p in weights_of(self.network.student.head.last_layer) if p.requires_grad],
            late_start=options.freeze_last_layer * updates_per_epoch,
            state=self.objective.state(),
        )

    def evaluate(self) -> dict[str, Any]:
        """How the teacher's features tell the classes of the selection split apart."""
        return self._metrics("selection")

    def final_evaluation(self, best: Path) -> dict[str, Any]:
        """The same of the best checkpoint on the split that the run reports."""
        world, split = self.run.world, self.splits.final_split
        if world.is_main:
            load_weights(self.network, read_pretrained(str(best)).file)
        world.broadcast(weights_of(self.network))
        metrics = self._metrics("final")
        if METRIC in metrics:
            self.run.say(f"best epoch on {split}: teacher's k-NN top-1 {metrics[METRIC]:.2f} %")
        return {"split": split, "metrics": metrics, "skipped_images": self.splits.skipped}

    def _metrics(self, purpose: str) -> dict[str, Any]:
        source = self.sources[purpose]
        if len(source.class_names) < 2:
            return {"images": len(source)}
        return self.neighbours.metrics(source)


class Smkd(Ibot):
    """The second phase of SMKD: starts from the first one's weights, and uses labels."""

    mim_weight = 0.0

    def build_objective(self) -> SelfDistillation:
        options, world = self.options, self.run.world
        if options.patch_match == "released" and options.across_ranks:
            raise ConfigError(
                "self_distillation.across_ranks: got true with patch_match released, which looks "
                "for images of a class in one batch only; use --self_distillation.patch_match paper"
            )
        shared = options.across_ranks and world.size > 1
        return SmkdObjective(
            self.network,
            patch_weight=options.patch_weight,
            patch_match=options.patch_match,
            attention_weighted=options.attention_weighted,
            gather=GatherCrops() if shared else None,
            first=world.rank * self.run.config.batch_size if shared else 0,
            **self.loss_options(),
        )

    def pairing(self) -> Pairing:
        options = self.options
        return Pairing(
            len(self.sources["train"].class_names),
            with_itself=options.patch_match == "released" and options.attention_weighted,
            across_ranks=options.across_ranks,
        )


def _temperatures(config: RunConfig, epochs: int) -> tuple[np.ndarray, np.ndarray]:
    """Of the teacher's class token and patches in every epoch."""
    options = config.self_distillation
    warmup, delay = options.warmup_teacher_temp_epochs, options.masks.unmasked_epochs
    (start, end), (patch_start, patch_end) = options.teacher_temp, options.teacher_patch_temp
    return (
        epoch_ramp(start, end, warmup, epochs),
        epoch_ramp(patch_start, patch_end, warmup, epochs, delay),
    )
