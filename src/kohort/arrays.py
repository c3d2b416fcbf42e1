"""Names of the types of arrays and tables: what a parameter takes, said once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import jax
    import pandas as pd
    import scipy.sparse

Floats: TypeAlias = NDArray[np.floating[Any]]
"""An array of float32 or float64 on the host."""

Integers: TypeAlias = NDArray[np.integer[Any]]
"""An array of whole numbers on the host, such as row numbers or labels as positions."""

HostArray: TypeAlias = NDArray[Any]
"""An array of any type on the host."""

Array: TypeAlias = "jax.Array | NDArray[Any]"
"""An array inside a traced function, or one given to it."""

Variables: TypeAlias = "Sequence[jax.Array]"
"""A network's variables inside a traced function, in the order of its layout."""

Table: TypeAlias = "NDArray[Any] | pd.DataFrame | pd.Series | Sequence[Any]"
"""Rows as users give them: (row, feature) or (row,)."""

Sparse: TypeAlias = "scipy.sparse.spmatrix | scipy.sparse.sparray"
"""A table of which only the values that are not 0 are kept: (row, feature)."""
