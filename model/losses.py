"""What is trained on: each example's cross-entropy, as it is or shaped; of a batch's, the mean of the k hardest."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import ops


def cross_entropies(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Returns each example's cross-entropy in nats.

    Args:
        labels: int32 (batch,), the true classes.
        logits: float32 (batch, classes).

    Returns:
        float32 (batch,).
    """
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)


FLOOR = 1e-7
"""The least that 1 - p counts as: at 0, the focal factor has no gradient."""


def shaped_cross_entropies(
    labels: tf.Tensor,
    logits: tf.Tensor,
    weights: tf.Tensor,
    offsets: tf.Tensor,
    focal_gamma: tf.Tensor,
    label_smoothing: tf.Tensor,
) -> tf.Tensor:
    """Returns each example's cross-entropy in nats, shaped in four ways; each can be off.

    The offsets are added to the logits first: the logit-adjusted loss (Menon et al., ICLR 2021) if they are tau times the
    logarithm of the classes' frequencies. p are the probabilities that come of that, q the label, smoothed (Szegedy et al.,
    CVPR 2016). The loss is the weight of the label's class (Cui et al., CVPR 2019) times the sum over the classes of
    -q (1 - p)^gamma log p: the focal loss (Lin et al., ICCV 2017), of a smoothed label as Keras has it.

    Args:
        labels: int32 (batch,), the true classes.
        logits: float32 (batch, classes).
        weights, offsets: float32 (classes,); ones and zeros are off.
        focal_gamma, label_smoothing: float32 scalars; 0 is off.

    Returns:
        float32 (batch,).
    """
    log_probabilities = tf.nn.log_softmax(logits + offsets)
    classes = logits.shape[1]
    smoothed = tf.one_hot(labels, classes, on_value=1 - label_smoothing, off_value=0.0) + label_smoothing / classes
    focal = tf.pow(tf.maximum(-tf.math.expm1(log_probabilities), FLOOR), focal_gamma)
    return -tf.gather(weights, labels) * tf.reduce_sum(smoothed * focal * log_probabilities, axis=1)


def top_k(losses: tf.Tensor, k: tf.Tensor) -> tf.Tensor:
    """Averages the k largest of a batch's losses (Fan et al., NeurIPS 2017).

    Args:
        losses: float32 (batch,), each example's.
        k: int32 scalar, 1 or more; more than the batch holds means all of it.

    Returns:
        float32 scalar: mean of the k largest.
    """
    return tf.reduce_mean(tf.math.top_k(losses, tf.minimum(k, tf.size(losses)), sorted=False).values)


@keras.saving.register_keras_serializable("topknot")
class TopKLoss(keras.losses.Loss):
    """Cross-entropy of logits, averaged over the k hardest examples of a batch; for `keras.Model.compile`.

    Average top-k loss: Fan et al., NeurIPS 2017 (arXiv:1705.08826); as a way to train by mini-batches, ordered SGD:
    Kawaguchi & Lu, AISTATS 2020 (arXiv:1907.04371). Report the full loss beside it: this one looks bad by design.

    Labels are class indices, shape (batch,) or (batch, 1), or one-hot rows (batch, classes); predictions are logits,
    float (batch, classes). A batch of fewer than k examples is averaged whole. With sample weights, float (batch,), each
    example's loss is multiplied by its weight before the k largest are taken, and their sum is divided by k.

    Args:
        k: Examples of a batch that count, 1 or more.
        name: Name of the loss.
        dtype: What it is computed in; Keras's default if None.

    Raises:
        ValueError: If k is no integer or below 1.
    """

    def __init__(self, k: int, name: str = "top_k_loss", dtype: Any = None) -> None:
        if isinstance(k, bool) or int(k) != k or k < 1:
            raise ValueError(f"`k` must be an integer of 1 or more, got {k!r}.")
        super().__init__(name=name, dtype=dtype)
        self.k = int(k)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns each example's cross-entropy: float (batch,).

        Raises:
            ValueError: If there is one logit for each: the softmax of one number is 1, whatever it is, and teaches nothing.
        """
        if y_pred.shape[-1] == 1:
            raise ValueError("The predictions are one logit an example; two classes need two: end the model with Dense(2).")
        if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == y_pred.shape[-1]:
            return ops.categorical_crossentropy(y_true, y_pred, from_logits=True)
        labels = ops.reshape(ops.cast(y_true, "int32"), (-1,))
        return ops.sparse_categorical_crossentropy(labels, y_pred, from_logits=True)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Returns the mean of the k largest (weighted) cross-entropies: float scalar."""
        losses = self.call(ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred, dtype=self.dtype))
        if sample_weight is not None:
            losses = losses * ops.reshape(ops.cast(sample_weight, losses.dtype), (-1,))
        hardest_first = ops.flip(ops.sort(losses))
        k = ops.minimum(self.k, ops.shape(losses)[0])
        counts = ops.cast(ops.arange(ops.shape(losses)[0]) < k, losses.dtype)
        return ops.sum(hardest_first * counts) / ops.cast(k, losses.dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns what makes this loss anew."""
        return {"name": self.name, "k": self.k}
