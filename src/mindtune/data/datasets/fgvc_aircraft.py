"""FGVC-Aircraft, labelled by variant, whole images (the bounding boxes are not used)."""

from __future__ import annotations

from pathlib import Path

from mindtune.data.datasets.folder import load_folder
from mindtune.data.datasets.labelled_files import labelled_files
from mindtune.data.datasets.official_form import form_splits, official_home
from mindtune.data.datasets.path_list import PathList
from mindtune.data.datasets.registry import register_dataset
from mindtune.data.datasets.spec import DatasetSpec
from mindtune.data.datasets.text_table import read_lines, read_table
from mindtune.data.source import ImageSource

FGVC_AIRCRAFT = DatasetSpec(
    name="fgvc_aircraft",
    title="FGVC-Aircraft, variants",
    source=(
        "Maji et al., Fine-Grained Visual Classification of Aircraft, arXiv:1306.5151; "
        "non-commercial research purposes only"
    ),
    splits=("train", "val", "test"),
    num_classes=100,
    counts={"train": 3_334, "val": 3_333, "test": 3_333},
    aliases=("aircraft", "coop_fgvc_aircraft"),
    folders=(  # the two last are CoOp's and AMU-Tuning's
        *("fgvc-aircraft-2013b/data", "data"),
        *("fgvc_aircraft", "FGVCAircraft/fgvc-aircraft-2013b/data"),
    ),
)

CLASS_FILE = "variants.txt"
OFFICIAL_FILES = (
    CLASS_FILE,
    *(f"images_variant_{split}.txt" for split in FGVC_AIRCRAFT.splits),
    "images",
)


def find_splits(spec: DatasetSpec, root: Path) -> tuple[str, ...]:
    """All three in the official form, the folders there are in an image folder."""
    return form_splits(spec, root, OFFICIAL_FILES, official=spec.splits)


@register_dataset(FGVC_AIRCRAFT, find_splits)
def load_fgvc_aircraft(spec: DatasetSpec, root: Path, split: str) -> ImageSource:
    """One split of the official files, or of an image folder with 100 classes.

    Labels are the lines of ``variants.txt``. The 20 pixels at the foot of every image name its
    photographer; they stay, as in torchvision. An image folder is made by hand: its image counts
    are not compared with the official ones.

    Raises:
        DataError: not found, half-unpacked, or wrong counts.
    """
    home = official_home(spec, root, OFFICIAL_FILES)
    if home is None:
        return load_folder(spec, root, split)
    table = home / f"images_variant_{split}.txt"
    variants = read_table(table)
    paths = PathList(home / "images", [f"{number}.jpg" for number in variants])
    classes = read_lines(home / CLASS_FILE)
    return labelled_files(spec, split, table, paths, list(variants.values()), classes)
