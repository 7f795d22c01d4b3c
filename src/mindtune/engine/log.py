"""What a run tells: ``log.jsonl``, ``metrics.csv``, TensorBoard events, and the terminal."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from mindtune.errors import CheckpointError, UserError
from mindtune.files import write_atomically

Record = dict[str, Any]


def check_tensorboard(wanted: bool) -> None:
    """Raises ``UserError`` if TensorBoard events are wanted and cannot be written."""
    if wanted and importlib.util.find_spec("tensorboardX") is None:
        raise UserError(
            "tensorboard: tensorboardX is not installed; pip install 'mindtune[tensorboard]', "
            "or leave --tensorboard out"
        )


def _tensorboard(folder: Path) -> Any:
    from tensorboardX import SummaryWriter

    return SummaryWriter(str(folder))


def console_of(rank: int, ranks: int) -> Console:
    """Where a rank prints: rank 0 alone does, and in plain lines where there are several.

    Launchers give ranks a terminal even where their own output goes to a file.
    """
    return Console(
        soft_wrap=True, markup=False, quiet=rank > 0, force_terminal=False if ranks > 1 else None
    )


class RunLog:
    """Records of one run: a JSON line each; those of an epoch also make the rows of a CSV.

    Every record holds ``kind`` (``step`` or ``epoch``) and ``step``, the updates done so far. Those
    of kind ``epoch`` close an epoch or, in a run which counts updates, what lies between two
    evaluations; their ``epoch`` is the number of epochs finished.
    """

    def __init__(self, folder: Path, console: Console, tensorboard: bool = False) -> None:
        self.path = folder / "log.jsonl"
        self.table = folder / "metrics.csv"
        self.console = console
        self.events = _tensorboard(folder / "tensorboard") if tensorboard else None

    def forget_after(self, step: int, round_is_closed: bool) -> None:
        """Drop records past ``step``, which a resumed run is about to make again.

        The one which closes a round at ``step`` is among them unless ``round_is_closed``.
        """
        if self.path.exists():
            last_closing = step if round_is_closed else step - 1
            kept = [
                record
                for record in self.records()
                if record["step"] <= (last_closing if record["kind"] == "epoch" else step)
            ]
            write_atomically(self.path, "".join(json.dumps(r) + "\n" for r in kept).encode())
        self._write_table()

    def write(self, record: Mapping[str, Any]) -> None:
        """Append one record.

        Raises:
            CheckpointError: the file cannot be written.
        """
        try:
            with self.path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(record) + "\n")
        except OSError as error:
            raise CheckpointError(
                f"{self.path}: cannot be written ({error.strerror}); check that the disk has room, "
                "then continue with --resume auto"
            ) from error
        if record["kind"] == "epoch":
            self._write_table()
        if self.events is not None:
            for key, value in record.items():
                if isinstance(value, float):
                    self.events.add_scalar(f"{record['kind']}/{key}", value, record["step"])
            self.events.flush()

    def records(self) -> list[Record]:
        """All records, oldest first; a last line cut short by a crash is left out.

        Raises:
            CheckpointError: a line in the middle is no JSON.
        """
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        records = []
        for number, line in enumerate(lines, start=1):
            try:
                records.append(json.loads(line))
            except json.JSONDecodeError as error:
                if number < len(lines):
                    raise CheckpointError(
                        f"{self.path}: line {number} is no JSON; repair or remove the file"
                    ) from error
        return records

    def _write_table(self) -> None:
        rows = [r for r in self.records() if r["kind"] == "epoch"]
        columns = list(dict.fromkeys(key for row in rows for key in row if key != "kind"))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_atomically(self.table, text.getvalue().encode())


class RoundProgress:
    """A bar on a terminal; elsewhere a plain line every ``log_every`` updates, from the loop."""

    def __init__(self, console: Console, title: str, total: int) -> None:
        self.console = console
        self.bar = Progress(
            TextColumn(title),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            TextColumn("{task.fields[status]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self.task = self.bar.add_task("train", total=total, status="")

    @contextmanager
    def shown(self) -> Iterator[RoundProgress]:
        """Draw while the block runs."""
        with self.bar:
            yield self

    def advance(self) -> None:
        """One update is done."""
        self.bar.advance(self.task)

    def say(self, status: str, line: str) -> None:
        """New figures: in the bar, or as a line where there is no terminal."""
        self.bar.update(self.task, status=status)
        if not self.console.is_terminal:
            self.console.print(line, highlight=False)
