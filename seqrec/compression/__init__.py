"""A finished run made smaller: a run folder of its own, and what that costs."""
