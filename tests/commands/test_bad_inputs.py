"""Whatever a user gets wrong: one message that names it, an exit code, and nothing half-written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FOLLOW = "train --method feature_distillation --tuning.modes [full]"
FOLDER = "--data.name folder --data.root"
ODD_WEIGHTS = "train --pretrained {m.weights}/bad/"

# what: (command line, what the message must say); {m....} is made by Mistakes
USAGE = {  # exit code 2: no run can have this configuration
    "no such data set": (
        "train --data.name digit",
        r"data\.name: got 'digit', expected a registered data set; did you mean 'digits'\?",
    ),
    "ImageNet-A not given": (
        "evaluate --pretrained {m.run} --protocol imagenet_a",
        r"data\.root: got nothing, expected the folder of imagenet_a",
    ),
    "mixing of a method with its own crops": (
        "train --method ibot --tuning.modes [full] --augment.mixup 0.8",
        r"augment\.mixup: got 0\.8 with method ibot, whose crops have options of their own",
    ),
    "head of a method without one": (
        "train --method smkd --tuning.modes [full] --head.name moment",
        r"head\.name: got moment with method smkd, which has no such head; leave it out",
    ),
    "unknown key": ("train --epoch 3", r"unknown key 'epoch': .*did you mean 'epochs'\?"),
    "unknown key of no likeness": ("train --xyz 3", r"unknown key 'xyz': .*--help lists them"),
    "key without its group": ("train --lr 1", r"unknown key 'lr': .*did you mean 'optim\.lr'\?"),
    "unknown nested key": (
        "train --optim.lrr 1",
        r"unknown key 'optim\.lrr': .*did you mean 'optim\.lr'\?",
    ),
    "unknown key in a recipe": (
        "train --config {m.unknown_key}",
        r"unknown key 'epoch': .*did you mean 'epochs'\?",
    ),
    "nested key in a recipe": ("train --config {m.unknown_nested_key}", r"key 'optim\.lrr'"),
    "wrong type": ("train --batch_size many", r"batch_size: got 'many', expected int$"),
    "wrong type or null": ("train --max_steps x", r"max_steps: got 'x', expected int or null$"),
    "wrong type in a recipe": (
        "train --config {m.wrong_type}",
        r"optim\.lr: got 'fast', expected float$",
    ),
    "no list": (
        "train --tuning.modes linear",
        r"tuning\.modes: got 'linear', expected list.*, such as \[linear\]$",
    ),
    "pairs over ranks as released": (
        "train --method smkd --tuning.modes [full] --self_distillation.across_ranks true "
        "--self_distillation.patch_match released",
        r"self_distillation\.across_ranks: got true with patch_match released",
    ),
    "self-distillation of a part": (
        "train --method ibot",
        r"tuning\.modes: got \['linear'\] with method ibot, which trains the whole network",
    ),
    "temperature of nothing": (
        "train --method ibot --self_distillation.teacher_temp [0.0,0.07]",
        r"self_distillation\.teacher_temp: got .*, expected two values of more than 0",
    ),
    "run of two masks and one ratio": (
        "train --method ibot --tuning.modes [full] --self_distillation.masks.ratios [0.3]",
        r"masks\.variations: got 2 values, expected one for each of the 1 masks\.ratios",
    ),
    "no such choice": (
        "train --precision fp8",
        r"precision: got 'fp8', expected one of 'fp32', 'fp16', 'bf16'$",
    ),
    "option without value": ("train --epochs", r"--epochs: expected one argument"),
    "stray word": ("train stray", r"unrecognized arguments: stray"),
    "no YAML": (
        "train --config {m.no_yaml}",
        r"config \S+/recipe\.yaml: is no YAML \(.*line 2, column 7.*\); mend it",
    ),
    "recipe missing": (
        "train --config nowhere.yaml",
        r"config nowhere\.yaml: cannot be read \(No such file or directory\); give the path",
    ),
    "recipe is a folder": ("train --config {m.run}", r"config \S+/run: .*\(Is a directory\)"),
    "no epoch": ("train --epochs 0", r"epochs: got 0, expected at least 1$"),
    "negative learning rate": ("train --optim.lr -0.1", r"lr: got -0\.1, expected more than 0$"),
    "crop scale upside down": (
        "train --augment.scale [0.9,0.5]",
        r"scale: got \(0\.9, 0\.5\), expected 0 < lowest <= highest <= 1",
    ),
    "unknown RandAugment": (
        "train --augment.rand_augment rund-m9",
        r"rand_augment: got 'rund-m9', expected a string such as 'rand-m9-mstd0\.5-inc1'",
    ),
    "unknown filter": (
        "train --augment.interpolation cubic",
        r"interpolation: got 'cubic', expected .*did you mean 'bicubic'\?",
    ),
    "unknown backbone": (
        "train --backbone.name vit_tinny_patch16_224",
        r"backbone\.name: got 'vit_tinny_patch16_224', .*did you mean 'vit_tiny_patch16_224'\?",
    ),
    "unknown tuning": (
        "train --tuning.modes [lineer]",
        r"tuning\.modes: got 'lineer', .*did you mean 'linear'\?",
    ),
    "image size and patch": (
        "train --backbone.image_size 30",
        r"backbone\.image_size: got 30, expected a multiple of the patch size 8; use 24",
    ),
    "heads do not divide the width": (
        "train --head.name moment --head.moment.num_heads 3",
        r"num_heads: got 3, expected at least 2 and a divisor of .*width 32",
    ),
    "moment head too narrow": (
        "train --head.name moment --head.moment.width 8",
        r"got 4 channels a head, expected at least 7 .*; use fewer heads or a larger width",
    ),
    "odd batch with mixup": (
        "train --batch_size 15 --augment.mixup 0.8",
        r"batch_size: got 15, expected an even number with mixup or cutmix.*; use 16",
    ),
    "batch larger than the data": (
        "train --batch_size 2000",
        r"batch_size: got 2000 .*expected at most the 1076 training images; lower --batch_size",
    ),
    "more accumulation than an epoch": (
        "train --accumulate 68",
        r"accumulate: got 68 .*expected at most the 67 batches of an epoch; lower --accumulate",
    ),
    "half precision on a CPU": (
        "train --precision fp16",
        r"precision: got fp16 on CPU, which MindSpore cannot train in; use --precision fp32",
    ),
    "no such method": ("train --method distil", r"method: got 'distil', expected one of 'superv"),
    "no teacher": (
        f"{FOLLOW} --teacher.pretrained null",
        r"teacher\.pretrained: got nothing, expected the teacher's weight file or run folder",
    ),
    "teacher that nobody follows": (
        "train --teacher.pretrained vit.pth",
        r"teacher\.pretrained: got vit\.pth with method supervised, which follows no teacher; add",
    ),
    "forgetting of a student": (
        f"{FOLLOW} --forgetting.name digits",
        r"forgetting\.name: got digits with method feature_distillation, which measures no forg",
    ),
    "nameless teacher": (
        f"{FOLLOW} --teacher.name null",
        r"teacher\.name: got nothing, expected the backbone of teacher\.pretrained",
    ),
    "unknown teacher": (f"{FOLLOW} --teacher.name vit_tst", r"did you mean 'vit_test'\?"),
    "teacher without class token": (
        f"{FOLLOW} --teacher.name swin_test",
        r"teacher\.tokens: got all, but the student has 1 and the teacher 0 class token\(s\)",
    ),
    "teacher of another grid": (
        f"{FOLLOW} --teacher.image_size 48",
        r"teacher\.image_size: got 48, with which the teacher has 36 patches and the student 16",
    ),
    "student that does not train": (
        "train --method feature_distillation",
        r"tuning\.modes: got \['linear'\], with which nothing of the student trains; use",
    ),
    "teacher in half precision on a CPU": (
        f"{FOLLOW} --teacher.precision fp16",
        r"teacher\.precision: got fp16 on CPU, .*; use --teacher\.precision fp32",
    ),
    "option of training": (
        "evaluate --pretrained {m.run} --optim.lr 1",
        r"optim\.lr: acts on training only, .*; leave it out",
    ),
    "nothing to evaluate": ("evaluate", r"pretrained: got nothing, expected --pretrained"),
    "foreign weights without a recipe": (
        "evaluate --pretrained {m.weights}/b_timm_vit/vit.safetensors",
        r"vit\.safetensors carries no configuration, expected --config RECIPE\.yaml or --backbone",
    ),
    "export of no images": (
        "export --pretrained {m.run} --fixed_batch 0",
        r"fixed_batch: got 0, expected at least 1",
    ),
    "nothing to export": ("export", r"pretrained: got nothing, expected --pretrained"),
}
MATERIAL = {  # exit code 1: data, weights, folders, and what they hold
    "no data folder": ("train --data.name folder", r"got no folder, .*pass it as --data\.root"),
    "data folder missing": (
        f"train {FOLDER} nowhere",
        r"'folder'.* got --data\.root nowhere, which does not exist; pass the folder",
    ),
    "empty class folder": (
        f"train {FOLDER} {{m.empty_class}}",
        r"got no image in class folder \S+/train/yak, expected files ending in \.jpg.*; add images",
    ),
    "no class folder": (
        f"train {FOLDER} {{m.no_class}}",
        r"got no class folder in \S+/train, expected one folder a class .*; sort the images",
    ),
    "val classes differ": (
        f"train {FOLDER} {{m.other_val_classes}}",
        r"val lacks zebra and has also yak; expected the same 2 classes",
    ),
    "unreadable test image": (
        f"evaluate --pretrained {{m.run}} {FOLDER} {{m.truncated_test_photo}}",
        r"image \S+/test/3/0\.jpg: cannot be decoded \(.+\); replace .*skip_unreadable true",
    ),
    "no such class": (
        "train --data.classes [3,zebra]",
        r"classes: got 'zebra', expected a class name; choose one of: 0, 1, 2",
    ),
    "no such class number": (
        "train --data.classes [3,10]",
        r"classes: got 10, expected a number from 0 to 9",
    ),
    "other number of classes": (
        "evaluate --pretrained {m.run} --data.classes [0,1,2,3,4]",
        r"weights \S+best\.safetensors: were trained with 10 classes, got data of 5; evaluate on",
    ),
    "ImageNet-A missing": (
        "evaluate --pretrained {m.run} --protocol imagenet_a --data.root nowhere",
        r"ImageNet-A\): .*expected n01440764 .* in nowhere .*; unpack the set",
    ),
    "no such device": (
        "train --device_target GPU",
        r"device_target: MindSpore cannot use GPU on this machine .*; use --device_target CPU",
    ),
    "teacher's weights of another network": (
        f"{FOLLOW} --teacher.name vit_mini_patch4_32 --teacher.pretrained {{m.best}}",
        r"best\.safetensors: does not fit .*choose the backbone of this file",
    ),
    "weights missing": (
        "train --pretrained nowhere.npz",
        r"weights nowhere\.npz: no such file or run folder; check the path",
    ),
    "folder without weights": (
        "train --pretrained {m.folder}",
        r"got a folder without checkpoints/best\.safetensors, expected a run folder, a Hugging ",
    ),
    "weights empty": (
        f"{ODD_WEIGHTS}empty.ckpt",
        r"weights \S+/empty\.ckpt: is empty \(0 bytes\), expected a weight file; download",
    ),
    "weights truncated": (
        f"{ODD_WEIGHTS}truncated_data.safetensors",
        r"weights \S+/truncated_data\.safetensors: is a damaged or truncated .*; download",
    ),
    "weights are text": (
        f"{ODD_WEIGHTS}text_renamed.pth",
        r"weights \S+/text_renamed\.pth: is a web page \(text\), expected a torch file; .*download",
    ),
    "weights run a program": (
        f"{ODD_WEIGHTS}malicious_plain_pickle.pth",
        r"plain_pickle\.pth: its pickle asks to call posix\.system, .*nothing was executed",
    ),
    "weights of another patch size": (
        "train --pretrained {m.best} --backbone.name vit_mini_patch4_32",
        r"best\.safetensors: does not fit .*the file is width 24, patch 8, the network width 96, "
        r"patch 4: choose the backbone of this file(?s:.*)patch_embed\.proj\.weight",
    ),
    "unknown state dict": (
        "train --pretrained {m.weights}/b_timm_vit/training_checkpoint.pth.tar "
        "--pretrained_key teacher",
        r"--pretrained_key: got 'teacher', .*choose one of: state_dict, state_dict_ema",
    ),
    "MP+ weights without MP+": (
        "evaluate --pretrained {m.mp_plus_run} --tuning.modes [linear]",
        r"6 unexpected; the file was tuned with PSRP \(MP\+\): add psrp to the tuning modes",
    ),
    "missing weights to evaluate": ("evaluate --pretrained nowhere", r"nowhere: no such file"),
    "broken weights to evaluate": (
        "evaluate --pretrained {m.weights}/bad/truncated_header.safetensors",
        r"truncated_header\.safetensors: truncated or no safetensors file .*; use another",
    ),
    "run folder holds a run": (
        "train --tensorboard true --out {m.run}",
        r"/run: holds a run already; continue it with --resume auto, replace it with --overwrite",
    ),
    "run folder cannot be made": (
        "train --out {m.below_a_file}",
        r"/file/run\S*: cannot be made \(Not a directory\); choose another folder with --out",
    ),
    "nothing to resume": (
        "train --resume nowhere",
        r"--resume nowhere: got no training state there, expected a run folder .*; check the path",
    ),
    "resume with another configuration": (
        "train --out {m.run} --resume auto --optim.lr 0.5 --seed 1",
        r"another configuration \(optim\.lr 0\.001 -> 0\.5, seed 42 -> 1\); resume with the same",
    ),
    "resume from weights": (
        "train --out {m.run} --resume {m.best}",
        r"best\.safetensors: got mindtune weights, expected a training state .*pass --pretrained",
    ),
    "resume from foreign weights": (
        "train --out {m.run} --resume {m.foreign_state}",
        r"vit\.safetensors: got a foreign file, expected a training state .*pass --pretrained",
    ),
    "resume from text": (
        "train --out {m.run} --resume {m.text_state}",
        r"text\.safetensors: truncated or no safetensors file",
    ),
    "resume into another run": (
        "train --out {m.run} --resume {m.other_run}",
        r"--resume \S+: lies outside the run folder \S+/run, .*; leave --out",
    ),
    "no whole checkpoint": (
        "train --out {m.run_without_whole_state} --resume auto",
        r"last\.safetensors: truncated .*previous\.safetensors: truncated .*start anew",
    ),
    "evaluation folder cannot be made": (
        "evaluate --pretrained {m.run} --out {m.below_a_file}",
        r"/file/run: cannot be made \(Not a directory\); choose another folder with --out",
    ),
    "folder of no run": (
        "evaluate --pretrained {m.folder}",
        r"weights \S+: got a folder without checkpoints/best\.safetensors, expected a run folder",
    ),
    "export folder cannot be made": (
        "export --pretrained {m.run} --file {m.below_a_file}/model.mindir",
        r"/file/run: cannot be made \(Not a directory\); choose another folder",
    ),
    "unreadable training image": (
        f"train --batch_size 4 {FOLDER} {{m.truncated_photo}}",
        r"image \S+/train/zebra/2\.jpg: cannot be decoded \(.+\); replace .*skip_unreadable true",
    ),
    "loss not finite": (
        "train --optim.lr 1e30 --tuning.modes [full]",
        r"loss: got (nan|inf), expected a finite value, at update 2 \(learning rate 9\.33e\+29\); "
        r"lower --optim\.lr .*Last good checkpoint: none",
    ),
}
CASES = {
    **{what: (*case, 2) for what, case in USAGE.items()},
    **{what: (*case, 1) for what, case in MATERIAL.items()},
}
STARTED = {"unreadable training image", "loss not finite"}


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """Every folder and file below ``folder``, with its content."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


@pytest.mark.parametrize("what", CASES)
def test_mistake_is_named_and_leaves_nothing(what, command, mistakes, monkeypatch) -> None:
    line, message, code = CASES[what]
    name, *argv = (word.format(m=mistakes) for word in line.split())
    if name == "train":
        argv = ["--smoke", "--out", str(mistakes.out), *argv]
    monkeypatch.setenv("PICKLE_MARKER_FILE", str(mistakes.folder / "executed"))
    before = snapshot(mistakes.folder)

    outcome = command(name, *argv)

    assert re.search(message, outcome.err), outcome.err
    assert outcome.code == code
    assert outcome.err.startswith("error: ")
    assert outcome.err.count("error:") == 1
    assert "Traceback" not in outcome.err + outcome.out
    if what not in STARTED:
        assert snapshot(mistakes.folder) == before
    else:
        left = {path.name for path in mistakes.out.rglob("*") if path.is_file()}
        assert {"config.yaml"} <= left <= {"config.yaml", "log.jsonl", "metrics.csv"}
        assert "holds a run already; continue it" in command(name, *argv).err
