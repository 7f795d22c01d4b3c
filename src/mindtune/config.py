"""The typed configuration of a run: every key a recipe or the command line may set.

Keys are the argument names of what they configure; their meaning, shapes and sources stand there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal, Optional, TypeVar, Union, get_type_hints

from mindtune.config_self_distillation import SelfDistillationConfig

Section = TypeVar("Section")


@dataclass
class BackboneConfig:
    """Network that turns images into features.

    Attributes:
        name: a registered backbone, see mindtune.list_backbones().
        image_size: side of the input in pixels; default: the one of the pre-trained weights.
        drop_path: stochastic-depth rate of the last block.
    """

    name: str = "vit_base_patch16_224"
    image_size: Optional[int] = None
    drop_path: float = 0.0


@dataclass
class PSRPConfig:
    """Recalibration added to every block by tuning psrp.

    Attributes:
        width: channels of the shared reduction.
        init: zero starts from the pre-trained function; authors is the released code's.
    """

    width: int = 16
    init: Literal["zero", "authors"] = "zero"


@dataclass
class LoRAConfig:
    """Low-rank updates beside linear layers, of tuning lora, see docs/peft.md.

    Attributes:
        targets: names of layers among q, k, v, proj, fc1, fc2; or a regular expression that the
            whole name of a layer must match, such as blocks.0.attn.q.
        rank: r of the updates.
        alpha: an update is multiplied by alpha / rank; default: rank.
        dropout: of what the updates read, in training.
        bias: which biases of the backbone train; lora_only are those of the targets.
        rslora: multiply by alpha / sqrt(rank).
    """

    targets: Union[list[str], str] = field(default_factory=lambda: ["q", "v"])
    rank: int = 8
    alpha: Optional[float] = None
    dropout: float = 0.0
    bias: Literal["none", "all", "lora_only"] = "none"
    rslora: bool = False


@dataclass
class BlockExpansionConfig:
    """Where tuning block_expansion inserts new blocks; at most one of these is given.

    Attributes:
        num_blocks: how many, evenly spread; default: 3.
        split: one after every so many blocks, as in the authors' code.
        positions: places in the expanded network, counted from 0.
    """

    num_blocks: Optional[int] = None
    split: Optional[int] = None
    positions: Optional[list[int]] = None


@dataclass
class TopKConfig:
    """The last blocks train, by tuning top_k.

    Attributes:
        num_blocks: how many.
    """

    num_blocks: int = 3


@dataclass
class TuningConfig:
    """What of the backbone changes and trains; the head always trains.

    Attributes:
        modes: one or more of linear (nothing), norm (the final norm), bias (all biases), top_k (the
            last blocks), block_expansion (new blocks between the others), psrp (recalibrations),
            lora (low-rank updates), full (everything).
        psrp: options of psrp.
        lora: options of lora.
        block_expansion: options of block_expansion.
        top_k: options of top_k.
    """

    modes: list[str] = field(default_factory=lambda: ["linear"])
    psrp: PSRPConfig = field(default_factory=PSRPConfig)
    lora: LoRAConfig = field(default_factory=LoRAConfig)
    block_expansion: BlockExpansionConfig = field(default_factory=BlockExpansionConfig)
    top_k: TopKConfig = field(default_factory=TopKConfig)


RANDOM_TEACHER = "random"


@dataclass
class TeacherConfig:
    """Network that method feature_distillation follows.

    Attributes:
        name: a registered backbone; default: the one of the run that pretrained is.
        pretrained: its weight file or run folder; random follows random weights, to try things out.
        pretrained_key: which network of the weight file.
        image_size: side of the images it sees, pixels, resized from the student's; default: the
            student's.
        tokens: which tokens are followed; all, or patches, without class tokens on either side.
        mean: of red, green and blue in 0 to 1; default: what its weights were made with.
        std: of red, green and blue in 0 to 1; default: what its weights were made with.
        precision: of its matrix products; fp16 or bf16 where the device has them.
    """

    name: Optional[str] = None
    pretrained: Optional[str] = None
    pretrained_key: Optional[str] = None
    image_size: Optional[int] = None
    tokens: Literal["all", "patches"] = "all"
    mean: Optional[tuple[float, float, float]] = None
    std: Optional[tuple[float, float, float]] = None
    precision: Literal["fp32", "fp16", "bf16"] = "fp32"


@dataclass
class DistillationConfig:
    """Options of method feature_distillation.

    Attributes:
        beta: distance where the loss turns from square to linear.
        select: what chooses the best checkpoint on the selection split; the loss, or the accuracy
            of the nearest training images (knn_top1), which needs labels.
    """

    beta: float = 2.0
    select: Literal["loss", "knn_top1"] = "loss"


@dataclass
class LinearHeadConfig:
    """Options of head linear.

    Attributes:
        pool: pooled is the backbone's own image feature, such as the class token of a ViT; mean the
            average of the patch tokens.
        init_scale: factor of the starting weights; 0.001 in Feature Distillation's fine-tuning.
        batch_norm: normalise the feature by batch statistics first, as MAE's linear probes do.
    """

    pool: Literal["pooled", "mean"] = "pooled"
    init_scale: float = 1.0
    batch_norm: bool = False


@dataclass
class MomentHeadConfig:
    """Options of head moment, see mindtune.heads.moment.

    Attributes:
        width: channels of the projection.
        num_heads: heads the projection is split into.
        pairing: which heads are correlated.
        split: how channels are dealt to heads.
        centering: what is subtracted from each head.
        first_token: whether token 0 takes part; auto keeps it where it is a patch, drop loses that
            patch as the authors' code does.
        init: how its dense layers start.
    """

    width: int = 512
    num_heads: int = 4
    pairing: Literal["near", "half", "one", "all"] = "near"
    split: Literal["contiguous", "strided"] = "contiguous"
    centering: Literal["scalar", "channel", "none"] = "scalar"
    first_token: Literal["auto", "drop", "keep"] = "auto"
    init: Literal["normal", "uniform"] = "normal"


@dataclass
class IsqrtMomentHeadConfig:
    """Options of head moment_isqrt, see mindtune.heads.moment_isqrt.

    Attributes:
        width: channels of the projection.
        iterations: Newton-Schulz steps of the square root.
        first_token: whether token 0 takes part; auto keeps it where it is a patch.
    """

    width: int = 256
    iterations: int = 5
    first_token: Literal["auto", "drop", "keep"] = "auto"


@dataclass
class HeadConfig:
    """Classifier on the backbone's features.

    Attributes:
        name: linear, moment (Moment Probing), or moment_isqrt (the same with iSQRT-COV).
        tokens: what the head reads, after the backbone's final norm, or before it as the Moment
            Probing authors' heads do on all networks but the ViT.
        reset: start with a new head and leave the head of the weight file unused.
        linear: options of head linear.
        moment: options of head moment.
        moment_isqrt: options of head moment_isqrt.
    """

    name: Literal["linear", "moment", "moment_isqrt"] = "linear"
    tokens: Literal["normed", "unnormed"] = "normed"
    reset: bool = True
    linear: LinearHeadConfig = field(default_factory=LinearHeadConfig)
    moment: MomentHeadConfig = field(default_factory=MomentHeadConfig)
    moment_isqrt: IsqrtMomentHeadConfig = field(default_factory=IsqrtMomentHeadConfig)


@dataclass
class DataConfig:
    """Images to train and evaluate on.

    Attributes:
        name: a registered data set, see mindtune.list_datasets().
        root: folder of the data set on disk.
        classes: keep only these classes (names or indices), in this order.
        val_fraction: share of the training images held out for validation where the set has no
            val split.
        skip_unreadable: leave unreadable images out, counted and named, rather than stop.
        workers: threads that decode and transform images, at most one a core.
    """

    name: str = "folder"
    root: Optional[str] = None
    classes: Optional[list[Union[int, str]]] = None
    val_fraction: float = 0.1
    skip_unreadable: bool = False
    workers: int = 2


@dataclass
class PreprocessingConfig:
    """How images are prepared; what is left out is what the weights were made with.

    Attributes:
        mean: of red, green and blue in 0 to 1.
        std: of red, green and blue in 0 to 1.
        interpolation: filter of the evaluation resize.
        crop_pct: share of the resized shorter side that the evaluation crop keeps.
        resize: shorter keeps the aspect ratio and crops the centre; square ignores it.
    """

    mean: Optional[tuple[float, float, float]] = None
    std: Optional[tuple[float, float, float]] = None
    interpolation: Optional[Literal["bicubic", "bilinear", "nearest", "lanczos"]] = None
    crop_pct: Optional[float] = None
    resize: Optional[Literal["shorter", "square"]] = None


@dataclass
class AugmentConfig:
    """Training view of an image, and of a batch.

    Attributes:
        crop: random is a random resized crop; none resizes straight to the square, ignoring the
            aspect ratio.
        scale: area share of the random crop.
        ratio: aspect ratio of the random crop.
        hflip: probability of a horizontal flip.
        interpolation: filter of the crop; random picks bilinear or bicubic for each image.
        rand_augment: RandAugment in timm's notation, such as rand-m9-mstd0.5-inc1.
        trivial_augment: TrivialAugment with torchvision's wide ranges, in place of rand_augment.
        mixup: alpha of mixup, 0 for none.
        cutmix: alpha of CutMix, 0 for none.
        mix_prob: probability that a batch is mixed.
        mix_switch_prob: probability of CutMix where both are on.
        label_smoothing: mass spread over all classes.
        erasing: probability of erasing a box of each image.
    """

    crop: Literal["random", "none"] = "random"
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (0.75, 1.3333333333333333)
    hflip: float = 0.5
    interpolation: str = "random"
    rand_augment: Optional[str] = None
    trivial_augment: bool = False
    mixup: float = 0.0
    cutmix: float = 0.0
    mix_prob: float = 1.0
    mix_switch_prob: float = 0.5
    label_smoothing: float = 0.0
    erasing: float = 0.0


@dataclass
class OptimConfig:
    """Optimiser.

    Attributes:
        name: adamw (decoupled decay, bias correction), sgd (momentum) or lars (sgd that scales the
            gradient of each matrix).
        lr: peak learning rate.
        lr_base_size: images an update that lr, schedule.warmup_lr and schedule.min_lr are meant
            for; all three are multiplied by the images of an update (batch_size x accumulate x
            ranks) over this. Default: never scaled.
        layer_decay: learning rate of a layer over that of the next one towards the head; default:
            all learn alike.
        layer_decay_floor: scaled applies layer_decay to warmup_lr and min_lr too; authors leaves
            them the same for all layers, as Feature Distillation's code does.
        weight_decay: of matrices; vectors, class token and position embedding have none.
        weight_decay_end: it moves there on half a cosine; default: it stays.
        decay_bias_tables: weight_decay acts on tables of relative positions too.
        betas: of adamw.
        eps: of adamw.
        momentum: of sgd and lars.
        clip_norm: largest global gradient norm; default: no clipping.
        clip_each: largest norm of the gradient of each parameter by itself; default: no clipping.
    """

    name: Literal["adamw", "sgd", "lars"] = "adamw"
    lr: float = 1e-3
    lr_base_size: Optional[int] = None
    layer_decay: Optional[float] = None
    layer_decay_floor: Literal["scaled", "authors"] = "scaled"
    weight_decay: float = 0.05
    weight_decay_end: Optional[float] = None
    decay_bias_tables: bool = False
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    momentum: float = 0.9
    clip_norm: Optional[float] = None
    clip_each: Optional[float] = None


@dataclass
class ScheduleConfig:
    """Learning rate over time.

    Attributes:
        name: cosine changes every step; authors_cosine every epoch, as the papers' code; constant
            after the warm-up.
        warmup_epochs: epochs of linear rise from warmup_lr.
        warmup_steps: the same in updates; give one of the two.
        warmup_lr: rate at the start of the warm-up.
        min_lr: rate at the end, and during the cool-down.
        cooldown_epochs: epochs at min_lr after the scheduled ones; they come on top of epochs.
        lag: updates by which the rates come late; 1 is Feature Distillation's code, whose first two
            updates have the same rate.
    """

    name: Literal["cosine", "authors_cosine", "constant"] = "cosine"
    warmup_epochs: float = 0.0
    warmup_steps: Optional[int] = None
    warmup_lr: float = 1e-7
    min_lr: float = 1e-8
    cooldown_epochs: int = 0
    lag: int = 0


@dataclass
class EvaluationConfig:
    """Evaluation during training, and choice of the best checkpoint.

    Attributes:
        every: epochs between evaluations; the end of the run is always evaluated.
        every_steps: the same in updates, for a run whose length is steps.
        batch_size: images a batch.
        selection: split that chooses the best checkpoint; test reproduces papers that did so, and
            says so.
        statistics: mean and std by which evaluation images are normalised; default: those of
            training. clip reproduces Feature Distillation's released validation.
    """

    every: int = 1
    every_steps: Optional[int] = None
    batch_size: int = 64
    selection: Literal["val", "test"] = "val"
    statistics: Optional[Literal["imagenet", "inception", "clip"]] = None


@dataclass
class KNNConfig:
    """k-NN classification by frozen features, see docs/knn.md.

    Attributes:
        k: numbers of neighbours, each reported; 20 is the main one, where it is not there the
            first.
        temperature: of the votes.
        space: features are the backbone's pooled ones, before any head; logits what the released
            code of the block-expansion paper compares for LoRA.
        preprocessing: how images are prepared where the weights before tuning are known; backbone
            as those were made with, run as in tuning.
        cache: folder to keep features in; default: not kept.
    """

    k: list[int] = field(default_factory=lambda: [10, 20, 100, 200])
    temperature: float = 0.07
    space: Literal["features", "logits"] = "features"
    preprocessing: Literal["backbone", "run"] = "backbone"
    cache: Optional[str] = None


@dataclass
class ForgettingConfig:
    """k-NN accuracy on a source data set before and after tuning, told in result.json.

    Attributes:
        name: a registered data set; default: forgetting is not measured.
        root: folder of the data set on disk.
        classes: keep only these classes (names or indices), in this order.
        split: images that are classified; default: test where there is one, else val.
    """

    name: Optional[str] = None
    root: Optional[str] = None
    classes: Optional[list[Union[int, str]]] = None
    split: Optional[Literal["val", "test"]] = None


@dataclass
class DistributedConfig:
    """Several processes training one model, see docs/distributed.md.

    Attributes:
        timeout: seconds after which a rank or scheduler that is missing or does not stop is an
            error.
        message_mb: gradients are averaged in messages of about this many MiB.
    """

    timeout: int = 60
    message_mb: float = 32.0


@dataclass
class RunConfig:
    """One run: what trains, on what, how, and where its folder is.

    Attributes:
        method: supervised trains backbone and head on labels; feature_distillation trains the
            backbone alone to follow a teacher; ibot trains it without labels to follow its own
            average, smkd with labels.
        seed: of initial weights, data order, augmentation and drop path.
        device_target: CPU, GPU or Ascend.
        pretrained: weight file or run folder to start from.
        pretrained_key: which network of the weight file, such as state_dict_ema or teacher.
        adapter: folder of a LoRA adapter of Hugging Face's PEFT, put on the weights of pretrained:
            merged into them, or with tuning lora beside them.
        position_resize: how a position embedding of another image size is resampled; bicubic as
            timm before 0.9, antialias as timm since, scale as DINO, iBOT and SMKD.
        out: run folder; default: runs/ and the name of the recipe.
        resume: auto continues the run folder where there is one; or the path of a run folder or
            checkpoint.
        overwrite: replace a run that is already in the run folder.
        epochs: passes over the training images, cool-down not counted; default: 30, where steps
            is not given.
        steps: updates in all, over as many epochs as they take; in place of epochs.
        batch_size: images a step and device.
        accumulate: steps whose gradients are averaged before one update.
        recompute: forget what the blocks of the backbone computed, and compute it again for the
            gradients: less memory, more time.
        max_steps: stop every epoch after this many updates.
        precision: fp32, or fp16 with dynamic loss scaling or bf16 where the device has them.
        ema_decay: decay of the weight average that is evaluated and saved as best; default: none.
        checkpoint_every: updates between checkpoints inside an epoch, or between evaluations
            with steps; 0: at the ends only.
        log_every: updates between progress lines.
        tensorboard: write TensorBoard events too.
        launcher: command that starts the ranks, for restart_on_failure; see docs/distributed.md.
        restart_on_failure: times that a run which failed is started again from its last
            checkpoint.
    """

    method: Literal["supervised", "feature_distillation", "ibot", "smkd"] = "supervised"
    seed: int = 42
    device_target: Literal["CPU", "GPU", "Ascend"] = "CPU"
    pretrained: Optional[str] = None
    pretrained_key: Optional[str] = None
    adapter: Optional[str] = None
    position_resize: Literal["bicubic", "antialias", "scale"] = "bicubic"
    out: Optional[str] = None
    resume: Optional[str] = None
    overwrite: bool = False
    epochs: Optional[int] = None
    steps: Optional[int] = None
    batch_size: int = 64
    accumulate: int = 1
    recompute: bool = False
    max_steps: Optional[int] = None
    precision: Literal["fp32", "fp16", "bf16"] = "fp32"
    ema_decay: Optional[float] = None
    checkpoint_every: int = 0
    log_every: int = 10
    tensorboard: bool = False
    launcher: Optional[str] = None
    restart_on_failure: int = 0
    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    tuning: TuningConfig = field(default_factory=TuningConfig)
    teacher: TeacherConfig = field(default_factory=TeacherConfig)
    distillation: DistillationConfig = field(default_factory=DistillationConfig)
    self_distillation: SelfDistillationConfig = field(default_factory=SelfDistillationConfig)
    head: HeadConfig = field(default_factory=HeadConfig)
    data: DataConfig = field(default_factory=DataConfig)
    preprocessing: PreprocessingConfig = field(default_factory=PreprocessingConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    knn: KNNConfig = field(default_factory=KNNConfig)
    forgetting: ForgettingConfig = field(default_factory=ForgettingConfig)
    distributed: DistributedConfig = field(default_factory=DistributedConfig)


@dataclass
class TextConfig:
    """Class names as texts, for protocol zero_shot.

    Attributes:
        tokenizer: tokenizer.json, OpenAI's bpe_simple_vocab_16e6.txt.gz, or a folder with one of
            them; default: what lies beside the weights.
        templates: prompts with {} in the place of the class name; default: those of the data set.
        cache: folder to keep the encoded texts in; default: not kept.
    """

    tokenizer: Optional[str] = None
    templates: Optional[list[str]] = None
    cache: Optional[str] = None


@dataclass
class ThroughputConfig:
    """Protocol throughput, on batches of evaluation.batch_size.

    Attributes:
        warmup: batches before the clock starts.
        repeats: batches that are timed.
    """

    warmup: int = 50
    repeats: int = 30


@dataclass
class DiagnoseConfig:
    """Protocol diagnose, on images spread evenly over the split.

    Attributes:
        images: how many, at most.
        steps: losses along each of two random directions around the weights; 0 draws no landscape,
            as for a student without a classifier.
        radius: how far they go; 1 is the length of the weights.
    """

    images: int = 256
    steps: int = 11
    radius: float = 1.0


@dataclass
class FewShotConfig:
    """Few-shot episodes, for protocol few_shot, see docs/few_shot.md.

    Attributes:
        way: classes an episode.
        shots: labelled images a class; each number is evaluated.
        queries: images a class to classify; null: all the rest, as the SMKD authors' code.
        episodes: how many.
        classifiers: what classifies: prototype (nearest class mean by cosine), sgd_cosine (SMKD's
            trained cosine classifier), logistic (scikit-learn's logistic regression).
        features: cls is the class token (the backbone's pooled feature), mean the patches weighted
            by its attention, both one after the other; each of length 1. pixels is the image
            itself, to compare with.
        cache: folder to keep features in; default: not kept.
    """

    way: int = 5
    shots: list[int] = field(default_factory=lambda: [1, 5])
    queries: Optional[int] = 15
    episodes: int = 1000
    classifiers: list[Literal["prototype", "sgd_cosine", "logistic"]] = field(
        default_factory=lambda: ["prototype"]
    )
    features: Literal["cls", "mean", "both", "pixels"] = "both"
    cache: Optional[str] = None


@dataclass
class EvaluateConfig(RunConfig):
    """Evaluate trained weights.

    Attributes:
        protocol: classification on a split of the data set; the same by a CLIP's texts (zero_shot)
            or by the neighbours of its images in the train split (knn); few_shot, episodes of a few
            classes of a split; or by a network of ImageNet's 1000 classes on ImageNet-A, -R, -V2,
            -Sketch or -C, whose folder is data.root; where its heads look and how its loss lies
            (diagnose); or, without data or weights, its speed (throughput).
        split: of all protocols but ImageNet's and throughput; default: test where there
            is one, else val.
        before: of protocol knn, the weights that tuning started from; default: what the run says.
    """

    protocol: Literal[
        "classification", "zero_shot", "knn", "few_shot", "imagenet_a", "imagenet_r", "imagenet_v2",
        "imagenet_sketch", "imagenet_c", "diagnose", "throughput",
    ] = "classification"  # fmt: skip
    split: Optional[Literal["train", "val", "test"]] = None
    before: Optional[str] = None
    text: TextConfig = field(default_factory=TextConfig)
    throughput: ThroughputConfig = field(default_factory=ThroughputConfig)
    diagnose: DiagnoseConfig = field(default_factory=DiagnoseConfig)
    few_shot: FewShotConfig = field(default_factory=FewShotConfig)


@dataclass
class ExportConfig(RunConfig):
    """Write trained weights as a file that runs without this package.

    Attributes:
        file: where to write; default: model.mindir or model.onnx in the run folder.
        file_format: MINDIR (MindSpore, MindSpore Lite) or ONNX.
        fixed_batch: number of images the file takes; default: any.
    """

    file: Optional[str] = None
    file_format: Literal["MINDIR", "ONNX"] = "MINDIR"
    fixed_batch: Optional[int] = None


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def from_plain(section: type[Section], values: Mapping[str, Any]) -> Section:
    """A part of the configuration from nested mappings; keys of other versions are passed over."""
    types = get_type_hints(section)
    known = {item.name for item in fields(section)} & values.keys()  # type: ignore[arg-type]
    return section(
        **{
            key: from_plain(types[key], values[key]) if is_dataclass(types[key]) else values[key]
            for key in known
        }
    )
