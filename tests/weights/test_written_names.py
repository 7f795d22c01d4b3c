"""Names written for other libraries are those which they write, and come back unchanged."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from mindtune.errors import WeightsError
from mindtune.weights.clip_names import HUGGING_FACE_CLIP, TIMM_CLIP
from mindtune.weights.name_map import Entry, Layout, NameMap
from mindtune.weights.name_maps import GOOGLE_VIT, HUGGING_FACE_VIT, WRITTEN_HUGGING_FACE_VIT
from mindtune.weights.names import to_timm
from mindtune.weights.readers import read_tensors
from mindtune.weights.swin_names import WRITTEN_HUGGING_FACE_SWIN
from mindtune.weights.written_names import HUGGING_FACE_MAPS, from_timm, table_for

Tensors = Mapping[str, np.ndarray]


def assert_equal(found: Tensors, expected: Tensors) -> None:
    assert set(found) == set(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


@pytest.mark.parametrize(
    ("file", "table", "num_heads"),
    [
        ("a_hf_vit/v4_keys", WRITTEN_HUGGING_FACE_VIT, None),
        ("d_clip/hf_clip", HUGGING_FACE_CLIP, None),
        ("c_augreg/vit_augreg.npz", GOOGLE_VIT, 3),
    ],
)
def test_file_of_the_library_is_written_as_it_was(
    data: Path, file: str, table: NameMap, num_heads: int | None
) -> None:
    original = read_tensors(data / file).tensors
    written = from_timm(to_timm(original).tensors, table, num_heads)
    assert_equal(written.tensors, original)
    assert written.unused == ()


def test_image_tower_of_clip_in_timm_and_back(data: Path) -> None:
    ours = to_timm(read_tensors(data / "d_clip" / "openai_vit.pt").tensors).tensors
    written = from_timm(ours, TIMM_CLIP)
    assert {"text_projection", "logit_scale", "visual.proj"} <= set(written.unused)
    assert written.tensors["cls_token"].shape == (1, 1, 64)
    assert written.tensors["pos_embed"].shape == (1, 17, 64)
    back = to_timm(written.tensors)
    assert back.source == "timm CLIP"
    assert_equal(back.tensors, {n: a for n, a in ours.items() if n not in written.unused})


def test_swin_of_hugging_face_there_and_back(data: Path) -> None:
    timm = read_tensors(data / "h_hier" / "swin_timm1.safetensors").tensors
    table = table_for(timm, HUGGING_FACE_MAPS)
    assert table is WRITTEN_HUGGING_FACE_SWIN
    written = from_timm(timm, table).tensors
    block = "swin.encoder.layers.1.blocks.0"
    expected = {  # names of transformers, by hand; merging ends a stage there
        "classifier.bias": timm["head.fc.bias"],
        "swin.embeddings.norm.weight": timm["patch_embed.norm.weight"],
        "swin.encoder.layers.0.downsample.norm.bias": timm["layers.1.downsample.norm.bias"],
        f"{block}.attention.self.key.bias": timm["layers.1.blocks.0.attn.qkv.bias"][32:64],
        f"{block}.intermediate.dense.bias": timm["layers.1.blocks.0.mlp.fc1.bias"],
    }
    for name, array in expected.items():
        np.testing.assert_array_equal(written[name], array, name)
    newer = {in_transformers_5(name): array for name, array in written.items()}
    index = {f"{block}.attention.self.relative_position_index": np.zeros((16, 16), np.int64)}
    for names in (written, newer, {n.removeprefix("swin."): a for n, a in newer.items()}):
        renamed = to_timm({**names, **index})
        assert renamed.source == "Hugging Face Swin"
        assert renamed.unused == tuple(index)
        assert_equal(renamed.tensors, timm)


def in_transformers_5(name: str) -> str:
    for old, new in (
        ("attention.self.relative", "attention.relative_position_bias.relative"),
        ("attention.self.query", "attention.q_proj"),
        ("attention.self.key", "attention.k_proj"),
        ("attention.self.value", "attention.v_proj"),
        ("attention.output.dense", "attention.o_proj"),
        ("intermediate.dense", "mlp.fc1"),
        ("output.dense", "mlp.fc2"),
    ):
        name = name.replace(old, new)
    return name


def test_packed_projection_is_split_and_packed_in_this_order() -> None:
    ours = {"visual.transformer.resblocks.3.attn.in_proj_bias": np.array([1, 1, 2, 2, 3, 3])}
    written = from_timm(ours, HUGGING_FACE_CLIP).tensors
    layer = "vision_model.encoder.layers.3.self_attn"
    for part, value in (("q", 1), ("k", 2), ("v", 3)):
        np.testing.assert_array_equal(written[f"{layer}.{part}_proj.bias"], [value, value])
    assert len(written) == 3


@pytest.mark.parametrize("table", [HUGGING_FACE_CLIP, TIMM_CLIP, GOOGLE_VIT, HUGGING_FACE_VIT])
def test_every_entry_of_a_table_can_be_written(table: NameMap) -> None:
    assert all(entry.layout.from_timm is not None for entry in table.entries)


@pytest.mark.parametrize(
    ("tensors", "table", "message"),
    [
        ({"blocks.0.psrp.down.weight": np.zeros((2, 2))}, WRITTEN_HUGGING_FACE_VIT, "no place"),
        ({"visual.layer1.0.bn1.weight": np.zeros(2)}, HUGGING_FACE_CLIP, "no place"),
        ({"visual.layer1.0.bn1.weight": np.zeros(2)}, TIMM_CLIP, "no place"),
        (
            {"blocks.0.attn.qkv.bias": np.zeros(8)},
            WRITTEN_HUGGING_FACE_VIT,
            r"got shape \(8,\), expected 3 equal parts",
        ),
        ({"norm.weight": np.zeros(48)}, GOOGLE_VIT, "width 48, .* give --num_heads"),
        (
            {"norm.weight": np.zeros(128), "blocks.0.attn.qkv.bias": np.zeros(9)},
            GOOGLE_VIT,
            "which 2 heads do not divide",
        ),
    ],
)
def test_what_cannot_be_written_is_refused(tensors: Tensors, table: NameMap, message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        from_timm(tensors, table)


def test_layout_without_a_way_back_is_refused() -> None:
    one_way = Layout(1, lambda a: a[::-1])
    table = NameMap("them", (), (), (Entry("theirs", "ours", one_way),), ())
    with pytest.raises(WeightsError, match="the layout of 'theirs' cannot be written"):
        from_timm({"ours": np.zeros(2)}, table)


def test_table_is_the_one_of_the_architecture(data: Path) -> None:
    tables = (WRITTEN_HUGGING_FACE_VIT, HUGGING_FACE_CLIP)
    vit = to_timm(read_tensors(data / "b_timm_vit" / "vit.pth").tensors).tensors
    clip = to_timm(read_tensors(data / "d_clip" / "openai_vit.pt").tensors).tensors
    assert table_for(vit, tables) is WRITTEN_HUGGING_FACE_VIT
    assert table_for(clip, tables) is HUGGING_FACE_CLIP
    assert table_for(vit, (TIMM_CLIP,)) is None
    assert table_for({"head.weight": np.zeros(1)}, tables) is None
