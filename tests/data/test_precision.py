"""Which inputs are refused."""

import numpy as np
import pytest

from regjax.data.precision import check_finite
from regjax.errors import UserError


@pytest.mark.parametrize("entry", [np.nan, np.inf, -np.inf, 1e39])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_entry_that_is_no_number_of_float32_is_refused_by_its_place(entry, dtype):
    inputs = np.zeros((6, 4))
    inputs[3, 2] = entry
    with np.errstate(over="ignore"), pytest.raises(UserError) as refused:
        check_finite(inputs.astype(dtype), "here")
    assert str(refused.value).startswith("here: row 3, column 2 (both counted from 0) is ")
