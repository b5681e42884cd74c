"""Floor 2: one training on one machine, from arrays of integers to a classifier. Knows no Ray."""
