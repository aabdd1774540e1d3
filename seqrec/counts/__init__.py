"""What counted baselines are made of."""
