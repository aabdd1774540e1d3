"""States: the events of sessions, kept between requests, by one method each."""

from seqrec.state._event import Event
from seqrec.state._what import State, StateError

__all__ = ["Event", "State", "StateError"]
