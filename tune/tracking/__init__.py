"""Telling other programs of a search as it runs: TensorBoard, MLflow, Weights & Biases."""
