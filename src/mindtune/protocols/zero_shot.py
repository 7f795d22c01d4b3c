"""Protocol ``zero_shot``: the nearest of a CLIP's texts (Radford et al., ICML 2021, 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mindtune import assemble
from mindtune.data.datasets import dataset_spec
from mindtune.data.source import ImageSource
from mindtune.frozen_texts import frozen_text_weights
from mindtune.pretrained import load_clip
from mindtune.protocols.evaluation import Evaluation
from mindtune.protocols.judged_split import judged_split
from mindtune.text.prompts import check_templates, templates_of
from mindtune.text_classifier import TextClassifier, prompt_ids


def zero_shot(evaluation: Evaluation) -> tuple[str, dict[str, Any]]:
    """Accuracies of cosines with class names in templates."""
    config = evaluation.config
    templates = config.text.templates
    if templates is None:
        templates = list(templates_of(dataset_spec(config.data.name).name))
    check_templates(templates)
    split, source, found = judged_split(evaluation)
    name = f"zero_shot_{split}"
    result = evaluation.judge(name, _text_classifier(evaluation, source, templates), source)
    found = {**found, "backbone": config.backbone.name, "templates": templates}
    return name, {**found, "metrics": result.metrics()}


def _text_classifier(
    evaluation: Evaluation, source: ImageSource, templates: Sequence[str]
) -> TextClassifier:
    """The classifier made of the texts of the classes of ``source``."""
    config, pretrained = evaluation.config, evaluation.pretrained
    clip, preprocessing = assemble.build_clip(config, pretrained.preprocessing)
    report = load_clip(clip, pretrained, config.position_resize)
    tokenizer = assemble.build_tokenizer(config.text, pretrained.path, clip)
    ids = prompt_ids(tokenizer, source.class_names, templates)
    evaluation.begin(clip, report.summary(), preprocessing)
    network = TextClassifier(clip, len(ids), preprocessing)
    if evaluation.world.is_main:
        network.set_texts(frozen_text_weights(clip, ids, config.text.cache))
    evaluation.world.broadcast([network.text_weights])
    return network
