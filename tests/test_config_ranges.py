"""Numbers that the program cannot hold, and folders that cannot be, are refused by name."""

import numpy as np
import pytest

from regjax.errors import UserError
from tests.small import composed

FLOAT32 = np.finfo(np.float32)


@pytest.mark.parametrize("key", ["penalty.l2", "schedule.warmup_epochs", "optimizer.learning_rate"])
def test_reals_are_refused_where_float32_has_none_for_them(key):
    for legal in (float(FLOAT32.max), float(FLOAT32.smallest_normal)):
        composed(f"{key}={legal!r}")
    for illegal in (float(FLOAT32.max) * 1.001, 1e300, float(FLOAT32.smallest_normal) / 2, 1e-300):
        with pytest.raises(UserError, match=f"^{key}=.*from 1.2e-38 to 3.4e\\+38 in size"):
            composed(f"{key}={illegal!r}")


def test_widths_beyond_int32_are_refused():
    with pytest.raises(UserError, match=r"^model\.hidden=\[8, 2147483648\]: .* up to 2147483647"):
        composed("model.hidden=[8,2147483648]")


@pytest.mark.parametrize("key", ["cache_dir", "data.manual_dir", "data.data_dir"])
def test_the_home_of_no_user_is_refused(key):
    composed(f"{key}='~/x'")
    with pytest.raises(UserError, match=f"^{key}=~nobody-at-all/x: .*no home here"):
        composed(f"{key}='~nobody-at-all/x'")
