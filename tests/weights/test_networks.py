"""Files which hold several networks: the trained one is taken, the others by key."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from mindtune.backbones import create_backbone
from mindtune.errors import WeightsError
from mindtune.parameters import named_weights
from mindtune.weights.load import load_weights
from mindtune.weights.names import to_timm
from mindtune.weights.networks import network_by_key, trained_network
from mindtune.weights.readers import read_tensors


def filled(names: list[str], value: float = 0.0) -> dict[str, np.ndarray]:
    return {name: np.full((2,), value, np.float32) for name in names}


@pytest.mark.parametrize(
    ("names", "trained"),
    [
        (  # MoCo v3
            ["module.base_encoder.a", "module.momentum_encoder.a", "module.predictor.0.weight"],
            {"module.base_encoder.a": "a"},
        ),
        (  # MoCo v1 and v2
            ["module.encoder_q.a", "module.encoder_k.a", "module.queue", "module.queue_ptr"],
            {"module.encoder_q.a": "a"},
        ),
        (  # Feature Distillation
            ["encoder.a", "decoder.0.weight", "feature_model.visual.a"],
            {"encoder.a": "a"},
        ),
        (  # a Hugging Face ViT has an encoder too
            ["encoder.layer.0.a", "layernorm.a"],
            {"encoder.layer.0.a": "encoder.layer.0.a", "layernorm.a": "layernorm.a"},
        ),
        (["a.weight"], {"a.weight": "a.weight"}),
        ([], {}),
    ],
)
def test_trained_network(names: list[str], trained: Mapping[str, str]) -> None:
    assert trained_network(names) == trained


def test_network_by_key_takes_whole_words() -> None:
    tensors = {"module.base.a": 1, "base.b": 2, "basement.c": 3, "module.other.base.d": 4}
    assert network_by_key(tensors, "base") == {"a": 1, "b": 2}
    assert network_by_key(tensors, "bas") == {}


def vit_tensors(prefix: str, value: float) -> dict[str, np.ndarray]:
    shapes = {n: p.shape for n, p in named_weights(create_backbone("vit_test")).items()}
    return {f"{prefix}{name}": np.full(shape, value, np.float32) for name, shape in shapes.items()}


@pytest.fixture
def moco(tmp_path: Path) -> Path:
    """A MoCo v3 ViT: trained encoder 1, momentum encoder 2, projectors under ``head``."""
    tensors = {
        **vit_tensors("module.base_encoder.", 1),
        **vit_tensors("module.momentum_encoder.", 2),
        **filled(["module.base_encoder.head.0.weight", "module.momentum_encoder.head.0.weight"]),
        **filled(["module.predictor.0.weight"]),
    }
    save_file(tensors, tmp_path / "moco.safetensors")
    return tmp_path / "moco.safetensors"


@pytest.mark.parametrize(("key", "value"), [(None, 1), ("momentum_encoder", 2)])
def test_moco_v3(moco: Path, key: str | None, value: int) -> None:
    backbone = create_backbone("vit_test")
    report = load_weights(backbone, moco, key=key, dropped=["head"])
    assert (backbone.norm.weight.asnumpy() == value).all()
    assert "head.0.weight" in report.dropped
    assert ("module.predictor.0.weight" in report.dropped) == (key is None)


def smkd(value: float, student: bool) -> dict[str, np.ndarray]:
    wrapper = "module." if student else ""
    extra = [f"{wrapper}head.mlp.0.weight", f"{wrapper}head.last_layer.weight_g"]
    masked = [f"{wrapper}backbone.masked_embed"] if student else []
    return {**vit_tensors(f"{wrapper}backbone.", value), **filled([*extra, *masked])}


@pytest.mark.parametrize(("student", "value"), [(True, 1), (False, 2)])
def test_ibot_and_smkd(tmp_path: Path, student: bool, value: int) -> None:
    """The student's mask token has no place in a network without masking: left out, and said."""
    path = tmp_path / "part.safetensors"
    save_file(smkd(value, student), path)
    backbone = create_backbone("vit_test")
    report = load_weights(backbone, path, dropped=["head"])
    assert (backbone.pos_embed.asnumpy() == value).all()
    assert ("masked_embed" in report.dropped) == student


def test_esvit_second_head_is_left_out(tmp_path: Path) -> None:
    tensors = {**vit_tensors("module.", 3), **filled(["module.head_dense.mlp.0.weight"])}
    save_file(tensors, tmp_path / "esvit.safetensors")
    report = load_weights(create_backbone("vit_test"), tmp_path / "esvit.safetensors")
    assert report.dropped == ("head_dense.mlp.0.weight",)


def test_counters_of_batch_norms_are_no_weights() -> None:
    renamed = to_timm({**filled(["bn.weight", "bn.bias"]), "bn.num_batches_tracked": np.array(7)})
    assert set(renamed.tensors) == {"bn.weight", "bn.bias"}
    assert renamed.unused == ("bn.num_batches_tracked",)


@pytest.mark.parametrize("names", [["weight"], ["fc.weight"], ["module.fc.weight"]])
def test_adapter_of_amu_tuning(names: list[str]) -> None:
    assert list(to_timm(filled(names)).tensors) == ["fc.weight"]


def text(word: str) -> bytes:
    """The opcode of a string."""
    return b"X" + len(word).to_bytes(4, "little") + word.encode()


def test_lone_tensor_is_the_weight_of_a_layer(torch_zip: Callable[..., Path]) -> None:
    """``torch.save(adapter.weight, ...)``, as the AMU authors' released files."""
    no_hooks = b"ccollections\nOrderedDict\n)R"
    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu")
    view = storage + b"K\x06tQK\x00K\x02K\x03\x86K\x03K\x01\x86\x89" + no_hooks
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + view + b"tR"
    parameter = b"ctorch._utils\n_rebuild_parameter\n(" + tensor + b"\x88" + no_hooks + b"tR"
    values = np.arange(6, dtype=np.float32)
    for pickled in (tensor, parameter):
        file = read_tensors(torch_zip(b"\x80\x02" + pickled + b".", _0=values.tobytes()))
        np.testing.assert_array_equal(file.tensors["weight"], values.reshape(2, 3))


def test_unknown_key_lists_what_there_is(torch_zip: Callable[..., Path]) -> None:
    with pytest.raises(WeightsError, match="leave --pretrained_key out|no dict of tensors"):
        read_tensors(torch_zip(pickle.dumps({"a": 1}, 2)), "teacher")


def test_key_inside_the_usual_state_dict(data: Path) -> None:
    file = read_tensors(data / "b_timm_vit" / "training_checkpoint.pth.tar", "blocks.1")
    assert "norm1.weight" in file.tensors
    with pytest.raises(WeightsError, match="several state dicts|expected a state dict of it"):
        read_tensors(data / "b_timm_vit" / "dino_training.pth", "backbone")
