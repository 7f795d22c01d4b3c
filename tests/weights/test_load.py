"""The strict loader: everything accounted for, or nothing changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
from mindspore import Parameter, Tensor, nn

from mindtune.errors import WeightsError
from mindtune.parameters import named_weights
from mindtune.weights.load import load_weights
from mindtune.weights.readers import read_tensors
from mindtune.weights.weight_file import WeightFile

Shapes = dict[str, tuple[int, ...]]


def parameters_as_arrays(net: nn.Cell) -> dict[str, np.ndarray]:
    return {name: p.asnumpy().copy() for name, p in named_weights(net).items()}


def network(shapes: Mapping[str, tuple[int, ...]]) -> nn.Cell:
    """A Cell with a parameter of each name, all -1."""
    root = nn.Cell()
    for name, shape in shapes.items():
        *path, last = name.split(".")
        cell = root
        for part in path:
            if part not in cell.name_cells():
                cell.insert_child_to_cell(part, nn.Cell())
            cell = cell.name_cells()[part]
        cell.insert_param_to_cell(
            last, Parameter(Tensor(np.full(shape, -1, np.float32)), name=last)
        )
    return root


def shapes_of(depth: int = 2, dim: int = 6, patch: int = 4, classes: int = 5) -> Shapes:
    """Names and shapes of a ViT reduced to what the loader looks at."""
    shapes: Shapes = {
        "cls_token": (1, 1, dim),
        "pos_embed": (1, 17, dim),
        "patch_embed.proj.weight": (dim, 3, patch, patch),
        "norm.weight": (dim,),
        "head.weight": (classes, dim),
        "head.bias": (classes,),
    }
    for block in range(depth):
        shapes[f"blocks.{block}.norm1.weight"] = (dim,)
        shapes[f"blocks.{block}.norm1.bias"] = (dim,)
    return shapes


def file_with(shapes: Shapes, dtype: type = np.float32) -> WeightFile:
    rng = np.random.default_rng(3)
    tensors = {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}
    return WeightFile(tensors, {}, Path("some/file.pth"), "torch_zip")


def without(shapes: Shapes, *prefixes: str) -> Shapes:
    return {name: shape for name, shape in shapes.items() if not name.startswith(prefixes)}


def assert_untouched(net: nn.Cell) -> None:
    assert all((array == -1).all() for array in parameters_as_arrays(net).values())


@pytest.mark.parametrize(
    "path",
    [
        "b_timm_vit/vit.pth",
        "b_timm_vit/vit.safetensors",
        "c_augreg/vit_augreg.npz",
    ],
)
def test_real_files_fill_every_parameter(data: Path, path: str) -> None:
    expected = read_tensors(data / "b_timm_vit" / "vit.safetensors").tensors
    net = network({name: array.shape for name, array in expected.items()})
    report = load_weights(net, data / path)
    assert set(report.loaded) == set(expected)
    assert (report.new, report.dropped, report.resized) == ((), (), ())
    assert ("Google ViT names" in report.summary()) == path.endswith(".npz")
    for name, array in parameters_as_arrays(net).items():
        np.testing.assert_array_equal(array, expected[name])


def test_wrapped_network_with_mindspore_norms_reads_a_data_parallel_file(data: Path) -> None:
    path = data / "b_timm_vit" / "small_dataparallel.pth"
    tensors = read_tensors(path).tensors

    def ours(name: str) -> str:
        name = name.replace("module.", "")
        if "norm" in name:
            name = name.replace("weight", "gamma").replace("bias", "beta")
        return name if name.startswith("head.") else f"backbone.{name}"

    net = network({ours(name): array.shape for name, array in tensors.items()})
    report = load_weights(net, path)
    assert "blocks.1.norm2.weight" in report.loaded
    loaded = parameters_as_arrays(net)
    for name, array in tensors.items():
        np.testing.assert_array_equal(loaded[ours(name)], array)


def test_mindspore_checkpoint_with_gamma_and_beta(tmp_path: Path) -> None:
    path = tmp_path / "net.ckpt"
    arrays = {"norm.gamma": np.arange(4.0), "norm.beta": np.ones(4), "fc.weight": np.eye(4)}
    tensors = [{"name": n, "data": Tensor(a.astype(np.float32))} for n, a in arrays.items()]
    ms.save_checkpoint(tensors, str(path))
    net = network({"norm.weight": (4,), "norm.bias": (4,), "fc.weight": (4, 4)})
    load_weights(net, path)
    np.testing.assert_array_equal(parameters_as_arrays(net)["norm.weight"], np.arange(4.0))


@pytest.mark.parametrize("optimizer", [nn.Adam, nn.AdamWeightDecay, nn.Momentum])
def test_optimiser_state_of_a_mindspore_checkpoint_is_dropped(tmp_path: Path, optimizer) -> None:
    trained = network(shapes_of())
    for name, parameter in trained.parameters_and_names():
        parameter.name = name
    options = {"momentum": 0.9} if optimizer is nn.Momentum else {}
    state = optimizer(trained.trainable_params(), learning_rate=0.1, **options)
    everything = {p.name: p for p in (*trained.get_parameters(), *state.get_parameters())}
    path = tmp_path / "trained.ckpt"
    ms.save_checkpoint([{"name": n, "data": p} for n, p in everything.items()], str(path))
    net = network(shapes_of())
    report = load_weights(net, path)
    assert set(report.loaded) == set(shapes_of())
    assert "learning_rate" in report.dropped


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_parameters_keep_their_type(dtype: type) -> None:
    net = network(shapes_of())
    file = file_with(shapes_of(), dtype)
    load_weights(net, file)
    for name, array in parameters_as_arrays(net).items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, file.tensors[name].astype(np.float32))


def test_training_on_does_not_write_into_the_file(tmp_path: Path, data: Path) -> None:
    tensors = read_tensors(data / "b_timm_vit" / "vit.safetensors")
    net = network({name: array.shape for name, array in tensors.tensors.items()})
    load_weights(net, tensors)
    ms.ops.assign_add(net.cls_token, Tensor(np.ones((1, 1, 48), np.float32)))
    moved = net.cls_token.asnumpy() - tensors.tensors["cls_token"]
    np.testing.assert_allclose(moved, 1, rtol=1e-6)


HEAD = ("head",)


@pytest.mark.parametrize(
    ("net_shapes", "file_shapes", "options", "message"),
    [
        (shapes_of(), without(shapes_of(), "norm."), {}, "1 missing"),
        (without(shapes_of(), "norm."), shapes_of(), {}, "1 unexpected"),
        (shapes_of(), {**shapes_of(), "norm.weight": (7,)}, {}, "(7,) -> (6,)"),
        (
            shapes_of(dim=384),
            shapes_of(dim=768),
            {},
            "the file is vit_base with patch 4 (width 768)",
        ),
        (
            shapes_of(dim=12),
            shapes_of(dim=6),
            {},
            "the file is width 6, patch 4, the network width 12",
        ),
        (shapes_of(patch=4), shapes_of(patch=8), {}, "patch 8"),
        (shapes_of(depth=2), shapes_of(depth=4), {}, "the file has 4 blocks, the network 2"),
        (
            shapes_of(),
            shapes_of(classes=9),
            {},
            "has 9 classes, the network's 5: pass --head.reset true",
        ),
        (shapes_of(), shapes_of(classes=9), {"new": HEAD}, "pass --head.reset true"),
        (shapes_of(), shapes_of(classes=9), {"reset_option": "--fresh"}, "pass --fresh to train"),
        (shapes_of(), without(shapes_of(), "head"), {}, "the head differs"),
        (
            shapes_of(),
            {f"net.{name}": shape for name, shape in shapes_of().items()} | {"loss.bias": (1,)},
            {},
            "under 'net': choose, --pretrained_key net",
        ),
        (
            shapes_of(),
            {
                f"{w}.{name}": shape
                for w in ("student", "teacher")
                for name, shape in shapes_of().items()
            }
            | {"centre": (1,)},
            {},
            "choose, --pretrained_key student or --pretrained_key teacher",
        ),
        (shapes_of(), {"visual.conv1.weight": (4, 4)}, {}, "looks like CLIP (visual.conv1.weight)"),
        (shapes_of(), {"layer1.0.conv1.weight": (4, 4)}, {}, "looks like ResNet"),
        (
            {**shapes_of(), "blocks.0.psrp.down.weight": (2, 6)},
            shapes_of(),
            {},
            "not tuned with PSRP",
        ),
        (
            shapes_of(),
            {**shapes_of(), "blocks.0.psrp.down.weight": (2, 6)},
            {},
            "add psrp to the tuning modes",
        ),
        ({**shapes_of(), "header.weight": (3,)}, shapes_of(), {"new": HEAD}, "header.weight"),
        (shapes_of(), {**shapes_of(), "header.weight": (3,)}, {"dropped": HEAD}, "header.weight"),
        (shapes_of(), {**shapes_of(), "pos_embed": (1, 16, 6)}, {}, "expected a square number"),
        (shapes_of(), {**shapes_of(), "pos_embed": (1, 10, 6)}, {"grid": (3, 4)}, "got grid 3 x 4"),
        (
            shapes_of(),
            shapes_of(),
            {"new": tuple(shapes_of()), "dropped": tuple(shapes_of())},
            "nothing",
        ),
    ],
)
def test_misfit_is_an_error_with_table_and_cure_and_changes_nothing(
    net_shapes: Shapes, file_shapes: Shapes, options: dict, message: str
) -> None:
    net = network(net_shapes)
    with pytest.raises(WeightsError) as caught:
        load_weights(net, file_with(file_shapes), **options)
    assert message in str(caught.value)
    assert str(caught.value).startswith("weights some/file.pth: ")
    assert_untouched(net)


def test_long_tables_are_cut() -> None:
    with pytest.raises(WeightsError) as caught:
        load_weights(network(shapes_of(depth=80)), file_with(shapes_of(depth=2)))
    lines = str(caught.value).splitlines()
    assert "156 missing" in lines[0]
    assert lines[1] == "  missing: in the network, not in the file"
    assert lines[2].split() == ["blocks.2.norm1.weight", "(6,)"]
    assert lines[14] == "    ... and 144 more"
    assert len(lines) == 15


def test_a_word_under_what_was_chosen_is_named_in_full() -> None:
    shapes = {f"model.{name}": shape for name, shape in shapes_of().items()} | {"x": (1,)}
    file = dataclasses.replace(file_with(shapes), key="teacher")
    with pytest.raises(WeightsError, match="choose, --pretrained_key teacher.model"):
        load_weights(network(shapes_of()), file)


@pytest.mark.parametrize(
    ("net_shapes", "file_shapes", "new", "dropped", "expected"),
    [
        # another class count, and the head starts afresh
        (shapes_of(), shapes_of(classes=9), HEAD, HEAD, (["head.weight", "head.bias"],) * 2),
        # the head of the file has the right shape all the same: new alone keeps it
        (shapes_of(), shapes_of(), HEAD, (), ([], [])),
        (shapes_of(), shapes_of(), HEAD, HEAD, (["head.weight", "head.bias"],) * 2),
        # a single name
        (shapes_of(), without(shapes_of(), "head.bias"), ("head.bias",), (), (["head.bias"], [])),
    ],
)
def test_new_and_dropped(
    net_shapes: Shapes,
    file_shapes: Shapes,
    new: tuple[str, ...],
    dropped: tuple[str, ...],
    expected: tuple[list[str], list[str]],
) -> None:
    net = network(net_shapes)
    file = file_with(file_shapes)
    report = load_weights(net, file, new=new, dropped=dropped)
    assert (list(report.new), list(report.dropped)) == expected
    for name, array in parameters_as_arrays(net).items():
        wanted = np.full(array.shape, -1) if name in report.new else file.tensors[name]
        np.testing.assert_array_equal(array, wanted)


@pytest.mark.parametrize(
    ("tokens", "grid", "resized"),
    [(26, None, "pos_embed 4 x 4 -> 5 x 5"), (13, (2, 6), "pos_embed 4 x 4 -> 2 x 6")],
)
def test_position_embedding_follows_the_grid(
    tokens: int, grid: tuple[int, int] | None, resized: str
) -> None:
    net = network({**shapes_of(), "pos_embed": (1, tokens, 6)})
    file = file_with(shapes_of())
    report = load_weights(net, file, grid=grid)
    assert report.resized == (resized,)
    assert "pos_embed" in report.loaded
    got = parameters_as_arrays(net)["pos_embed"]
    np.testing.assert_array_equal(got[:, 0], file.tensors["pos_embed"][:, 0])
    mean = file.tensors["pos_embed"][0, 1:].mean(axis=0)
    np.testing.assert_allclose(got[0, 1:].mean(axis=0), mean, atol=0.2)  # interpolation, not noise
    assert resized in report.summary()


def test_network_grid_that_is_no_square_needs_the_grid() -> None:
    net = network({**shapes_of(), "pos_embed": (1, 13, 6)})
    with pytest.raises(WeightsError, match=r"got 12 patch tokens, expected a square number"):
        load_weights(net, file_with(shapes_of()))
    assert_untouched(net)


def test_run_state_is_no_weight() -> None:
    net = network({**shapes_of(), "drop.rng_step": (), "rng_step": ()})
    assert not [name for name in named_weights(net) if "rng_step" in name]
    assert set(load_weights(net, file_with(shapes_of())).loaded) == set(shapes_of())
    assert float(net.rng_step.asnumpy()) == -1


def test_arrays_are_copies() -> None:
    net = network({"w": (2,)})
    before = parameters_as_arrays(net)["w"]
    ms.ops.assign_add(net.w, Tensor(np.ones(2, np.float32)))
    np.testing.assert_array_equal(before, [-1, -1])


def test_summary_is_one_line_with_the_numbers(data: Path) -> None:
    path = data / "b_timm_vit" / "training_checkpoint.pth.tar"
    shapes = {n: a.shape for n, a in read_tensors(path).tensors.items()}
    net = network({**shapes, "head.weight": (9, 18), "head.bias": (9,)})
    summary = load_weights(net, path, key="state_dict_ema", new=HEAD, dropped=HEAD).summary()
    assert summary == (
        "weights: 30 of 32 parameters loaded from training_checkpoint.pth.tar, torch_zip, "
        "state_dict_ema; new: head.weight, head.bias; dropped: head.weight, head.bias"
    )


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_numbers_that_are_none_are_named(number):
    net = network({"norm.weight": (3,), "norm.bias": (3,)})
    tensors = {"norm.weight": np.ones(3), "norm.bias": np.array([0, number, 0])}
    file = WeightFile(tensors, {}, Path("w.npz"), "npz")
    with pytest.raises(WeightsError, match=r"w\.npz: got nan or inf in norm\.bias, expected"):
        load_weights(net, file)
    assert all((values == -1).all() for values in parameters_as_arrays(net).values())
