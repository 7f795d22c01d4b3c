"""benchmarks/amu.py runs, and says what it promises; its figures mean nothing here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "amu.py"


def test_the_last_line_holds_the_ratios() -> None:
    words = [sys.executable, str(SCRIPT), "--tiny", "--updates", "1"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    online, cached = found["online_seconds_extrapolated"], found["cached_seconds"]
    assert min(found.values()) > 0
    assert abs(found["cached_vs_online"] - online / cached) < 0.1 * online / cached + 0.1
    assert found["cached_vs_online_with_10_views"] <= found["cached_vs_online_with_1_view"]
    assert "(extrapolated; images neither read nor augmented)" in done.stdout
