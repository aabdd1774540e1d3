"""Lists for all users, in parts, by many processes: what a nightly job writes."""
