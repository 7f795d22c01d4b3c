"""Oxford-IIIT Pets: 37 breeds of cats and dogs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mindtune.data.datasets.folder import load_folder
from mindtune.data.datasets.labelled_files import labelled_files
from mindtune.data.datasets.official_form import form_splits, official_home
from mindtune.data.datasets.path_list import PathList
from mindtune.data.datasets.registry import register_dataset
from mindtune.data.datasets.spec import DatasetSpec
from mindtune.data.datasets.text_table import read_table
from mindtune.data.source import ImageSource
from mindtune.errors import DataError

OXFORD_PETS = DatasetSpec(
    name="oxford_pets",
    title="Oxford-IIIT Pets",
    source="Parkhi et al., Cats and Dogs, CVPR 2012; CC BY-SA 4.0",
    splits=("train", "val", "test"),
    num_classes=37,
    counts={"train": 3_680, "test": 3_669},
    aliases=("pets37",),
    folders=("oxford-iiit-pet", "oxford_pets"),
)

LISTS = {"train": "annotations/trainval.txt", "test": "annotations/test.txt"}
OFFICIAL_FILES = (*LISTS.values(), "images")


def find_splits(spec: DatasetSpec, root: Path) -> tuple[str, ...]:
    """Train and test in the official form, the folders there are in an image folder."""
    return form_splits(spec, root, OFFICIAL_FILES, official=("train", "test"))


@register_dataset(OXFORD_PETS, find_splits)
def load_oxford_pets(spec: DatasetSpec, root: Path, split: str) -> ImageSource:
    """One split of the official files (train is their trainval), or of an image folder.

    A line of a list is 'american_bulldog_100 2 2 1': image, breed from 1, species, breed of the
    species. The breed is called 'american bulldog' and its label is its number less one. An image
    folder is made by hand: its image counts are not compared with the official ones.

    Raises:
        DataError: not found, half-unpacked, contradictory, or wrong counts.
    """
    home = official_home(spec, root, OFFICIAL_FILES)
    if home is None:
        return load_folder(spec, root, split)
    table = home / LISTS[split]
    rows = read_table(table)
    paths = PathList(home / "images", [f"{stem}.jpg" for stem in rows])
    breeds = [stem.rpartition("_")[0] for stem in rows]
    numbers = [columns.split()[0] for columns in rows.values()]
    return labelled_files(spec, split, table, paths, breeds, _in_order(table, breeds, numbers))


def _in_order(path: Path, breeds: Sequence[str], numbers: Sequence[str]) -> list[str]:
    """The different breeds by their number. Raises ``DataError`` where a breed has two."""
    number_of: dict[str, str] = {}
    for breed, number in zip(breeds, numbers):
        if not number.isdecimal() or number_of.setdefault(breed, number) != number:
            raise DataError(
                f"{path}: got number {number} for {breed}, expected "
                f"{number_of.get(breed, 'a whole number')}; edited? unpack its archive again"
            )
    return sorted(number_of, key=lambda breed: int(number_of[breed]))
