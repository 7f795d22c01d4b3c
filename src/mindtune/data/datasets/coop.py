"""The splits of CoOp's few-shot benchmarks: one ``split_zhou_*.json`` a data set.

Zhou et al., Learning to Prompt for Vision-Language Models, IJCV 2022. Two of its eleven sets have
no such file: ``imagenet``, and ``fgvc_aircraft`` (also ``coop_fgvc_aircraft``) with its official
splits.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mindtune.data.datasets.disk_layout import (
    check_class_count,
    check_count,
    require_files,
    require_home,
)
from mindtune.data.datasets.path_list import PathList
from mindtune.data.datasets.registry import register_dataset
from mindtune.data.datasets.spec import SPLITS, DatasetSpec
from mindtune.data.source import ImageFiles
from mindtune.errors import DataError

Record = tuple[str, int, str]


def load_coop(
    split_file: str, image_folder: str, spec: DatasetSpec, root: Path, split: str
) -> ImageFiles:
    """One split in the order of its file, whose class names count.

    Args:
        split_file: name of the JSON file in the set's folder.
        image_folder: what the paths in it are relative to, from the set's folder.
        spec: the facts to check against.
        root: the set's folder, or the one that holds all of CoOp's or AMU-Tuning's.
        split: 'train', 'val' or 'test'.

    Raises:
        DataError: not found, half-unpacked, malformed, contradictory, or wrong counts.
    """
    needed = [split_file, image_folder] if image_folder else [split_file]
    home = require_home(spec, root, needed)
    path = home / split_file
    records = _read(path)
    names = _class_names(path, records)
    check_class_count(spec, len(names), path)
    chosen = records[split]
    check_count(spec, split, len(chosen), path)
    paths = PathList(home / image_folder, [file for file, _, _ in chosen])
    require_files(spec, paths, path)
    labels = np.array([label for _, label, _ in chosen], dtype=np.int32)
    return ImageFiles(paths, labels, names)


def _read(path: Path) -> dict[str, list[Record]]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read as JSON ({error}); download it again") from error
    splits = content if isinstance(content, dict) else {}
    for split in SPLITS:
        records = splits.get(split)
        if not isinstance(records, list) or not all(map(_is_record, records)):
            raise DataError(
                f"{path}: got no list of [image, label, class name] under {split!r}, expected one "
                "a split, as CoOp's file has; download it again"
            )
    return splits


def _is_record(item: Any) -> bool:
    """Labels are whole numbers; True would pass for one."""
    return isinstance(item, list) and [type(part) for part in item] == [str, int, str]


def _class_names(path: Path, records: dict[str, list[Record]]) -> tuple[str, ...]:
    """The name of every label, from all splits."""
    names: dict[int, str] = {}
    for split in SPLITS:
        for file, label, name in records[split]:
            if names.setdefault(label, name) != name:
                raise DataError(
                    f"{path}: got class {label} called {name!r} at {file}, expected "
                    f"{names[label]!r} as before; edited? download it again"
                )
    if sorted(names) != list(range(len(names))):
        raise DataError(
            f"{path}: got labels {min(names)} to {max(names)} of {len(names)} classes, expected "
            "0, 1, 2, ... without gaps; edited? download it again"
        )
    return tuple(names[label] for label in range(len(names)))


@dataclass(frozen=True)
class CoopSet:
    """One of CoOp's data sets.

    Attributes:
        key: its name is ``coop_`` and this, CoOp's own name for it.
        title, paper: for messages and listings.
        folders: CoOp's (also Tip-Adapter's and CaFo's), then AMU-Tuning's.
        images: what the paths in the split file are relative to; empty: the set's folder.
        split_file: its JSON file.
        num_classes: K.
        counts: images of train, val, test.
    """

    key: str
    title: str
    paper: str
    folders: tuple[str, ...]
    images: str
    split_file: str
    num_classes: int
    counts: tuple[int, int, int]

    @property
    def spec(self) -> DatasetSpec:
        """The facts to check against."""
        return DatasetSpec(
            name=f"coop_{self.key}",
            title=f"{self.title}, CoOp's splits",
            source=f"{self.paper}; splits: Zhou et al., IJCV 2022",
            splits=SPLITS,
            num_classes=self.num_classes,
            counts=dict(zip(SPLITS, self.counts)),
            folders=self.folders,
        )


COOP_SETS = (
    CoopSet(
        key="caltech101",
        title="Caltech-101",
        paper="Fei-Fei et al., CVPR Workshop 2004; CC BY 4.0",
        folders=("caltech-101",),
        images="101_ObjectCategories",
        split_file="split_zhou_Caltech101.json",
        num_classes=100,
        counts=(4_128, 1_649, 2_465),
    ),
    CoopSet(
        key="oxford_pets",
        title="Oxford-IIIT Pets",
        paper="Parkhi et al., CVPR 2012; CC BY-SA 4.0",
        folders=("oxford_pets", "Oxfordpets"),
        images="images",
        split_file="split_zhou_OxfordPets.json",
        num_classes=37,
        counts=(2_944, 736, 3_669),
    ),
    CoopSet(
        key="stanford_cars",
        title="Stanford Cars",
        paper="Krause et al., 3dRR 2013; no licence stated",
        folders=("stanford_cars", "cars"),
        images="",
        split_file="split_zhou_StanfordCars.json",
        num_classes=196,
        counts=(6_509, 1_635, 8_041),
    ),
    CoopSet(
        key="oxford_flowers",
        title="Oxford Flowers 102",
        paper="Nilsback and Zisserman, ICVGIP 2008; no licence stated",
        folders=("oxford_flowers", "Flower102"),
        images="jpg",
        split_file="split_zhou_OxfordFlowers.json",
        num_classes=102,
        counts=(4_093, 1_633, 2_463),
    ),
    CoopSet(
        key="food101",
        title="Food-101",
        paper="Bossard et al., ECCV 2014; scientific fair use only",
        folders=("food-101", "Food101/food-101"),
        images="images",
        split_file="split_zhou_Food101.json",
        num_classes=101,
        counts=(50_500, 20_200, 30_300),
    ),
    CoopSet(
        key="sun397",
        title="SUN397",
        paper="Xiao et al., CVPR 2010; no licence stated",
        folders=("sun397",),
        images="SUN397",
        split_file="split_zhou_SUN397.json",
        num_classes=397,
        counts=(15_880, 3_970, 19_850),
    ),
    CoopSet(
        key="dtd",
        title="Describable Textures Dataset",
        paper="Cimpoi et al., CVPR 2014; non-commercial research purposes only",
        folders=("dtd", "DTD/dtd"),
        images="images",
        split_file="split_zhou_DescribableTextures.json",
        num_classes=47,
        counts=(2_820, 1_128, 1_692),
    ),
    CoopSet(
        key="eurosat",
        title="EuroSAT",
        paper="Helber et al., IEEE JSTARS 2019; MIT",
        folders=("eurosat", "EuroSAT/EuroSAT"),
        images="2750",
        split_file="split_zhou_EuroSAT.json",
        num_classes=10,
        counts=(13_500, 5_400, 8_100),
    ),
    CoopSet(
        key="ucf101",
        title="UCF101, middle frames",
        paper="Soomro et al., arXiv:1212.0402; no licence stated",
        folders=("ucf101", "UCF101"),
        images="UCF-101-midframes",
        split_file="split_zhou_UCF101.json",
        num_classes=101,
        counts=(7_639, 1_898, 3_783),
    ),
)

for _set in COOP_SETS:
    register_dataset(_set.spec)(partial(load_coop, _set.split_file, _set.images))
