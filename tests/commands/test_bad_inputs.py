"""Whatever a user gets wrong: one message that names it, an exit code, and nothing half-written."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import pytest

WEIGHTS = Path(__file__).parents[1] / "data" / "weights"


class Mistakes:
    """Wrong inputs, made when a command line names them."""

    def __init__(
        self,
        folder: Path,
        trained: Callable[..., Path],
        write_photographs: Callable[..., Path],
    ) -> None:
        self.folder = folder
        self.trained = trained
        self.write_photographs = write_photographs
        self.out = folder / "out"
        self.weights = WEIGHTS

    def _yaml(self, text: str) -> Path:
        path = self.folder / "recipe.yaml"
        path.write_text(text)
        return path

    def _copy(self, run: Path) -> Path:
        return Path(shutil.copytree(run, self.folder / "run"))

    @cached_property
    def run(self) -> Path:
        return self._copy(self.trained())

    @cached_property
    def mp_plus_run(self) -> Path:
        return self._copy(self.trained("--tuning.modes", "[psrp]"))

    @cached_property
    def best(self) -> Path:
        return self.run / "checkpoints" / "best.safetensors"

    @cached_property
    def run_without_whole_state(self) -> Path:
        for name in ("last.safetensors", "previous.safetensors"):
            _cut_short(self.run / "checkpoints" / name)
        return self.run

    @cached_property
    def below_a_file(self) -> Path:
        file = self.folder / "file"
        file.write_text("not a folder")
        return file / "run"

    @cached_property
    def photos(self) -> Path:
        return self.write_photographs(self.folder / "photos", {"train": 4, "val": 1})

    @cached_property
    def photos_of_ten_classes(self) -> Path:
        names = tuple(str(n) for n in range(10))
        return self.write_photographs(self.folder / "photos", {"test": 1}, names)

    @cached_property
    def empty_class(self) -> Path:
        (self.photos / "train" / "yak").mkdir()
        return self.photos

    @cached_property
    def no_class(self) -> Path:
        (self.folder / "photos" / "train").mkdir(parents=True)
        return self.folder / "photos"

    @cached_property
    def other_val_classes(self) -> Path:
        (self.photos / "val" / "zebra").rename(self.photos / "val" / "yak")
        return self.photos

    @cached_property
    def truncated_photo(self) -> Path:
        _cut_short(self.photos / "train" / "zebra" / "2.jpg")
        return self.photos

    @cached_property
    def truncated_test_photo(self) -> Path:
        _cut_short(self.photos_of_ten_classes / "test" / "3" / "0.jpg")
        return self.photos_of_ten_classes

    @cached_property
    def unknown_key(self) -> Path:
        return self._yaml("epoch: 3")

    @cached_property
    def unknown_nested_key(self) -> Path:
        return self._yaml("optim: {lrr: 0.1}")

    @cached_property
    def wrong_type(self) -> Path:
        return self._yaml("optim: {lr: fast}")

    @cached_property
    def no_yaml(self) -> Path:
        return self._yaml("optim: {lr: 0.1\nepochs: [")


def _cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


FOLDER = "--data.name folder --data.root"

# name: (command line, exit code, what the message must say)
CASES = {
    "eval on another number of classes": (
        "evaluate --pretrained {m.run} --data.classes [0,1,2,3,4]", 1, r"xxx"),
    "empty class folder": (f"train {FOLDER} {{m.empty_class}}", 1, "xxx"),
    "no class folder": (f"train {FOLDER} {{m.no_class}}", 1, "xxx"),
    "val classes differ": (f"train {FOLDER} {{m.other_val_classes}}", 1, "xxx"),
    "truncated image in training": (f"train --batch_size 4 {FOLDER} {{m.truncated_photo}}", 1, "xxx"),
    "truncated image in eval": (
        f"evaluate --pretrained {{m.run}} {FOLDER} {{m.truncated_test_photo}}", 1, "xxx"),
    "data root missing": (f"train {FOLDER} nowhere", 1, "xxx"),
    "data root not given": ("train --data.name folder", 1, "xxx"),
    "data set unknown": ("train --data.name digit", 2, "xxx"),
    "class unknown": ("train --data.classes [3,zebra]", 1, "xxx"),
    "class number unknown": ("train --data.classes [3,10]", 1, "xxx"),
    "ImageNet-A missing": ("evaluate --pretrained {m.run} --protocol imagenet_a --data.root nowhere", 1, "xxx"),
    "backbone unknown": ("train --backbone.name vit_tinny_patch16_224", 2, "xxx"),
    "key unknown": ("train --learning_rate 0.1", 2, "xxx"),
    "key unknown nested": ("train --optim.lrr 0.1", 2, "xxx"),
    "key unknown in YAML": ("train --config {m.unknown_key}", 2, "xxx"),
    "nested key unknown in YAML": ("train --config {m.unknown_nested_key}", 2, "xxx"),
    "type": ("train --epochs many", 2, "xxx"),
    "type in YAML": ("train --config {m.wrong_type}", 2, "xxx"),
    "literal": ("train --precision fp8", 2, "xxx"),
    "option without value": ("train --epochs", 2, "xxx"),
    "YAML syntax": ("train --config {m.no_yaml}", 2, "xxx"),
    "recipe missing": ("train --config nowhere.yaml", 2, "xxx"),
    "recipe is a folder": ("train --config {m.run}", 2, "xxx"),
    "no epochs": ("train --epochs 0", 2, "xxx"),
    "negative learning rate": ("train --optim.lr -0.1", 2, "xxx"),
    "odd batch with mixup": ("train --batch_size 15 --augment.mixup 0.8", 2, "xxx"),
    "batch larger than the data": ("train --batch_size 2000", 2, "xxx"),
    "accumulate larger than an epoch": ("train --accumulate 68", 2, "xxx"),
    "image size": ("train --backbone.image_size 30", 2, "xxx"),
    "heads": ("train --head.name moment --head.moment.num_heads 3", 2, "xxx"),
    "moment width": ("train --head.name moment --head.moment.width 8", 2, "xxx"),
    "crop scale": ("train --augment.scale [0.9,0.5]", 2, "xxx"),
    "rand augment": ("train --augment.rand_augment rund-m9", 2, "xxx"),
    "interpolation": ("train --augment.interpolation cubic", 2, "xxx"),
    "tuning mode": ("train --tuning.modes [lineer]", 2, "xxx"),
    "half precision": ("train --precision fp16", 2, "xxx"),
    "no such device": ("train --device_target GPU", 1, "xxx"),
    "weights of another patch size": (
        "train --pretrained {m.best} --backbone.name vit_mini_patch4_32", 1, "xxx"),
    "weights cut short": (
        "train --pretrained {m.weights}/bad/truncated_data.safetensors", 1, "xxx"),
    "weights are a web page": ("train --pretrained {m.weights}/bad/text_renamed.pth", 1, "xxx"),
    "weights run a program": (
        "train --pretrained {m.weights}/bad/malicious_plain_pickle.pth", 1, "xxx"),
    "weights empty": ("train --pretrained {m.weights}/bad/empty.ckpt", 1, "xxx"),
    "weights missing": ("train --pretrained nowhere.npz", 1, "xxx"),
    "weights folder without": ("train --pretrained {m.folder}", 1, "xxx"),
    "key of the weight file": (
        "train --pretrained {m.weights}/b_timm_vit/training_checkpoint.pth.tar --pretrained_key model", 1, "xxx"),
    "MP+ weights into linear probing": (
        "evaluate --pretrained {m.mp_plus_run} --tuning.modes [linear]", 1, "xxx"),
    "run folder holds a run": ("train --out {m.run}", 1, "xxx"),
    "resume missing": ("train --resume nowhere", 1, "xxx"),
    "resume another configuration": ("train --out {m.run} --resume auto --optim.lr 0.5", 1, "xxx"),
    "resume weights": ("train --resume {m.best}", 1, "xxx"),
    "resume foreign": ("train --resume {m.weights}/b_timm_vit/vit.safetensors", 1, "xxx"),
    "resume auto without a whole state": (
        "train --out {m.run_without_whole_state} --resume auto", 1, "xxx"),
    "resume path without a whole state": ("train --resume {m.run_without_whole_state}", 1, "xxx"),
    "resume pth": ("train --resume {m.weights}/bad/text_renamed.pth", 1, "xxx"),
    "run folder cannot be made": ("train --out {m.below_a_file}", 1, "xxx"),
    "eval folder cannot be made": ("evaluate --pretrained {m.run} --out {m.below_a_file}", 1, "xxx"),
    "export folder cannot be made": (
        "export --pretrained {m.run} --file {m.below_a_file}/a.mindir", 1, "xxx"),
    "diverges": ("train --optim.lr 1e30 --tuning.modes [full]", 1, "xxx"),
    "eval without weights": ("evaluate", 2, "xxx"),
    "eval weights missing": ("evaluate --pretrained nowhere", 1, "xxx"),
    "eval foreign without recipe": (
        "evaluate --pretrained {m.weights}/b_timm_vit/vit.safetensors", 2, "xxx"),
    "eval of broken safetensors": (
        "evaluate --pretrained {m.weights}/bad/truncated_header.safetensors", 1, "xxx"),
    "export without weights": ("export", 2, "xxx"),
    "export ONNX": ("export --pretrained {m.run} --file_format ONNX", 2, "xxx"),
    "export weights missing": ("export --pretrained nowhere", 1, "xxx"),
    "tensorboard missing": ("train --out {m.run} --tensorboard true", 1, "xxx"),
}

MARKER = "executed"


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """Every folder and file, with its content."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


@pytest.mark.parametrize("name", CASES)
def test_mistake(name, command, tmp_path, trained, write_photographs, monkeypatch) -> None:
    line, code, message = CASES[name]
    mistakes = Mistakes(tmp_path, trained, write_photographs)
    which, *words = (word.format(m=mistakes) for word in line.split())
    if which == "train":
        words = ["--smoke", *words] if "--out" in words else ["--smoke", "--out", str(mistakes.out), *words]
    before = snapshot(tmp_path)
    monkeypatch.setenv("PICKLE_MARKER_FILE", str(tmp_path / MARKER))
    outcome = command(which, *words)
    with open("/tmp/hw/outcomes.txt", "a") as f:
        print(f"## {name}: {outcome.code} (want {code})\n{outcome.err}", file=f)
        after = snapshot(tmp_path)
        if after != before:
            print("   CHANGED", sorted(k for k in set(after)|set(before) if after.get(k) != before.get(k)), file=f)
