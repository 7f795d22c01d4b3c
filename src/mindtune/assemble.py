"""From a configuration to the parts of a run: network, data, objective, optimiser."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from mindspore import Parameter, nn

from mindtune.backbones import CLIP, backbone_entry, create_backbone, create_clip
from mindtune.backbones.clip_start import start_clip
from mindtune.config import (
    AugmentConfig,
    HeadConfig,
    IsqrtMomentHeadConfig,
    MomentHeadConfig,
    RunConfig,
    TextConfig,
    TuningConfig,
)
from mindtune.data.erasing import RandomErasing
from mindtune.data.loader import AugmentedLoader, EvalLoader, TrainLoader
from mindtune.data.mixing import Mixing
from mindtune.data.run_splits import RunSplits
from mindtune.data.source import ImageSource
from mindtune.data.transforms import EvalTransform, TrainTransform
from mindtune.errors import WeightsError
from mindtune.files import beside
from mindtune.heads.linear import LINEAR_HEADS
from mindtune.heads.moment import MomentHead
from mindtune.heads.moment_isqrt import IsqrtMomentHead
from mindtune.heads.normed_linear import NormedLinearHead
from mindtune.layers.random import seed_random_layers
from mindtune.networks.classifier import CLASSIFIERS, Classifier
from mindtune.preprocessing import STATISTICS, Preprocessing
from mindtune.text.clip_tokenizer import ClipTokenizer
from mindtune.text.vocabulary import Vocabulary, read_vocabulary
from mindtune.tuning.apply import (
    apply_tunings,
    find_tunings,
    train_everything,
    train_last_blocks,
    train_norm,
    train_nothing,
)
from mindtune.tuning.biases import train_biases
from mindtune.tuning.block_expansion import expand_blocks
from mindtune.tuning.lora import add_lora
from mindtune.tuning.psrp import add_psrp


def build_classifier(
    config: RunConfig, num_classes: int, stored_preprocessing: Mapping[str, Any] | None = None
) -> Classifier:
    """Backbone, tuning and head with random weights; what trains has ``requires_grad``.

    Images are prepared as the configuration says, else as ``stored_preprocessing`` (what a weight
    file says of itself), else as is registered for the backbone.

    Raises:
        ConfigError: unknown names or sizes that do not fit.
    """
    backbone = build_backbone(config, stored_preprocessing)
    head = build_head(config.head, backbone, num_classes)
    network = CLASSIFIERS[config.head.tokens](backbone, head)
    seed_random_layers(network, config.seed)
    return network


def build_backbone(
    config: RunConfig, stored_preprocessing: Mapping[str, Any] | None = None
) -> nn.Cell:
    """The backbone of ``build_classifier``, tunings applied."""
    backbone = create_backbone(
        config.backbone.name,
        config.backbone.image_size,
        config.backbone.drop_path,
        _preprocessing(config, stored_preprocessing),
    )
    apply_tunings(backbone, find_tunings(config.tuning.modes, tunings(config.tuning)))
    return backbone


def _preprocessing(config: RunConfig, stored: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the configuration says of images, above what a weight file says of itself."""
    chosen = {k: v for k, v in vars(config.preprocessing).items() if v is not None}
    return {**(stored or {}), **chosen}


def build_clip(
    config: RunConfig, stored_preprocessing: Mapping[str, Any] | None = None
) -> tuple[CLIP, Preprocessing]:
    """Both towers of the CLIP whose image tower is ``config.backbone``, for ``load_clip`` to fill.

    Returns:
        The network without initial values (drawing them takes longer than reading a file), and how
        to prepare its images, see ``build_classifier``.

    Raises:
        ConfigError: a backbone that is no CLIP's, or a size that does not fit.
    """
    with nn.utils.no_init_parameters():
        return _clip_with_preprocessing(config, stored_preprocessing)


def build_new_clip(
    config: RunConfig, stored_preprocessing: Mapping[str, Any] | None = None
) -> tuple[CLIP, Preprocessing]:
    """The same with random weights, to be trained."""
    network, preprocessing = _clip_with_preprocessing(config, stored_preprocessing)
    start_clip(network)
    return network, preprocessing


def _clip_with_preprocessing(
    config: RunConfig, stored_preprocessing: Mapping[str, Any] | None
) -> tuple[CLIP, Preprocessing]:
    name = config.backbone.name
    network = create_clip(name, config.backbone.image_size)
    settings = backbone_entry(name).pretrained.preprocessing
    settings = settings.updated(_preprocessing(config, stored_preprocessing))
    return network, settings.updated({"input_size": config.backbone.image_size})


def build_tokenizer(config: TextConfig, weights: Path, network: CLIP) -> ClipTokenizer:
    """The tokeniser of ``config``, or the one beside ``weights``, for the texts of ``network``.

    Raises:
        UserError: a package is missing.
        WeightsError: no vocabulary there, or one of another network.
    """
    given = config.tokenizer
    vocabulary = read_vocabulary(Path(given) if given else beside(weights))
    check_vocabulary(vocabulary, network)
    return ClipTokenizer(vocabulary, network.text_arch.context_length)


def check_vocabulary(vocabulary: Vocabulary, network: CLIP) -> None:
    """Refuse a vocabulary of another network.

    Raises:
        WeightsError: another number of pieces.
    """
    expected = network.text_arch.vocab_size
    if len(vocabulary) != expected:
        raise WeightsError(
            f"{vocabulary.source}: got {len(vocabulary):,} pieces, expected {expected:,} as the "
            "text tower has; give the vocabulary of these weights as --text.tokenizer"
        )


def tunings(config: TuningConfig) -> dict[str, Callable[[nn.Cell], list[Parameter]]]:
    """Every tuning mode by name, with its options, in the order in which they are applied."""
    return {
        "block_expansion": partial(expand_blocks, **vars(config.block_expansion)),
        "psrp": partial(add_psrp, **vars(config.psrp)),
        "lora": partial(add_lora, **vars(config.lora)),
        "linear": train_nothing,
        "norm": train_norm,
        "bias": train_biases,
        "top_k": partial(train_last_blocks, **vars(config.top_k)),
        "full": train_everything,
    }


def build_head(config: HeadConfig, backbone: nn.Cell, num_classes: int) -> nn.Cell:
    """The head ``config.name`` on the features of ``backbone``."""
    width, prefix = backbone.num_features, backbone.num_prefix_tokens
    linear_options = dict(vars(config.linear))
    normed = linear_options.pop("batch_norm")
    linear_head = NormedLinearHead if normed else LINEAR_HEADS[backbone.classifier]
    heads = {
        "linear": lambda: linear_head(width, num_classes, prefix, **linear_options),
        "moment": lambda: MomentHead(width, num_classes, **_moment_options(config.moment, prefix)),
        "moment_isqrt": lambda: IsqrtMomentHead(
            width, num_classes, **_moment_options(config.moment_isqrt, prefix)
        ),
    }
    return heads[config.name]()


def _moment_options(
    config: MomentHeadConfig | IsqrtMomentHeadConfig, num_prefix_tokens: int
) -> dict[str, Any]:
    """Arguments of a moment head; ``auto`` keeps the first token where it is a patch."""
    options = dict(vars(config))
    if config.first_token == "auto":
        options["first_token"] = "drop" if num_prefix_tokens else "keep"
    return options


def build_splits(config: RunConfig, report: Callable[[str], None]) -> RunSplits:
    """The data set of a run."""
    data = config.data
    return RunSplits(
        data.name,
        data.root,
        classes=data.classes,
        val_fraction=data.val_fraction,
        skip_unreadable=data.skip_unreadable,
        seed=config.seed,
        report=report,
    )


def build_train_loader(
    config: RunConfig,
    source: ImageSource,
    preprocessing: Preprocessing,
    rank: int = 0,
    ranks: int = 1,
) -> TrainLoader:
    """Augmented, mixed, shuffled batches of ``source`` for one rank.

    Raises:
        ConfigError: a batch that is odd under mixing, or larger than the data.
    """
    augment = config.augment
    mixing = Mixing(
        len(source.class_names),
        mixup_alpha=augment.mixup,
        cutmix_alpha=augment.cutmix,
        prob=augment.mix_prob,
        switch_prob=augment.mix_switch_prob,
        label_smoothing=augment.label_smoothing,
    )
    mixing.check_batch_size(config.batch_size)
    return TrainLoader(
        source,
        _train_view(augment, preprocessing),
        mixing,
        RandomErasing(augment.erasing),
        preprocessing,
        config.batch_size,
        config.seed,
        config.data.workers,
        rank,
        ranks,
    )


def _train_view(augment: AugmentConfig, preprocessing: Preprocessing) -> TrainTransform:
    return TrainTransform(
        preprocessing,
        scale=augment.scale,
        ratio=augment.ratio,
        hflip=augment.hflip,
        interpolation=augment.interpolation,
        rand_augment=augment.rand_augment,
        trivial_augment=augment.trivial_augment,
        direct_resize=augment.crop == "none",
    )


def build_view_loader(
    config: RunConfig,
    source: ImageSource,
    preprocessing: Preprocessing,
    epoch: int,
    rank: int = 0,
    ranks: int = 1,
) -> AugmentedLoader:
    """Batches of ``source`` in order, in the training views of one epoch."""
    return AugmentedLoader(
        source,
        _train_view(config.augment, preprocessing),
        preprocessing,
        min(config.evaluation.batch_size, len(source)),
        config.data.workers,
        rank,
        ranks,
        config.seed,
        epoch,
    )


def build_eval_loader(
    config: RunConfig,
    source: ImageSource,
    preprocessing: Preprocessing,
    rank: int = 0,
    ranks: int = 1,
) -> EvalLoader:
    """Batches of ``source`` in order, each image once over all ranks."""
    if config.evaluation.statistics is not None:
        mean, std = STATISTICS[config.evaluation.statistics]
        preprocessing = preprocessing.updated({"mean": mean, "std": std})
    batch_size = min(config.evaluation.batch_size, max(len(source), 1))
    view = EvalTransform(preprocessing)
    workers = config.data.workers
    return EvalLoader(source, view, preprocessing, batch_size, workers, rank, ranks)
