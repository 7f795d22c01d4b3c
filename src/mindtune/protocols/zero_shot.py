"""Protocol ``zero_shot``: the nearest of a CLIP's texts (Radford et al., ICML 2021, 3.1)."""

from __future__ import annotations

from typing import Any

from mindtune import assemble
from mindtune.data.source import ImageSource
from mindtune.frozen.class_texts import class_texts, templates_for
from mindtune.networks.text_classifier import TextClassifier
from mindtune.pretrained import load_clip
from mindtune.protocols.evaluation import Evaluation
from mindtune.protocols.judged_split import judged_split


def zero_shot(evaluation: Evaluation) -> tuple[str, dict[str, Any]]:
    """Accuracies of cosines with class names in templates."""
    config = evaluation.config
    templates = templates_for(config)
    split, source, found = judged_split(evaluation)
    name = f"zero_shot_{split}"
    result = evaluation.judge(name, _text_classifier(evaluation, source), source)
    found = {**found, "backbone": config.backbone.name, "templates": templates}
    return name, {**found, "metrics": result.metrics()}


def _text_classifier(evaluation: Evaluation, source: ImageSource) -> TextClassifier:
    """The classifier made of the texts of the classes of ``source``."""
    config, pretrained = evaluation.config, evaluation.pretrained
    clip, preprocessing = assemble.build_clip(config, pretrained.preprocessing)
    report = load_clip(clip, pretrained, config.position_resize)
    texts = class_texts(config, clip, pretrained.path, source.class_names, evaluation.world)
    evaluation.begin(clip, report.summary(), preprocessing)
    network = TextClassifier(clip, len(source.class_names), preprocessing)
    network.set_texts(texts)
    return network
