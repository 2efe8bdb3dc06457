"""Numbers that the program cannot hold, and folders that cannot be, are refused by name."""

import numpy as np
import pytest

from regjax.data.dataset import Split
from regjax.errors import UserError
from regjax.saved.resolve import resolve
from tests.small import clusters, composed

FLOAT32 = np.finfo(np.float32)


@pytest.mark.parametrize("key", ["penalty.l2", "early_stopping.min_delta", "optimizer.learning_rate"])
def test_reals_are_refused_where_float32_has_none_for_them(key):
    for legal in (float(FLOAT32.max), float(FLOAT32.smallest_normal)):
        composed(f"{key}={legal!r}")
    for illegal in (float(FLOAT32.max) * 1.001, 1e300, float(FLOAT32.smallest_normal) / 2, 1e-300):
        with pytest.raises(UserError, match=f"^{key}=.*from 1.2e-38 to 3.4e\\+38 in size"):
            composed(f"{key}={illegal!r}")


def test_a_network_of_more_weights_than_int32_counts_is_refused():
    fits, too_many = 214_748_364, 214_748_365  # 7 features, 3 classes: 10 weights for each unit
    dataset, rows = clusters(), np.arange(60, dtype=np.int32)
    split = Split(rows, rows[:0], rows[:0], rows[:0])
    resolve(composed(f"model.hidden=[{fits}]"), dataset, split)
    with pytest.raises(UserError, match=rf"^model\.hidden=\[{too_many}\]: .* 2147483650 weights"):
        resolve(composed(f"model.hidden=[{too_many}]"), dataset, split)


@pytest.mark.parametrize(
    ("value", "told"),
    [("", "must name a"), (" ", "must name a"), ("~nobody-at-all/x", "must be a folder; .*no home")],
)
@pytest.mark.parametrize("key", ["cache_dir", "data.manual_dir", "data.data_dir"])
def test_a_folder_without_a_name_or_of_no_user_is_refused(key, value, told):
    composed(f"{key}='~/x'")
    with pytest.raises(UserError, match=f"^{key}={value}: {told}"):
        composed(f"{key}='{value}'")
