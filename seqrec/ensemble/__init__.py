"""Several models as one: their scores, added up."""
