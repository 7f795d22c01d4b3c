"""A classifier whose weights are texts: CLIP's zero-shot classification."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mindspore import Parameter, Tensor, nn, ops
from mindspore.common.initializer import initializer

from mindtune.backbones.clip import CLIP
from mindtune.backbones.clip_text import TextEncoder
from mindtune.heads.logit_fusion import LOGIT_SCALE, unit
from mindtune.preprocessing import Preprocessing
from mindtune.text.clip_tokenizer import ClipTokenizer
from mindtune.text.prompts import prompts_for

_BATCH = 128  # prompts a graph call


class TextClassifier(nn.Cell):
    """Images (B, 3, S, S) -> logits (B, K), 100 times the cosines to the classes' texts.

    The constant 100 stands in the place of CLIP's learnt ``logit_scale``, as in AMU-Tuning's code.

    Args:
        clip: both towers; only the image tower is kept.
        num_classes: K.
        preprocessing: how to prepare images.
    """

    def __init__(self, clip: CLIP, num_classes: int, preprocessing: Preprocessing) -> None:
        super().__init__(auto_prefix=False)  # the parameters keep their names
        self.preprocessing = preprocessing
        self.visual = clip.visual
        shape = (clip.text_arch.embed_dim, num_classes)
        self.text_weights = Parameter(initializer("zeros", shape), name="text_weights")

    def set_texts(self, text_weights: np.ndarray) -> None:
        """Take the weights (D, K) that ``text_weights_of`` gives; until then all logits are 0."""
        self.text_weights.set_data(Tensor(text_weights))

    def construct(self, images: Tensor) -> Tensor:
        return LOGIT_SCALE * ops.matmul(unit(self.visual.encode(images)), self.text_weights)


class _UnitTexts(nn.Cell):
    """Token ids (B, L) -> text features (B, D) of length 1."""

    def __init__(self, encoder: TextEncoder) -> None:
        super().__init__(auto_prefix=False)  # the parameters keep their names
        self.encoder = encoder

    def construct(self, ids: Tensor) -> Tensor:
        return unit(self.encoder.encode_text(ids))


def prompt_ids(
    tokenizer: ClipTokenizer, class_names: Sequence[str], templates: Sequence[str]
) -> np.ndarray:
    """Token ids int32 (K, P, L) of K classes in P templates.

    Raises:
        DataError: a prompt that the tokeniser refuses.
    """
    prompts = [prompt for name in class_names for prompt in prompts_for(name, templates)]
    return tokenizer(prompts).reshape(len(class_names), len(templates), -1)  # (K, P, L)


def text_weights_of(encoder: TextEncoder, ids: np.ndarray) -> np.ndarray:
    """Weights float32 (D, K): of each class, the mean of its prompts' unit features, made unit.

    Args:
        encoder: a text tower.
        ids: (K, P, L), see ``prompt_ids``.
    """
    classes, prompts, length = ids.shape
    features = encode_texts(encoder, ids.reshape(-1, length))  # (K * P, D)
    means = features.reshape(classes, prompts, -1).mean(axis=1, dtype=np.float64)  # (K, D)
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    return np.ascontiguousarray(means.T, np.float32)  # (D, K)


def encode_texts(encoder: TextEncoder, ids: np.ndarray, batch_size: int = _BATCH) -> np.ndarray:
    """Unit text features float32 (N, D) of token ids (N, L), by one compiled graph.

    Columns after the longest text are cut off: no token sees what stands behind it.
    """
    longest = int(np.max(ids.argmax(axis=1))) + 1
    size = min(batch_size, len(ids))
    filled = np.concatenate([ids, ids[-1:].repeat(-len(ids) % size, axis=0)])[:, :longest]
    network = _UnitTexts(encoder).set_train(False)
    parts = [
        network(Tensor(np.ascontiguousarray(filled[start : start + size]))).asnumpy()
        for start in range(0, len(filled), size)
    ]
    return np.concatenate(parts)[: len(ids)]
