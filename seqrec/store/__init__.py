"""Prepared datasets: sequences of dense ids, memory-mapped and cached."""
