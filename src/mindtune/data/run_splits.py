"""The splits a run reads: those on disk, and a validation split held out where there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from mindtune.data.datasets import create_dataset, splits_of
from mindtune.data.skipped import drop_unreadable
from mindtune.data.source import ImageSource
from mindtune.data.splits import hold_out, select_classes
from mindtune.errors import DataError


class RunSplits:
    """Train, validation and test images of one data set, as a run's configuration asks for them.

    Args:
        name: a registered data set.
        root: its folder on disk; None for an embedded set.
        classes: keep only these, in this order; None for all.
        val_fraction: share of the training images held out where the set has no val split.
        skip_unreadable: leave unreadable images out and report them.
        seed: of the hold-out.
        report: told in one line what was skipped; ``skipped`` holds all of it by split.
    """

    def __init__(
        self,
        name: str,
        root: str | None,
        *,
        classes: Sequence[int | str] | None = None,
        val_fraction: float = 0.1,
        skip_unreadable: bool = False,
        seed: int = 42,
        report: Callable[[str], None] = print,
    ) -> None:
        self.name = name
        self.root = None if root is None else Path(root)
        self.classes = classes
        self.val_fraction = val_fraction
        self.skip_unreadable = skip_unreadable
        self.seed = seed
        self.report = report
        self.on_disk = splits_of(name, self.root)
        self.skipped: dict[str, list[str]] = {}

    def open(self, split: str) -> ImageSource:
        """Images of a split that is on disk.

        Raises:
            DataError: the set has no such split, or its files are not whole.
        """
        source = create_dataset(self.name, self.root, split)
        if self.classes is not None:
            source = select_classes(source, self.classes)
        if self.skip_unreadable:
            source, skipped = drop_unreadable(source)
            if skipped and split not in self.skipped:
                named = ", ".join(skipped[:5]) + (", ..." if len(skipped) > 5 else "")
                self.report(f"{split}: skipped {len(skipped)} unreadable image(s): {named}")
                self.skipped[split] = skipped
        return source

    def train_and_selection(self, selection: str) -> tuple[ImageSource, ImageSource]:
        """Images to train on, and images to choose the best checkpoint on.

        With ``selection`` "val" and no such split on disk, part of the training images is held
        out; with "test" all of them train, as papers do that choose on the test set.

        Raises:
            DataError: no test split for selection "test", or too few images to hold out.
        """
        train = self.open("train")
        if selection in self.on_disk:
            return train, self.open(selection)
        if selection == "test":
            raise DataError(
                f"evaluation.selection: got test, but {self.name} has only "
                f"{', '.join(self.on_disk)}; use --evaluation.selection val"
            )
        return hold_out(train, self.val_fraction, self.seed)

    def by_purpose(self, selection: str) -> dict[str, ImageSource]:
        """All that a run reads: ``train``, ``selection`` (see ``train_and_selection``), ``final``.

        Raises:
            DataError: as ``train_and_selection``.
        """
        train, chosen_on = self.train_and_selection(selection)
        final = self.evaluation(self.final_split)
        return {"train": train, "selection": chosen_on, "final": final}

    def evaluation(self, split: str) -> ImageSource:
        """Images of ``split``, where "val" may be the part held out from training."""
        if split == "val" and "val" not in self.on_disk:
            return self.train_and_selection("val")[1]
        return self.open(split)

    @property
    def final_split(self) -> str:
        """The split whose numbers a run reports: test where there is one."""
        return "test" if "test" in self.on_disk else "val"
