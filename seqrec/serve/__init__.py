"""An exported model behind HTTP: requests read, answered, counted and logged, without torch."""
