"""What one core does at best: float32 matrix products in TensorFlow."""

import numpy as np
import tensorflow as tf
from contenders.clock import now

SIZE = 1024
"""Rows and columns of the matrices."""


class Product:
    """Measured like a contender, so that it meets the machine in the same state."""

    def warm_up(self, batch: int) -> None:
        """Multiplies once."""
        self._multiply()

    def measure(self, batch: int, fraction: float) -> np.ndarray:
        """Returns CPU and wall seconds of 10^9 floating-point operations: medians of ten products."""
        return np.median([self._multiply() for _ in range(10)], axis=0) / (2 * SIZE**3 / 1e9)

    def _multiply(self) -> np.ndarray:
        matrix = tf.random.stateless_normal((SIZE, SIZE), (0, 0))
        started = now()
        tf.linalg.matmul(matrix, matrix).numpy()
        return now() - started
