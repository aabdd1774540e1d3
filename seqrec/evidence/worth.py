"""What a candidate's lists would have earned, from the log of another model's."""

from seqrec.bundle import Bundle
from seqrec.errors import SeqrecError
from seqrec.estimator.delta import Delta
from seqrec.evidence.evidence import Value
from seqrec.evidence.sequence import Interval
from seqrec.feedback import Feedback, attribute
from seqrec.offpolicy import Target, study


def worth_of(candidate: Bundle, feedback: Feedback, *, live: str, event: str) -> Value:
    """Estimate the difference to production on the live bundle's lists, or say why it can't be.

    Args:
        candidate: the bundle that would have scored instead.
        feedback: the log.
        live: sha of the bundle that is production.
        event: what counts as using an item.
    """
    slates = attribute(feedback, event=event)[0]
    try:
        found = study(
            slates, Target(bundle=candidate), {"delta": Delta(of="cascade_dr")}, bundle=live
        )
    except SeqrecError as error:
        return Value(Interval(0.0, float("-inf"), float("inf"), 0), 0.0, doubt=error.what)
    [row] = found.rows
    interval = Interval(row.value, row.low, row.high, int(row.effective))
    return Value(interval, float(found.facts["production"]), doubt=row.doubt)
