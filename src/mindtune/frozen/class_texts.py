"""What the classes of a run are called in CLIP's space: its class names in templates, encoded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mindspore import Parameter, Tensor

from mindtune import assemble
from mindtune.backbones import CLIP
from mindtune.config import RunConfig
from mindtune.data.datasets import dataset_spec
from mindtune.engine.distributed.world import World
from mindtune.frozen.texts import frozen_text_weights
from mindtune.networks.text_classifier import prompt_ids
from mindtune.text.prompts import check_templates, templates_of


def templates_for(config: RunConfig) -> list[str]:
    """The templates of ``config.text``, or else of its data set.

    Raises:
        ConfigError: templates that no class name fits into.
    """
    templates = config.text.templates
    if templates is None:
        templates = list(templates_of(dataset_spec(config.data.name).name))
    check_templates(templates)
    return templates


def class_texts(
    config: RunConfig, clip: CLIP, weights: Path | None, class_names: Sequence[str], world: World
) -> np.ndarray:
    """Columns of length 1 (D, K), one a class, those of rank 0 on every rank.

    Args:
        config: its templates, tokeniser and cache of texts.
        clip: with its weights.
        weights: their file, beside which the tokeniser is looked for; None: they are random, and
            so are the columns, for which no tokeniser is needed.
        class_names: K names.
        world: all ranks.

    Raises:
        ConfigError: templates that no class name fits into.
        DataError: a prompt that the tokeniser refuses.
        WeightsError: no vocabulary, or one of another network.
    """
    shape = (clip.text_arch.embed_dim, len(class_names))
    if weights is None:
        columns = np.random.default_rng(config.seed).standard_normal(shape)
        return (columns / np.linalg.norm(columns, axis=0)).astype(np.float32)
    tokenizer = assemble.build_tokenizer(config.text, weights, clip)
    ids = prompt_ids(tokenizer, class_names, templates_for(config))
    texts = Parameter(Tensor(np.zeros(shape, np.float32)), name="texts")
    if world.is_main:
        texts.set_data(Tensor(frozen_text_weights(clip, ids, config.text.cache)))
    world.broadcast([texts])
    return texts.asnumpy()
