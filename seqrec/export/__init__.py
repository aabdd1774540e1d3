"""From a trained run to a bundle: the model as a graph, its tables, and proof that both agree."""
