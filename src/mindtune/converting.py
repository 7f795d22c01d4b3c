"""Turn a weight file of any kind into one that another tool reads."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import Tensor

from mindtune.errors import ConfigError, WeightsError, nearest
from mindtune.files import replace_atomically
from mindtune.merging import merged_weights, stored_lora
from mindtune.pretrained import Pretrained, read_pretrained
from mindtune.weights.fit import covered
from mindtune.weights.load import MINDSPORE_TRAINING_STATE
from mindtune.weights.low_rank import is_of_lora
from mindtune.weights.name_map import NameMap
from mindtune.weights.names import Renamed, to_timm
from mindtune.weights.peft_adapter import merged_adapter, read_adapter
from mindtune.weights.save import write_safetensors
from mindtune.weights.written_names import (
    GOOGLE_MAPS,
    HUGGING_FACE_MAPS,
    TIMM_MAPS,
    from_timm,
    table_for,
)

Tensors = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Form:
    """A kind of file, and whose names it carries.

    Attributes:
        write: makes the file, given its path, tensors and metadata.
        tables: the names which it can carry.
        is_strict: whether it needs one of them; else this package's own names serve.
    """

    write: Callable[[Path, Tensors, Mapping[str, str]], None]
    tables: Sequence[NameMap]
    is_strict: bool


@dataclass(frozen=True)
class Conversion:
    """What was written.

    Attributes:
        tensors: how many.
        names: whose names they carry.
        left_out: tensors of the source which are not in the new file.
    """

    tensors: int
    names: str
    left_out: tuple[str, ...]


def _write_ckpt(path: Path, tensors: Tensors, metadata: Mapping[str, str]) -> None:
    named = path.with_name(f"{path.name}.ckpt")  # MindSpore insists on the suffix
    ms.save_checkpoint([{"name": n, "data": Tensor(a)} for n, a in tensors.items()], str(named))
    named.replace(path)


def _write_npz(path: Path, tensors: Tensors, metadata: Mapping[str, str]) -> None:
    with path.open("wb") as file:
        np.savez(file, **tensors)


FORMS = {
    "ckpt": Form(_write_ckpt, (), False),
    "safetensors-timm": Form(write_safetensors, TIMM_MAPS, False),
    "safetensors-hf": Form(write_safetensors, HUGGING_FACE_MAPS, True),
    "npz": Form(_write_npz, GOOGLE_MAPS, False),
}


def convert(
    source: str,
    target: Path,
    form: str,
    key: str | None = None,
    without: Sequence[str] = (),
    num_heads: int | None = None,
    adapter: str | None = None,
) -> Conversion:
    """Write the weights ``source`` as ``form`` to ``target``, float32 throughout, LoRA merged.

    Args:
        source: a weight file, a run folder or a Hugging Face folder.
        target: the new file; a former one is replaced once the new one is on disk.
        form: one of ``FORMS``. ``safetensors-hf`` is for ViT and CLIP's ViT; ``npz`` carries
            Google's names for a ViT; ``safetensors-timm`` holds CLIP's image tower alone. All other
            networks keep the names of this package, which are timm's and OpenAI's.
        key: which network of a training checkpoint.
        without: names, or beginnings of names that end at a dot, to leave out, such as ``head``.
        num_heads: attention heads for ``npz``; default: width / 64.
        adapter: folder of a LoRA adapter of Hugging Face's PEFT to merge into the weights.

    Raises:
        ConfigError: unknown ``form``.
        WeightsError: the source cannot be read, or a tensor has no place in the new form.
        CheckpointError: ``target`` cannot be written.
    """
    if form not in FORMS:
        raise ConfigError(f"--to: got {form!r}, expected a known form{nearest(form, FORMS)}")
    pretrained = _plain(read_pretrained(source, key))
    file = pretrained.file
    try:
        renamed = _by_timm_name(file.tensors, adapter)
        dropped = (*without, *(MINDSPORE_TRAINING_STATE if file.layout == "ckpt" else ()))
        kept = {n: a for n, a in renamed.tensors.items() if not covered(n, dropped)}
        written = _renamed(kept, FORMS[form], form, num_heads)
    except WeightsError as error:
        raise WeightsError(f"weights {file.path}: {error}") from error
    arrays = {name: np.asarray(array, order="C") for name, array in written.tensors.items()}
    arrays = {n: a.astype(np.float32) if a.dtype == np.float64 else a for n, a in arrays.items()}
    metadata = _metadata(pretrained)
    replace_atomically(target, lambda path: FORMS[form].write(path, arrays, metadata))
    left_out = [*renamed.unused, *(n for n in renamed.tensors if n not in kept), *written.unused]
    return Conversion(len(arrays), written.source, tuple(left_out))


def _by_timm_name(tensors: Tensors, adapter: str | None) -> Renamed:
    """``tensors`` under timm's names, the adapter merged where there is one."""
    renamed = to_timm(tensors)
    if adapter is None:
        return renamed
    merged = merged_adapter(renamed.tensors, read_adapter(adapter))
    return dataclasses.replace(renamed, tensors=merged)


def _renamed(tensors: Tensors, form: Form, name: str, num_heads: int | None) -> Renamed:
    table = table_for(tensors, form.tables)
    if table is not None:
        return from_timm(tensors, table, num_heads)
    if form.is_strict:
        known = ", ".join(table.source for table in form.tables)
        raise WeightsError(
            f"--to {name}: got an architecture whose names there are not known, expected one of "
            f"{known}; use safetensors-timm"
        )
    return Renamed(dict(tensors), (), "this package's")


def _plain(pretrained: Pretrained) -> Pretrained:
    """``pretrained`` with LoRA's updates, which no other tool would find, in their weights.

    Raises:
        WeightsError: updates in a file that does not say their factor.
    """
    if not any(is_of_lora(name) for name in pretrained.file.tensors):
        return pretrained
    settings = stored_lora(pretrained.header)
    if settings is None:
        raise WeightsError(
            f"weights {pretrained.path}: holds LoRA updates, but not the configuration that says "
            "their factor; convert checkpoints/best.safetensors of the run itself"
        )
    return merged_weights(pretrained, settings)


def _metadata(pretrained: Pretrained) -> dict[str, str]:
    """``format`` is what transformers asks for; our own header keeps a file ready to evaluate."""
    header = {"mindtune": json.dumps(pretrained.header)} if pretrained.header else {}
    return {"format": "pt", **header}
