"""The columns that the steps of a preparation need."""

from seqrec.config.schema import Prepare, Ties
from seqrec.errors import DataError
from seqrec.store.steps import minima


def check_columns(settings: Prepare, *, timed: bool, rated: bool, name: str) -> None:
    """Check that there are the columns that the steps need.

    Args:
        settings: the steps.
        timed, rated: whether the data of the source `name` have times, and ratings.

    Raises:
        DataError: a step needs a column that the data lacks.
    """
    if settings.min_rating is not None and not rated:
        raise DataError(
            f"prepare.min_rating={settings.min_rating:g} needs ratings, which {name} lacks",
            where="prepare.min_rating",
            todo="set prepare.min_rating=null, or read ratings (data=files data.rating=)",
        )
    if timed:
        return
    if settings.ties is Ties.shuffle:
        raise DataError(
            f"prepare.ties=shuffle needs times, which {name} lacks",
            where="prepare.ties",
            todo="set prepare.ties=file: without times, the order of the file is all there is",
        )
    for key in ("session_gap", *(["k_core_before"] if minima(settings) else [])):
        if getattr(settings, key) is not None:
            raise DataError(
                f"prepare.{key} needs timestamps, which {name} lacks",
                where=f"prepare.{key}",
                todo=f"set prepare.{key}=null, or read a file with times (data=files "
                "data.timestamp=)",
            )
