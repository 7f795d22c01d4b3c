"""LoRA on a ViT-B/16 of transformers, by peft: its numbers, its gradients, its files, both ways."""

from __future__ import annotations

from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
import torch
from mindspore import ParameterTuple, Tensor, ops
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import ViTConfig, ViTForImageClassification

from mindtune.backbones import VisionTransformer, ViTArchitecture
from mindtune.heads.linear import LinearHead
from mindtune.networks.classifier import Classifier
from mindtune.objectives.supervised import SupervisedObjective
from mindtune.parameters import named_weights
from mindtune.preprocessing import Preprocessing
from mindtune.tuning.lora import add_lora
from mindtune.tuning.lora_merging import lora_updates
from mindtune.weights.load import load_weights
from mindtune.weights.low_rank import WHOLE
from mindtune.weights.names import to_timm
from mindtune.weights.peft_adapter import beside_weights, read_adapter
from mindtune.weights.peft_config import AdapterConfig
from mindtune.weights.peft_names import Place, modules_of
from mindtune.weights.peft_writing import write_adapter
from mindtune.weights.readers import read_tensors
from mindtune.weights.weight_file import WeightFile

CLASSES, RANK, ALPHA = 7, 8, 16
TARGETS = {"q": "q_proj", "v": "v_proj", "fc2": "mlp.fc2"}
LABELS = [2, 5]


@pytest.fixture(autouse=True)
def _operator_by_operator():
    """Compiling a graph of ViT-B takes longer than running it once without."""
    ms.set_context(mode=ms.PYNATIVE_MODE)
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory) -> tuple[PeftModel, Path, Path]:
    """A random ViT-B/16 with random updates, and the folders of both."""
    torch.manual_seed(0)
    base_folder, folder = tmp_path_factory.mktemp("base"), tmp_path_factory.mktemp("adapter")
    base = ViTForImageClassification(ViTConfig(num_labels=CLASSES))
    base.save_pretrained(base_folder)
    config = LoraConfig(
        r=RANK,
        lora_alpha=ALPHA,
        target_modules=list(TARGETS.values()),
        modules_to_save=["classifier"],
    )
    model = get_peft_model(base, config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name or "modules_to_save" in name:
                parameter.normal_(std=0.05)
    model.save_pretrained(folder)
    return model, base_folder, folder


def images() -> np.ndarray:
    return np.random.default_rng(2).standard_normal((2, 3, 224, 224)).astype(np.float32)


def ours(base_folder: Path, adapter_folder: Path) -> Classifier:
    arch = ViTArchitecture(16, 768, 12, 12, norm_eps=1e-12)
    backbone = VisionTransformer(arch, Preprocessing(224))
    add_lora(backbone, list(TARGETS), rank=RANK, alpha=ALPHA)
    network = Classifier(backbone, LinearHead(768, CLASSES, 1))
    base = to_timm(read_tensors(base_folder).tensors).tensors
    tensors = beside_weights(base, read_adapter(adapter_folder), own_biases=False)
    assert not load_weights(network, WeightFile(tensors, {}, Path("test"), "safetensors")).new
    return network


def test_forward_and_gradients(theirs):
    model, base_folder, folder = theirs
    network = ours(base_folder, folder)
    x = images()
    expected = model(torch.from_numpy(x)).logits
    torch.nn.functional.cross_entropy(expected, torch.tensor(LABELS)).backward()
    found = network(Tensor(x)).asnumpy()
    scale = max(1.0, float(expected.abs().max()))
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=0, atol=1e-4 * scale)

    trained = {n: p for n, p in named_weights(network).items() if ".lora." in n or n[:4] == "head"}
    parameters = ParameterTuple(list(trained.values()))
    differentiate = ops.value_and_grad(SupervisedObjective(network), None, parameters, has_aux=True)
    targets = Tensor(np.eye(CLASSES, dtype=np.float32)[LABELS])
    _, gradients = differentiate(Tensor(x), targets)
    gradient_of = {n: g.asnumpy() for n, g in zip(trained, gradients)}
    compared = 0
    for name, parameter in model.named_parameters():
        if parameter.grad is None:
            continue
        theirs_is = parameter.grad.numpy()
        largest = np.abs(theirs_is).max()
        assert largest > 0
        np.testing.assert_allclose(
            gradient_of[our_name(name)], theirs_is, rtol=0, atol=1e-4 * largest, err_msg=name
        )
        compared += 1
    assert compared == len(trained) == 12 * 3 * 2 + 2


def our_name(name: str) -> str:
    """Ours of a parameter of peft's wrapped model."""
    if "classifier" in name:
        return f"head.{name.rpartition('.')[2]}"
    block = name.split("layers.")[1].split(".")[0]
    which = "A" if "lora_A" in name else "B"
    for part, module in TARGETS.items():
        if f".{module}." in name:
            layer = "mlp.fc2.lora.whole" if part == "fc2" else f"attn.qkv.lora.{part}"
            return f"backbone.blocks.{block}.{layer}.{which}"
    raise AssertionError(name)


@pytest.mark.parametrize("layouts", [("v4", "v5"), ("v5",)], ids=["both", "5"])
def test_a_folder_of_ours_loads_in_peft(theirs, layouts, tmp_path):
    _, base_folder, folder = theirs
    network = ours(base_folder, folder)
    rng = np.random.default_rng(3)
    for name, parameter in named_weights(network).items():
        if ".lora." in name:
            value = 0.05 * rng.standard_normal(parameter.shape)
            parameter.set_data(Tensor(value.astype(np.float32)))
    head = {(f"head.{n}", WHOLE): p.asnumpy() for n, p in named_weights(network.head).items()}
    updates = lora_updates(network.backbone)
    write_adapter(tmp_path, AdapterConfig(RANK, ALPHA), updates, head, 12, layouts)
    base = ViTForImageClassification.from_pretrained(base_folder)
    loaded = PeftModel.from_pretrained(base, str(tmp_path)).eval()
    wrapped = {name for name, _ in loaded.named_modules() if name.endswith("lora_A.default")}
    expected = {modules_of(Place(u.layer, u.part))["v5"] for u in updates}
    assert {
        name.split("base_model.model.")[1][: -len(".lora_A.default")] for name in wrapped
    } == expected
    with torch.no_grad():
        logits = loaded(torch.from_numpy(images())).logits.numpy()
    found = network(Tensor(images())).asnumpy()
    np.testing.assert_allclose(found, logits, rtol=0, atol=1e-4 * max(1, np.abs(logits).max()))
