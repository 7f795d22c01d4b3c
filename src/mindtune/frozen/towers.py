"""Frozen networks that look at the same pixels: CLIP's image tower and those beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mindspore import Tensor, nn, ops
from mindspore import dtype as mstype

from mindtune import assemble
from mindtune.backbones import CLIP, create_clip
from mindtune.config import (
    DEFAULT_AUXILIARY,
    RANDOM_WEIGHTS,
    AuxiliaryConfig,
    RunConfig,
)
from mindtune.engine.distributed.world import World
from mindtune.engine.precision import to_precision
from mindtune.errors import ConfigError
from mindtune.evaluation.features import PooledFeatures
from mindtune.parameters import weights_checksum, weights_of
from mindtune.preprocessing import Preprocessing
from mindtune.pretrained import (
    Pretrained,
    config_as_trained,
    load_clip,
    load_teacher,
    read_pretrained,
)

Say = Callable[[str], None]


class ImageFeatures(nn.Cell):
    """Images (B, 3, S, S) -> CLIP's image features (B, D), not normalised, float32."""

    def __init__(self, visual: nn.Cell) -> None:
        super().__init__(auto_prefix=False)
        self.visual = visual

    def construct(self, images: Tensor) -> Tensor:
        return ops.cast(self.visual.encode(images), mstype.float32)


@dataclass(frozen=True)
class FeatureTower:
    """A frozen network, with its weights.

    Attributes:
        network: images (B, 3, S, S) prepared by ``preprocessing`` -> features (B, ``width``).
        width: D.
        preprocessing: of its images; towers of one run differ in mean and std only.
        what: how the network was built (JSON).
    """

    network: nn.Cell
    width: int
    preprocessing: Preprocessing
    what: Mapping[str, Any]


@dataclass(frozen=True)
class FeatureTowers:
    """The towers of a run.

    Attributes:
        clip: both towers of the CLIP.
        source: its weight file; None: random weights.
        image: its image tower.
        auxiliary: the networks beside it.
    """

    clip: CLIP
    source: Path | None
    image: FeatureTower
    auxiliary: tuple[FeatureTower, ...]

    @property
    def all(self) -> tuple[FeatureTower, ...]:
        """CLIP's tower first."""
        return (self.image, *self.auxiliary)


def read_towers(
    config: RunConfig, world: World, say: Say, given: Pretrained | None = None
) -> FeatureTowers:
    """The CLIP ``config.backbone`` and the networks ``config.amu.auxiliary``, frozen.

    Weights are those of rank 0 on every rank, in ``config.precision``.

    Args:
        config: ``pretrained`` is the weight file of the CLIP.
        world: all ranks.
        say: is told what was loaded.
        given: the file ``config.pretrained``, where it has been read.

    Raises:
        ConfigError: no weights are named, or a backbone that is no CLIP's.
        WeightsError: a file cannot be read or does not fit.
    """
    if config.pretrained is None and given is None:
        raise ConfigError(
            "pretrained: got nothing, expected the weight file of the CLIP, both towers "
            "(random tries a recipe out)"
        )
    clip, preprocessing, source = _read_clip(config, say, given)
    world.broadcast(weights_of(clip))
    to_precision(clip.visual, config.precision)
    image = FeatureTower(
        ImageFeatures(clip.visual),
        clip.text_arch.embed_dim,
        preprocessing,
        {"output": "CLIP image features", **_built_by(config)},
    )
    auxiliary = [_auxiliary(config, one, preprocessing, world, say) for one in config.amu.auxiliary]
    return FeatureTowers(clip, source, image, tuple(auxiliary))


def identities_of(towers: FeatureTowers) -> list[dict[str, Any]]:
    """How to know each tower again: how it was built, and a checksum of its weights."""
    return [
        {"network": dict(tower.what), "weights": weights_checksum(tower.network)}
        for tower in towers.all
    ]


def _read_clip(
    config: RunConfig, say: Say, given: Pretrained | None
) -> tuple[CLIP, Preprocessing, Path | None]:
    if given is None and config.pretrained == RANDOM_WEIGHTS:
        _, preprocessing = assemble.build_clip(config)
        say("CLIP: random weights, to try things out")
        return create_clip(config.backbone.name, config.backbone.image_size), preprocessing, None
    pretrained = given or read_pretrained(str(config.pretrained), config.pretrained_key)
    clip, preprocessing = assemble.build_clip(config, pretrained.preprocessing)
    report = load_clip(clip, pretrained, config.position_resize)
    say(f"CLIP: {report.summary()}")
    return clip, preprocessing, pretrained.path


def _auxiliary(
    config: RunConfig, one: AuxiliaryConfig, seen: Preprocessing, world: World, say: Say
) -> FeatureTower:
    """A network beside CLIP, built for the size of CLIP's images."""
    if one.pretrained is None:
        raise ConfigError(
            "amu.auxiliary: got no pretrained, expected the weight file or run folder of each "
            "network, such as '[{name: resnet50, pretrained: r-50-1000ep.pth.tar}]'"
        )
    pretrained = None
    if one.pretrained != RANDOM_WEIGHTS:
        pretrained = read_pretrained(one.pretrained, one.pretrained_key)
    name = one.name or (pretrained.backbone_name if pretrained else None) or DEFAULT_AUXILIARY
    built_from = config_as_trained(config, pretrained, name, seen.input_size)
    stored = None if pretrained is None else pretrained.preprocessing
    backbone = assemble.build_backbone(built_from, stored)
    if pretrained is None:
        say(f"auxiliary {name}: random weights, to try things out")
    else:
        report = load_teacher(backbone, pretrained, config.position_resize)
        say(f"auxiliary {name}: {report.summary()}")
    world.broadcast(weights_of(backbone))
    to_precision(backbone, config.precision)
    own = backbone.preprocessing
    return FeatureTower(
        PooledFeatures(backbone),
        backbone.num_features,
        seen.updated({"mean": own.mean, "std": own.std}),
        {"output": "pooled", "tuning": asdict(built_from.tuning), **_built_by(built_from)},
    )


def _built_by(config: RunConfig) -> dict[str, Any]:
    return {"backbone": asdict(config.backbone), "precision": config.precision}
