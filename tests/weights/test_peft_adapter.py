"""Adapters of Hugging Face's PEFT: files that peft wrote, and ours read back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor
from safetensors.numpy import load_file, save_file

from mindtune.backbones import VisionTransformer, ViTArchitecture
from mindtune.converting import convert
from mindtune.errors import WeightsError
from mindtune.heads.linear import LinearHead
from mindtune.networks.classifier import Classifier
from mindtune.parameters import named_weights
from mindtune.preprocessing import Preprocessing
from mindtune.tuning.lora import add_lora
from mindtune.weights.load import load_weights
from mindtune.weights.low_rank import LowRankUpdate
from mindtune.weights.names import to_timm
from mindtune.weights.peft_adapter import beside_weights, merged_adapter, read_adapter
from mindtune.weights.peft_config import AdapterConfig
from mindtune.weights.peft_writing import target_modules, write_adapter
from mindtune.weights.readers import read_tensors
from mindtune.weights.weight_file import WeightFile

WEIGHTS = Path(__file__).parents[1] / "data" / "weights"
ADAPTERS = WEIGHTS / "f_peft"
EXPECTED = np.load(WEIGHTS / "f_peft_expected.npz")
BASE = to_timm(read_tensors(WEIGHTS / "a_hf_vit" / "v4_keys").tensors).tensors
SAME = ["lora_v5", "lora_v4", "lora_both_keys", "lora_bin"]


def network(dim=48, depth=3, heads=3, classes=10, lora=None) -> Classifier:
    arch = ViTArchitecture(8, dim, depth, heads, mlp_ratio=2.0, norm_eps=1e-12)
    backbone = VisionTransformer(arch, Preprocessing(2 * 8 if dim == 16 else 32))
    if lora is not None:
        add_lora(backbone, **lora)
    return Classifier(backbone, LinearHead(dim, classes, 1))


def logits(net: Classifier, tensors: dict[str, np.ndarray], images: np.ndarray) -> np.ndarray:
    report = load_weights(net, WeightFile(tensors, {}, Path("test"), "safetensors"))
    assert not report.new
    return net(Tensor(images)).asnumpy()


@pytest.fixture(autouse=True)
def _operator_by_operator():
    """Compiling a small network takes longer than running it a few times without."""
    ms.set_context(mode=ms.PYNATIVE_MODE)
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


@pytest.fixture(scope="module")
def plain() -> Classifier:
    return network()


@pytest.mark.parametrize("name", [*SAME, "lora_bias_only", "lora_bias_all", "lora_rslora_pattern"])
def test_merged_adapter_gives_peft_s_logits(name, plain):
    adapter = read_adapter(ADAPTERS / name)
    tensors = merged_adapter(BASE, adapter)
    case = "lora_v5" if name in SAME else name
    found = logits(plain, tensors, EXPECTED["f_peft/image"])
    np.testing.assert_allclose(found, EXPECTED[f"f_{case}/logits"], rtol=0, atol=5e-5)
    assert np.abs(EXPECTED["f_peft/base_logits"] - found).max() > 0.1
    if name in SAME:
        key, last = "merged_q_weight_layer1", "merged_v_weight_last_layer"
        expected = EXPECTED[f"f_lora_v5/{key}"]
        np.testing.assert_allclose(tensors["blocks.1.attn.qkv.weight"][:48], expected, atol=1e-6)
        expected = EXPECTED[f"f_lora_v5/{last}"]
        np.testing.assert_allclose(tensors["blocks.2.attn.qkv.weight"][96:], expected, atol=1e-6)
    if name == "lora_rslora_pattern":
        expected = EXPECTED["f_lora_rslora_pattern/merged_q_weight_layer1"]
        np.testing.assert_allclose(tensors["blocks.1.attn.qkv.weight"][:48], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "bias"),
    [("lora_v5", "none"), ("lora_bias_only", "lora_only"), ("lora_bias_all", "all")],
)
def test_beside_the_weights_it_is_the_same_network(name, bias):
    tuned = network(lora={"rank": 4, "alpha": 8, "bias": bias})
    tensors = beside_weights(BASE, read_adapter(ADAPTERS / name), bias == "lora_only")
    found = logits(tuned, tensors, EXPECTED["f_peft/image"])
    np.testing.assert_allclose(found, EXPECTED[f"f_{name}/logits"], rtol=0, atol=5e-5)
    own = [key for key in named_weights(tuned) if key.endswith(".bias") and ".lora." in key]
    assert len(own) == (6 if bias == "lora_only" else 0)
    for key in ("blocks.0.attn.qkv.bias", "norm.bias"):
        same = np.array_equal(tensors[key], BASE[key])
        assert same == (bias != "all")


@pytest.mark.parametrize(
    "name", ["lora_v5", "lora_v4", "lora_both_keys", "lora_bias_only", "lora_bias_all"]
)
def test_written_files_are_peft_s_own(name, tmp_path):
    adapter = read_adapter(ADAPTERS / name)
    layouts = {"lora_v4": ("v4",), "lora_both_keys": ("v4", "v5")}.get(name, ("v5",))
    write_adapter(tmp_path, adapter.config, adapter.updates, adapter.values, 3, layouts)
    ours = load_file(tmp_path / "adapter_model.safetensors")
    theirs = load_file(ADAPTERS / name / "adapter_model.safetensors")
    theirs = {key: a for key, a in theirs.items() if "original_module" not in key}
    theirs.pop("base_model.model.classifier.modules_to_save.bias", None)
    assert set(ours) == set(theirs)
    for key, array in theirs.items():
        np.testing.assert_array_equal(ours[key], array, key)
    ours_say, they_say = (
        json.loads((folder / "adapter_config.json").read_text())
        for folder in (tmp_path, ADAPTERS / name)
    )
    for config in (ours_say, they_say):
        config["target_modules"] = sorted(config["target_modules"])
    assert {key: they_say.get(key, False) for key in ours_say} == ours_say


def golden_tensors() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Base and updates of a ViT by the rule of the specification: no file of peft is needed."""
    dim, hidden = 16, 32
    layers = "vit.encoder.layer"
    shapes = {
        "classifier.weight": (3, dim), "classifier.bias": (3,),
        "vit.embeddings.cls_token": (1, 1, dim), "vit.embeddings.position_embeddings": (1, 5, dim),
        "vit.embeddings.patch_embeddings.projection.weight": (dim, 3, 8, 8),
        "vit.embeddings.patch_embeddings.projection.bias": (dim,),
        "vit.layernorm.weight": (dim,), "vit.layernorm.bias": (dim,),
    }  # fmt: skip
    dense = {
        "attention.attention.query": (dim, dim), "attention.attention.key": (dim, dim),
        "attention.attention.value": (dim, dim), "attention.output.dense": (dim, dim),
        "intermediate.dense": (hidden, dim), "output.dense": (dim, hidden),
        "layernorm_before": (dim,), "layernorm_after": (dim,),
    }  # fmt: skip
    for layer in (0, 1):
        for name, shape in dense.items():
            shapes[f"{layers}.{layer}.{name}.weight"] = shape
            shapes[f"{layers}.{layer}.{name}.bias"] = shape[:1]
    base = {}
    for i, name in enumerate(sorted(shapes)):
        count = np.arange(np.prod(shapes[name]))
        norm = "layernorm" in name and name.endswith("weight")
        values = 0.2 * np.sin(0.7 * count + i) + norm
        base[name] = values.reshape(shapes[name]).astype(np.float32)
    updates = {}
    names = [
        f"{layers}.{layer}.attention.attention.{part}.lora_{which}"
        for layer in (0, 1)
        for part in ("query", "value")
        for which in "AB"
    ]
    for i, name in enumerate(sorted(names)):
        shape = (2, dim) if name.endswith("A") else (dim, 2)
        values = 0.3 * np.cos(0.3 * np.arange(2 * dim) + i)
        updates[f"base_model.model.{name}.weight"] = values.reshape(shape).astype(np.float32)
    return base, updates


@pytest.mark.parametrize("merged", [True, False], ids=["merged", "beside"])
def test_golden_forward_of_the_specification(merged, tmp_path):
    """Figures of transformers and peft in float32, for weights that are sines of their index."""
    base, updates = golden_tensors()
    save_file(updates, tmp_path / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["query", "value"]}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    images = np.sin(0.05 * np.arange(768)).reshape(1, 3, 16, 16).astype(np.float32)
    timms = to_timm(base).tensors
    found = logits(network(16, 2, 2, 3), timms, images)
    close = {"rtol": 0, "atol": 2e-6}
    np.testing.assert_allclose(found, [[0.2909861, 0.6702389, 0.1259156]], **close)
    adapter = read_adapter(tmp_path)
    if merged:
        found = logits(network(16, 2, 2, 3), merged_adapter(timms, adapter), images)
    else:
        tuned = network(16, 2, 2, 3, lora={"rank": 2, "alpha": 4})
        found = logits(tuned, beside_weights(timms, adapter, False), images)
    np.testing.assert_allclose(found, [[0.3271247, 0.5976541, 0.0603070]], **close)


def updates_of(*places: str) -> list[LowRankUpdate]:
    """Updates of ``0.q``, ``1.mlp.fc2``, ..."""
    updates = []
    for place in places:
        block, _, kind = place.partition(".")
        layer, part = ("attn.qkv", kind) if len(kind) == 1 else (kind, "whole")
        array = np.ones((1, 1), np.float32)
        updates.append(LowRankUpdate(f"blocks.{block}.{layer}", part, array, array, 1.0))
    return updates


@pytest.mark.parametrize(
    ("places", "layouts", "expected"),
    [
        (["0.q", "1.q"], ("v4", "v5"), ["query", "q_proj"]),
        (["0.mlp.fc2", "1.mlp.fc2"], ("v5",), ["fc2"]),
        (["0.mlp.fc2", "1.mlp.fc2", "0.attn.proj", "1.attn.proj"], ("v4",),
         ["attention.output.dense", "output.dense"]),
        (["0.mlp.fc2", "1.mlp.fc2"], ("v4",),
         r"vit\.encoder\.layer\.0\.output\.dense|vit\.encoder\.layer\.1\.output\.dense"),
        (["1.k"], ("v5",), r"vit\.layers\.1\.attention\.k_proj"),
    ],
    ids=["both", "fc2 in 5", "fc2 and proj in 4", "fc2 in 4", "one block"],
)  # fmt: skip
def test_targets_say_exactly_the_updated_layers(places, layouts, expected):
    assert target_modules(updates_of(*places), 2, layouts) == expected


def test_layers_without_a_name_in_hugging_face_s_vit_are_refused(tmp_path):
    update = LowRankUpdate(
        "layers.0.blocks.0.mlp.fc1", "whole", np.ones((1, 2)), np.ones((2, 1)), 1
    )
    with pytest.raises(
        WeightsError, match=r"got layers.0.blocks.0.mlp.fc1 \(whole\), which a Hugg"
    ):
        write_adapter(tmp_path / "new", AdapterConfig(1, 1), [update], {}, 1)
    assert not (tmp_path / "new").exists()


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ADAPTERS / "lora_both_keys", tmp_path / "adapter"))


def change_config(folder: Path, **values: object) -> None:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def change_tensors(folder: Path, **changes: object) -> None:
    path = folder / "adapter_model.safetensors"
    tensors = load_file(path)
    for key, change in changes.items():
        name = next(name for name in tensors if key in name)
        array = tensors.pop(name)
        if change is not None:
            tensors[str(change) if isinstance(change, str) else name] = array + 1.0
    save_file(tensors, path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"peft_type": "LOHA"}, "got peft_type 'LOHA', expected a plain LoRA adapter; merge it"),
        ({"use_dora": True}, "got use_dora True"),
        ({"lora_bias": True}, "got lora_bias True"),
        ({"fan_in_fan_out": True}, "got fan_in_fan_out True"),
        ({"init_lora_weights": "pissa_niter_4"}, "got init_lora_weights 'pissa_niter_4'"),
        ({"layer_replication": [[0, 2]]}, "got layer_replication"),
        ({"an_option_of_tomorrow": 3}, "got an_option_of_tomorrow 3"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_variants_are_refused(values, message, copied):
    change_config(copied, **values)
    with pytest.raises(WeightsError, match=message):
        read_adapter(copied)


def test_dora_is_refused():
    with pytest.raises(WeightsError, match="got use_dora True, expected a plain LoRA adapter"):
        read_adapter(ADAPTERS / "dora_unsupported")


NEW_QUERY, OLD_QUERY = "layers.0.attention.q_proj", "layer.0.attention.attention.query"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({f"{NEW_QUERY}.lora_A": True}, "got two different tensors for .*blocks.0.attn"),
        (
            {f"{NEW_QUERY}.lora_A": None, f"{OLD_QUERY}.lora_A": None},
            r"half an update of .*qkv \(q\)",
        ),
        ({"classifier.bias": "base_model.model.pooler.bias"}, "got a tensor '.*pooler.bias'"),
    ],
    ids=["differing sets", "half an update", "unknown"],
)
def test_damaged_tensors_are_refused(changes, message, copied):
    change_tensors(copied, **changes)
    with pytest.raises(WeightsError, match=message):
        read_adapter(copied)


def test_folders_that_are_no_adapter_are_refused(copied):
    (copied / "adapter_model.safetensors").unlink()
    with pytest.raises(WeightsError, match="got no adapter_model.safetensors or adapter_model.bin"):
        read_adapter(copied)
    (copied / "adapter_config.json").write_text("{")
    with pytest.raises(WeightsError, match="is no JSON"):
        read_adapter(copied)
    with pytest.raises(WeightsError, match="got no adapter_config.json that can be read"):
        read_adapter(WEIGHTS)


def test_a_bare_backbone_s_names_are_known(copied):
    path = copied / "adapter_model.safetensors"
    tensors = {k.replace(".vit.", "."): a for k, a in load_file(path).items() if "layers" in k}
    save_file(tensors, path)
    bare, whole = read_adapter(copied), read_adapter(ADAPTERS / "lora_v5")
    found, expected = (
        {(u.layer, u.part): u.delta() for u in adapter.updates} for adapter in (bare, whole)
    )
    assert set(found) == set(expected)
    assert all(np.array_equal(found[place], expected[place]) for place in expected)
    assert bare.values == {}


def test_adapter_of_another_width_is_refused():
    wide = {name: np.repeat(array, 2, axis=-1) for name, array in BASE.items()}
    with pytest.raises(WeightsError, match=r"got an update of shape \(48, 48\) for a tensor of"):
        merged_adapter(wide, read_adapter(ADAPTERS / "lora_v5"))


def test_converted_with_an_adapter_the_file_has_it_merged(tmp_path):
    base, file = WEIGHTS / "a_hf_vit" / "v4_keys", tmp_path / "merged.safetensors"
    adapter = ADAPTERS / "lora_bias_only"
    convert(str(base), file, "safetensors-timm", adapter=str(adapter))
    found, expected = load_file(file), merged_adapter(BASE, read_adapter(adapter))
    assert set(found) == set(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, name)
