from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mindtune.config import RunConfig
from mindtune.data.datasets import create_dataset, dataset_spec, splits_of
from mindtune.data.datasets.few_shot_folders import load_few_shot_folders
from mindtune.data.datasets.mini_imagenet import MINI_IMAGENET
from mindtune.data.run_splits import RunSplits
from mindtune.data.splits import require_same_classes
from mindtune.errors import DataError

SETS = ("mini_imagenet", "tiered_imagenet", "cifar_fs", "fc100")
COUNTS = {
    "mini_imagenet": ((64, 16, 20), (38_400, 9_600, 12_000)),
    "tiered_imagenet": ((351, 97, 160), (448_695, 124_261, 206_209)),
    "cifar_fs": ((64, 16, 20), (38_400, 9_600, 12_000)),
    "fc100": ((60, 20, 20), (36_000, 12_000, 12_000)),
}
TINY = replace(
    MINI_IMAGENET,
    split_classes={"train": 2, "val": 1, "test": 2},
    counts={"train": 3, "val": 1, "test": 4},
)


@pytest.fixture
def tiny(tmp_path, write_class_folders):
    write_class_folders(tmp_path / "train", {"n2": 2, "n10": 1})
    write_class_folders(tmp_path / "val", {"n3": 1})
    write_class_folders(tmp_path / "test", {"n5": 2, "n4": 2})
    return tmp_path


@pytest.mark.parametrize("name", SETS)
def test_official_numbers(name):
    spec = dataset_spec(name)
    found = tuple(
        tuple(table[s] for s in spec.splits) for table in (spec.split_classes, spec.counts)
    )
    assert found == COUNTS[name]


def test_every_split_has_classes_of_its_own(tiny):
    train, test = (load_few_shot_folders(TINY, tiny, split) for split in ("train", "test"))
    assert (train.class_names, train.labels.tolist()) == (("n2", "n10"), [0, 0, 1])
    assert (test.class_names, test.labels.tolist()) == (("n4", "n5"), [0, 0, 1, 1])
    assert np.asarray(test.load(1)).max() == 10


def test_splits_are_those_on_disk_under_any_of_their_names(tiny):
    (tiny / "test").rename(tiny / "meta-test")
    assert splits_of("few_shot_folder", tiny) == ("train", "val", "test")
    assert len(create_dataset("few_shot_folder", tiny, "test")) == 4


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"split_classes": {"test": 20}}, r"got 2 classes in .*test, expected 20"),
        ({"counts": {"test": 5}}, r"got 4 images in .*test, expected 5"),
    ],
)
def test_wrong_numbers_are_refused(broken, message, tiny):
    with pytest.raises(DataError, match=message):
        load_few_shot_folders(replace(TINY, **broken), tiny, "test")


def test_a_class_in_two_splits_is_refused(tiny, write_class_folders):
    write_class_folders(tiny / "test", {"n10": 1})
    with pytest.raises(DataError, match=r"got n10 in both .*train and .*test, expected every"):
        create_dataset("few_shot_folder", tiny, "val")


def test_supervised_runs_refuse_splits_of_other_classes(tiny):
    splits = RunSplits("few_shot_folder", str(tiny))
    sources = dict(zip(("train", "selection"), splits.train_and_selection("val")))
    with pytest.raises(DataError, match=r"got class 'n3' in the images of selection where .* 'n2'"):
        require_same_classes(sources)
    require_same_classes({"train": sources["train"], "final": splits.open("train")})


def test_supervised_method_asks_for_it(tiny):
    from rich.console import Console

    from mindtune.engine.distributed.world import World
    from mindtune.methods.method import RunContext
    from mindtune.methods.supervised import Supervised

    config = RunConfig()
    config.data.name, config.data.root = "few_shot_folder", str(tiny)
    run = RunContext(config, tiny, World(), Console(quiet=True), None, None)
    with pytest.raises(DataError, match=r"expected the same classes; a few-shot set is for"):
        Supervised(run)
