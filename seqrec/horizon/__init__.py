"""Lists judged by the next n events of a user, instead of the very next one."""
