"""Oxford Flowers 102."""

from __future__ import annotations

from pathlib import Path

from mindtune.data.datasets.disk_layout import check_count, require_files
from mindtune.data.datasets.folder import load_folder
from mindtune.data.datasets.mat_file import read_mat, zero_based
from mindtune.data.datasets.official_form import form_splits, official_home
from mindtune.data.datasets.packaged_table import packaged_table
from mindtune.data.datasets.path_list import PathList
from mindtune.data.datasets.registry import register_dataset
from mindtune.data.datasets.spec import DatasetSpec
from mindtune.data.source import ImageFiles, ImageSource

FLOWERS102 = DatasetSpec(
    name="flowers102",
    title="Oxford Flowers 102",
    source=(
        "Nilsback and Zisserman, Automated Flower Classification over a Large Number of Classes, "
        "ICVGIP 2008; no licence stated"
    ),
    splits=("train", "val", "test"),
    num_classes=102,
    counts={"train": 1_020, "val": 1_020, "test": 6_149},
    folders=("flowers-102", "flowers102"),
    class_names=tuple(packaged_table("flowers102_classes.tsv").values()),
)

OFFICIAL_FILES = ("imagelabels.mat", "setid.mat", "jpg")
SETID_VARIABLES = {"train": "trnid", "val": "valid", "test": "tstid"}


def find_splits(spec: DatasetSpec, root: Path) -> tuple[str, ...]:
    """All three in the official form, the folders there are in an image folder."""
    return form_splits(spec, root, OFFICIAL_FILES, official=spec.splits)


@register_dataset(FLOWERS102, find_splits)
def load_flowers102(spec: DatasetSpec, root: Path, split: str) -> ImageSource:
    """One split of the official files, or of an image folder with 102 classes.

    The official archives name no classes; the names are those of the set's category page. An
    image folder is made by hand: its image counts are not compared with the official ones, and
    its classes are called by their folders.

    Raises:
        DataError: not found, half-unpacked, or wrong counts.
    """
    home = official_home(spec, root, OFFICIAL_FILES)
    if home is None:
        return load_folder(spec, root, split)
    variable = SETID_VARIABLES[split]
    ids = read_mat(home / "setid.mat", (variable,))[variable]
    check_count(spec, split, len(ids), home / "setid.mat")
    labels = read_mat(home / "imagelabels.mat", ("labels",))["labels"]
    labels = zero_based(home / "imagelabels.mat", labels, len(spec.class_names))
    rows = zero_based(home / "setid.mat", ids, len(labels))
    paths = PathList(home / "jpg", [f"image_{row + 1:05d}.jpg" for row in rows])
    require_files(spec, paths, home / "setid.mat")
    return ImageFiles(paths, labels[rows], spec.class_names)
