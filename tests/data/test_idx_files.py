"""The IDX format: what is read, and what is refused."""

import numpy as np
import pytest

from regjax.data.idx_files import read_idx
from regjax.errors import UserError
from tests.data_fixtures import idx_bytes


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (idx_bytes(np.zeros((2, 3), np.uint8))[:-9], "not a complete gzip file"),
        (b"<html></html>", "not a complete gzip file"),
        (b"", "found nothing"),
        (idx_bytes(np.zeros((2, 3), np.uint8), magic=b"\0\0\x0d\2"), "found 00000d02 00000002 00000003"),
        (idx_bytes(np.zeros((3, 2), np.uint8)), "header 00000802 0+2 0+3, found 00000802 0+3 0+2"),
        (idx_bytes(np.zeros((1, 3), np.uint8), sizes=(2, 3)), "expected 6 bytes after the header, found 3"),
    ],
)
def test_damaged_idx_files_are_refused_by_path_and_reason(tmp_path, content, message):
    path = tmp_path / "file.gz"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"^{path}: .*{message}.*Delete the file"):
        read_idx(path, (2, 3))
