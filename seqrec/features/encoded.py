"""The forms that a feature of the items can have."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Codes:
    """Codes of one or several values per item.

    Args:
        code_VM: int32, 0 where there is no (further) value; row 0 is the padding id.
        size: number of codes, without 0.
    """

    code_VM: Tensor
    size: int


@dataclass(frozen=True)
class Numbers:
    """A vector for each item.

    Args:
        value_VF: float32, of unit scale; zeros for missing values; row 0 is the padding id.
    """

    value_VF: Tensor


Encoded = Codes | Numbers
