"""A CLIP trained from images and captions made of class names and templates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mindspore import Parameter

from mindtune import assemble
from mindtune.config import AugmentConfig, RunConfig
from mindtune.data.loader import TrainLoader
from mindtune.data.randomness import caption_rng
from mindtune.data.source import ImageSource
from mindtune.data.splits import require_same_classes
from mindtune.engine.selection import TOP1
from mindtune.errors import ConfigError
from mindtune.evaluation.classification import evaluate_classification
from mindtune.files import beside
from mindtune.frozen.class_texts import templates_for
from mindtune.methods.method import RunContext
from mindtune.networks.text_classifier import TextClassifier, prompt_ids, text_weights_of
from mindtune.objectives.contrastive import ContrastiveObjective
from mindtune.parameters import weights_of
from mindtune.pretrained import Pretrained, load_clip, read_pretrained
from mindtune.run.run_folder import CHECKPOINTS
from mindtune.text.clip_tokenizer import ClipTokenizer
from mindtune.text.learning import learn_vocabulary
from mindtune.text.prompts import prompts_for
from mindtune.text.vocabulary import Vocabulary, read_vocabulary, write_vocabulary


class Contrastive:
    """Both towers of the CLIP whose image tower is ``backbone.name`` learn together.

    Captions are the class names of the images in ``text.templates``, one drawn for each
    image of a batch. The best checkpoint is the one with the best zero-shot accuracy.

    Args:
        run: its configuration and place.

    Raises:
        UserError: data, weights and configuration do not fit each other.
    """

    selection = TOP1

    def __init__(self, run: RunContext) -> None:
        self.run = run
        check_options(run.config)
        self.splits = assemble.build_splits(run.config, run.console.print)
        self.sources = self.splits.by_purpose(run.config.evaluation.selection)
        require_same_classes(self.sources)
        start = _start_weights(run)
        stored = start.preprocessing if start else run.resumed_preprocessing
        self.network, self.preprocessing = assemble.build_new_clip(run.config, stored)
        if start is not None:
            run.say(load_clip(self.network, start, run.config.position_resize).summary())
        self.vocabulary, self.ids = self._read_captions(start)
        self.objective = ContrastiveObjective(self.network, run.config.contrastive.positives)
        self.judge = TextClassifier(self.network, len(self.ids), self.preprocessing)

    def _read_captions(self, start: Pretrained | None) -> tuple[Vocabulary, np.ndarray]:
        """The vocabulary, and the token ids of all captions (K, P, L), L as long as they need."""
        config, names = self.run.config, self.sources["train"].class_names
        templates = templates_for(config)
        text = self.network.text_arch
        vocabulary: Vocabulary | None = None
        if self.run.world.is_main:
            vocabulary = _known_vocabulary(self.run, start)
            if vocabulary is None:
                captions = [text for name in names for text in prompts_for(name, templates)]
                vocabulary = learn_vocabulary(captions, text.vocab_size)
        vocabulary = self.run.world.from_main(vocabulary)
        assemble.check_vocabulary(vocabulary, self.network)
        ids = prompt_ids(ClipTokenizer(vocabulary, text.context_length), names, templates)
        return vocabulary, ids[:, :, : 1 + int(ids.argmax(2).max())]

    def parameter_groups(self) -> dict[str, list[Parameter]]:
        """The weights of the image tower, those of the text tower, and the scale of the logits."""
        visual, scale = weights_of(self.network.visual), self.network.logit_scale
        taken = {id(parameter) for parameter in [*visual, scale]}
        text = [p for p in weights_of(self.network) if id(p) not in taken]
        return {"visual": visual, "text": text, "logit_scale": [scale]}

    def train_loader(self) -> CaptionedImages:
        """Augmented images, the token ids of their captions, and labels."""
        world, config = self.run.world, self.run.config
        loader = assemble.build_train_loader(
            config, self.sources["train"], self.preprocessing, world.rank, world.size
        )
        return CaptionedImages(loader, self.ids)

    def write_files(self, folder: Path) -> None:
        """Keep the vocabulary beside the checkpoints, where protocol ``zero_shot`` finds it."""
        write_vocabulary(self.vocabulary, folder / CHECKPOINTS)

    def evaluate(self) -> dict[str, Any]:
        """Zero-shot accuracies on the images that choose the best checkpoint."""
        return self._zero_shot(self.sources["selection"])

    def final_evaluation(self, best: Path) -> dict[str, Any]:
        """Zero-shot accuracies of the best checkpoint on the split that the run reports."""
        world, split = self.run.world, self.splits.final_split
        if world.is_main:
            load_clip(self.network, read_pretrained(str(best)))
        world.broadcast(weights_of(self.network))
        metrics = self._zero_shot(self.sources["final"])
        self.run.say(f"best checkpoint on {split}: zero-shot top-1 {metrics['top1']:.2f} %")
        return {"split": split, "metrics": metrics, "skipped_images": self.splits.skipped}

    def _zero_shot(self, source: ImageSource) -> dict[str, Any]:
        world = self.run.world
        self.judge.set_texts(text_weights_of(self.network, self.ids))
        self.network.set_train(True)
        loader = assemble.build_eval_loader(
            self.run.config, source, self.preprocessing, world.rank, world.size
        )
        return evaluate_classification(
            self.judge,
            world.stop.interrupting(loader),
            len(self.ids),
            sum_over_ranks=world.sum,
        ).metrics()


@dataclass(frozen=True)
class CaptionedImages:
    """The batches of a loader with captions in the place of soft targets.

    Attributes:
        loader: of images and one-hot targets.
        ids: token ids of the captions int32 (K, P, L).
    """

    loader: TrainLoader
    ids: np.ndarray

    @property
    def num_batches(self) -> int:
        """Full global batches in an epoch."""
        return self.loader.num_batches

    def epoch(self, epoch: int, first_image: int = 0) -> Iterator[tuple[np.ndarray, ...]]:
        """Images (B, 3, S, S), token ids int32 (B, L), labels int32 (B,) from ``first_image`` on.

        The template of an image is a function of the seed, the epoch, the batch and the rank.
        """
        loader = self.loader
        first_batch = first_image // (loader.batch_size * loader.world_size)
        for number, (images, targets) in enumerate(loader.epoch(epoch, first_image), first_batch):
            labels = targets.argmax(axis=1).astype(np.int32)
            rng = caption_rng(loader.seed, epoch, number, loader.rank)
            templates = rng.integers(self.ids.shape[1], size=len(labels))
            yield images, self.ids[labels, templates], labels


def check_options(config: RunConfig) -> None:
    """Options that would be passed over in silence, or that CLIP's loss has no meaning for."""
    plain = AugmentConfig()
    for key in ("mixup", "cutmix", "label_smoothing"):
        if getattr(config.augment, key) != getattr(plain, key):
            raise ConfigError(
                f"augment.{key}: got {getattr(config.augment, key)} with method contrastive, "
                "expected 0: an image has one caption; leave it out"
            )
    if config.tuning.modes != ["full"]:
        raise ConfigError(
            f"tuning.modes: got {config.tuning.modes} with method contrastive, which trains both "
            "towers whole; use --tuning.modes [full]"
        )
    for key, value in (
        ("recompute", config.recompute),
        ("backbone.drop_path", config.backbone.drop_path),
        ("optim.layer_decay", config.optim.layer_decay),
    ):
        if value:
            raise ConfigError(
                f"{key}: got {value} with method contrastive, which has none; leave it out"
            )


def _start_weights(run: RunContext) -> Pretrained | None:
    """What both towers start from, unless they start fresh or a resumed state fills them."""
    config = run.config
    if config.pretrained is None or run.resumed_preprocessing is not None:
        return None
    return read_pretrained(config.pretrained, config.pretrained_key)


def _known_vocabulary(run: RunContext, start: Pretrained | None) -> Vocabulary | None:
    """That of the configuration, of the resumed run, or of the weights; None: it is to learn."""
    given = run.config.text.tokenizer
    if given is not None:
        return read_vocabulary(Path(given))
    if run.state is not None:
        return read_vocabulary(run.state.parent)
    return None if start is None else read_vocabulary(beside(start.path))
