"""The weights that class names give a classifier, kept on disk."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from mindtune.backbones.clip_text import TextEncoder
from mindtune.evaluation.feature_cache import FeatureCache
from mindtune.networks.text_classifier import text_weights_of
from mindtune.parameters import weights_checksum
from mindtune.version import __version__


def frozen_text_weights(encoder: TextEncoder, ids: np.ndarray, cache: str | None) -> np.ndarray:
    """``text_weights_of`` the token ids (K, P, L), float32 (D, K).

    One rank is to call it: there is one file, and no share of it.

    Args:
        encoder: a CLIP or its text tower, with its weights.
        ids: see ``prompt_ids``.
        cache: folder to take the weights from, or else to keep them in; None: neither. They are
            known again by the ids and by all weights of ``encoder``.

    Raises:
        CheckpointError: ``cache`` cannot be written, or holds a broken file.
    """
    if cache is None:
        return text_weights_of(encoder, ids)

    def fill(values: np.ndarray) -> None:
        values[:] = text_weights_of(encoder, ids).T

    identity = {
        "classes, prompts, tokens": list(ids.shape),
        "token ids": hashlib.sha256(np.ascontiguousarray(ids, "<i4").tobytes()).hexdigest(),
        "weights": weights_checksum(encoder),
        "mindtune": __version__,
    }
    width = encoder.text_arch.embed_dim
    return np.ascontiguousarray(FeatureCache(Path(cache)).share(identity, len(ids), width, fill).T)
