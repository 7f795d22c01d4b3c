"""What the comparisons with other libraries share: the same images, one tolerance, the way back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from mindspore import Tensor, nn
from safetensors.torch import load_file

from mindtune.converting import convert
from mindtune.parameters import named_weights
from mindtune.weights.load import load_weights
from mindtune.weights.save import save_safetensors


def images() -> np.ndarray:
    return np.random.default_rng(2).standard_normal((2, 3, 224, 224)).astype(np.float32)


def assert_near(found: Tensor, expected: torch.Tensor) -> None:
    """Within 1e-4 of the largest value, or of 1."""
    wanted = expected.detach().numpy()
    scale = max(1.0, np.abs(wanted).max())
    np.testing.assert_allclose(found.asnumpy(), wanted, rtol=0, atol=1e-4 * scale)


def assert_loads_from_transformers(network: nn.Cell, model: Any, folder: Path) -> None:
    """Files of ``model`` under the names of transformers 4 and 5 load, and give its logits."""
    with torch.no_grad():
        logits = model(torch.from_numpy(images())).logits
    for original_names in (True, False):
        theirs = folder / f"theirs_{original_names}"
        model.save_pretrained(theirs, save_original_format=original_names)
        assert not load_weights(network, theirs).new
        assert_near(network(Tensor(images())), logits)


def written(network: nn.Cell, folder: Path, form: str) -> Path:
    """The network's weights, saved here and converted to ``form``."""
    ours = {name: p.asnumpy() for name, p in named_weights(network).items()}
    save_safetensors(folder / "ours.safetensors", ours, {})
    target = folder / "model.safetensors"
    convert(str(folder / "ours.safetensors"), target, form)
    return target


def assert_back_in_timm(network: nn.Cell, model: torch.nn.Module, folder: Path) -> None:
    """``network``, written, loads strictly into timm's ``model``, whose weights it has."""
    back = load_file(written(network, folder, "safetensors-timm"))
    original = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert not any(model.load_state_dict(back, strict=True))
    for name, tensor in original.items():
        np.testing.assert_array_equal(model.state_dict()[name].numpy(), tensor.numpy(), name)


def assert_back_in_transformers(network: nn.Cell, model: Any, folder: Path) -> None:
    """The same for a ``model`` of transformers."""
    written(network, folder, "safetensors-hf")
    model.config.save_pretrained(folder)
    back, report = type(model).from_pretrained(folder, output_loading_info=True)
    assert not any(report[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    for name, tensor in model.state_dict().items():
        np.testing.assert_array_equal(back.state_dict()[name].numpy(), tensor.numpy(), name)
