"""The tables that the analyst's own code has made in this kernel."""

from __future__ import annotations

from typing import Any

import pandas as pd
from IPython.core.getipython import get_ipython


def kernel_frames() -> dict[str, Any]:
    """Give the tables among the notebook's variables, by their names; none outside of a kernel.

    Names that begin with an underscore are IPython's own, or nobody's business.
    """
    shell: Any = get_ipython()
    variables = dict(shell.user_ns) if shell is not None else {}
    return {
        name: value
        for name, value in sorted(variables.items())
        if not name.startswith("_") and is_table(value)
    }


def is_table(value: Any) -> bool:
    """Whether it is a DataFrame, or what gives itself as Arrow.

    Its class is asked, for an object may answer to any name.

    >>> is_table(pd.DataFrame()), is_table(pd.DataFrame), is_table("a,b")
    (True, False, False)
    """
    if isinstance(value, (type, pd.Series)):
        return False
    return isinstance(value, pd.DataFrame) or hasattr(type(value), "__arrow_c_stream__")
