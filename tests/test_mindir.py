from __future__ import annotations

import pytest

from mindtune.errors import ConfigError
from mindtune.mindir import write_mindir


def test_a_network_too_large_for_one_file_is_refused_before_it_is_built(tmp_path, monkeypatch):
    class Large:
        size = 2**28

    monkeypatch.setattr("mindtune.mindir.weights_of", lambda network: [Large()])
    with pytest.raises(ConfigError, match=r"1\.00 GiB of weights.*use --file_format ONNX"):
        write_mindir(None, tmp_path / "m.mindir", None)
    assert list(tmp_path.iterdir()) == []
