"""Finished runs that teach others: what they answer, and how several are joined; one file each."""
