"""Training texts whose labels may be wrong: those that stayed hardest for several classifiers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from data.tokens import Ints
from model.logits import Labels, Logits, softmax

Floats = npt.NDArray[np.float64]


class Suspicion(NamedTuple):
    """What classifiers say of training rows.

    Attributes:
        order: int64 (n,): the rows, the most suspect first.
        probabilities: float32 (n, classes): the mean of what LSTMs and linear classifiers say.
    """

    order: Ints
    probabilities: Logits


def suspect(labels: Labels, lstms: Iterable[Logits], linear: Logits | None = None) -> Suspicion:
    """Ranks training rows by the margins of their labels (Pleiss et al., NeurIPS 2020, "Identifying mislabeled data using the
    area under the margin ranking").

    A classifier's margin on a row is the label's logit less the largest other one: below 0 where it says otherwise. A network
    that is trained on a wrong label comes to say it in the end, but late, and with a smaller margin than others. Pleiss et
    al. average over the epochs of one training; here it is over the best epochs of several. Linear classifiers know the
    labels that they were fitted on by heart; so each is asked of rows that it was fitted without (Northcutt et al., "Confident
    learning", JAIR 2021). Where there are both, the LSTMs' mean margin and the linear one count the same.

    Args:
        labels: int32 (n,).
        lstms: Of each LSTM, 1 or more, float32 (n, classes): logits of the rows, which it was trained on.
        linear: float32 (n, classes): logits of linear classifiers that were fitted without the row (`judge_out_of_fold`); where
            the label's is minus infinity, they were never shown the class, and the LSTMs judge alone.
    """
    judged = iter(lstms)  # one by one: they may be many, and large
    first = next(judged)
    margins, probabilities, judges = margin(labels, first), softmax(first), 1
    for logits in judged:
        margins += margin(labels, logits)
        probabilities += softmax(logits)
        judges += 1
    margins /= judges
    probabilities /= judges
    if linear is not None:
        able = np.isfinite(linear[np.arange(len(labels)), labels])
        margins[able] = (margins[able] + margin(labels[able], linear[able])) / 2
        probabilities[able] = (probabilities[able] + softmax(linear[able])) / 2
    return Suspicion(np.argsort(margins, kind="stable"), probabilities)


def margin(labels: Labels, logits: Logits) -> Floats:
    """Returns the label's logit less the largest other one: float64 (n,)."""
    rows = np.arange(len(labels))
    others = logits.astype(np.float64)
    own = others[rows, labels].copy()
    others[rows, labels] = -np.inf
    result: Floats = own - others.max(axis=1)
    return result
