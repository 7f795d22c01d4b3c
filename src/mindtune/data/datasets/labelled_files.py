"""Image files and the class of each, as the text lists of a data set give them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mindtune.data.datasets.disk_layout import check_class_count, check_count, require_files
from mindtune.data.datasets.path_list import PathList
from mindtune.data.datasets.spec import DatasetSpec
from mindtune.data.source import ImageFiles
from mindtune.errors import DataError, nearest


def labelled_files(
    spec: DatasetSpec,
    split: str,
    listed_in: Path,
    paths: PathList,
    class_of: Sequence[str],
    classes: Sequence[str],
) -> ImageFiles:
    """One split, checked; classes are called by their names with spaces for underscores.

    Args:
        spec: the facts to check against.
        split: of the images.
        listed_in: the file that lists them, for messages.
        paths: the N images.
        class_of: the class of each image, N.
        classes: the names of all classes in label order.

    Raises:
        DataError: wrong counts, a class that is none of ``classes``, or missing images.
    """
    check_class_count(spec, len(classes), listed_in)
    check_count(spec, split, len(paths), listed_in)
    label_of = {name: label for label, name in enumerate(classes)}
    for name in class_of:
        if name not in label_of:
            raise DataError(
                f"{listed_in}: got class {name!r}, expected one of the {len(classes):,} classes"
                f"{nearest(name, classes)}"
            )
    require_files(spec, paths, listed_in)
    labels = np.array([label_of[name] for name in class_of], dtype=np.int32)
    return ImageFiles(paths, labels, tuple(name.replace("_", " ") for name in classes))
