"""Student and teacher of methods ibot and smkd, built from a configuration and from files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mindspore import Parameter
from mindspore.common.initializer import Initializer, Normal, Uniform, initializer

from mindtune import assemble
from mindtune.backbones import MaskedViT, MultiCropViT, VisionTransformer
from mindtune.config import RunConfig
from mindtune.errors import ConfigError, WeightsError
from mindtune.heads.projection import ProjectionHead
from mindtune.layers.random import seed_random_layers
from mindtune.networks.student_teacher import Projected, StudentTeacher
from mindtune.pretrained import Pretrained, read_pretrained
from mindtune.weights.load import load_weights

STUDENT, TEACHER = "student", "teacher"
_SECOND_NAME = "head.last_layer2"  # of the same prototypes, in the released files
_PROTOTYPES = "last_layer.weight_v"


def build_pair(config: RunConfig, stored: Mapping[str, Any] | None = None) -> StudentTeacher:
    """Both networks with random weights, the teacher a copy of the student.

    Raises:
        ConfigError: a backbone that is no ViT with absolute positions, sizes that do not fit, or
            a tuning (everything trains).
    """
    if config.tuning.modes != ["full"]:
        raise ConfigError(
            f"tuning.modes: got {config.tuning.modes} with method {config.method}, which trains "
            "the whole network; use --tuning.modes [full]"
        )
    plain = assemble.build_backbone(config, stored)
    if type(plain) is not VisionTransformer:
        raise ConfigError(
            f"backbone.name: got {config.backbone.name} with method {config.method}, expected a "
            "ViT with absolute positions, such as vit_small_patch16_224"
        )
    sizes = (config.self_distillation.views.local_size,)
    options = {k: v for k, v in vars(config.self_distillation.projection).items() if k != "reset"}
    heads = [ProjectionHead(plain.num_features, **options) for _ in (STUDENT, TEACHER)]
    student = MaskedViT(plain.arch, plain.preprocessing, config.backbone.drop_path, sizes)
    _start_as_dino(student)
    teacher = MultiCropViT(plain.arch, plain.preprocessing, 0.0, sizes)
    pair = StudentTeacher(Projected(student, heads[0]), Projected(teacher, heads[1]))
    seed_random_layers(pair, config.seed)
    return pair


def start_pair(pair: StudentTeacher, config: RunConfig, say: Callable[[str], None]) -> None:
    """Fill ``pair`` from ``config.pretrained``.

    A file with a student and a teacher (of iBOT, SMKD, this package) fills each from its own; one
    network, or the one that ``pretrained_key`` names, fills both.

    Raises:
        WeightsError: the file does not fit.
    """
    given = config.pretrained
    if given is None:
        return
    teacher = _network_called(given, TEACHER) if config.pretrained_key is None else None
    if teacher is None:
        say(_fill(pair.student, read_pretrained(given, config.pretrained_key), config))
        pair.copy_student()
        return
    say(_fill(pair.student, read_pretrained(given, STUDENT), config))
    say(_fill(pair.teacher, teacher, config))


def start_preprocessing(config: RunConfig) -> dict[str, Any]:
    """How the images of ``config.pretrained`` were prepared, where it says so."""
    if config.pretrained is None:
        return {}
    found = None if config.pretrained_key else _network_called(config.pretrained, TEACHER)
    return (found or read_pretrained(config.pretrained, config.pretrained_key)).preprocessing


def _network_called(given: str, key: str) -> Pretrained | None:
    """The network ``key`` of a file; None where it has none, which is no fault here."""
    try:
        return read_pretrained(given, key)
    except WeightsError:
        return None


def _fill(network: Projected, pretrained: Pretrained, config: RunConfig) -> str:
    names = pretrained.file.tensors
    keeps_head = any(name.endswith(_PROTOTYPES) for name in names)
    keeps_head = keeps_head and not config.self_distillation.projection.reset
    report = load_weights(
        network,
        pretrained.file,
        new=["masked_embed"] if keeps_head else ["masked_embed", "head"],
        dropped=[_SECOND_NAME] if keeps_head else ["head"],
        grid=network.backbone.grid_size,
        reset_option="--self_distillation.projection.reset true",
        position_resize=config.position_resize,
    )
    return report.summary()


def _start_as_dino(backbone: MaskedViT) -> None:
    """Class token normal of std 0.02, patch projection uniform, as the authors start."""
    projection = backbone.patch_embed.proj
    fan_in = projection.weight[0].size
    _draw(backbone.cls_token, Normal(0.02))
    _draw(projection.weight, Uniform(fan_in**-0.5))
    _draw(projection.bias, Uniform(fan_in**-0.5))


def _draw(parameter: Parameter, how: Initializer) -> None:
    parameter.set_data(initializer(how, parameter.shape, parameter.dtype))
