"""Floor 1: from a file of labelled texts to arrays of integers. Imports numpy and pandas, never TensorFlow."""
