"""Parts that components are built of."""
