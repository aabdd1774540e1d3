"""Building blocks of the counted baselines."""
