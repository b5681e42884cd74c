"""A classifier, an ensemble too, as one network of stock Keras layers that ends in probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops

from data.subwords import MOST
from data.tokens import UNKNOWN
from model.classifier import Classifier
from model.ensemble import Ensemble
from model.network import PARTS, PLACES
from model.text_classifier import TextClassifier

TOKENS, NGRAMS, NGRAM_WEIGHTS, PROBABILITIES = "tokens", "ngrams", "ngram_weights", "probabilities"
SMALLEST = float(np.finfo(np.float32).tiny)
"""Mean probabilities below it count as it, as in `model.ensemble`."""


def members_of(classifier: TextClassifier) -> list[tuple[float, Classifier]]:
    """Returns the classifiers that answer together, and the weight of each; one of weight 1 where it is alone.

    Raises:
        TypeError: If it is of neither kind.
    """
    if isinstance(classifier, Classifier):
        return [(1.0, classifier)]
    if isinstance(classifier, Ensemble):
        return [(classifier.weights[name], member) for name, member in classifier.members.items()]
    raise TypeError(f"neither a Classifier nor an Ensemble: {type(classifier).__name__}")


def exported_network(classifier: TextClassifier) -> keras.Model:
    """Builds the network.

    Returns:
        Token ids, int32 (batch, time), 0 to the right, as the largest vocabulary numbers them -> 'probabilities', float32
        (batch, classes). Each member cuts texts at its own `max_length`. Where there are parts of words, and where there is a
        wide branch, two inputs more, as in `model.network.build`; a word that one member has a vector for and another has not
        stands in both the first and the second input, one that none has as 1 in the first.
    """
    members = members_of(classifier)
    inputs = [keras.Input((None,), dtype="int32", name=TOKENS)]
    if any(member.hparams.subwords for _, member in members):
        inputs += [keras.Input((None,), dtype="int32", name=PLACES), keras.Input((MOST,), dtype="int32", name=PARTS)]
    if any(member.wide for _, member in members):
        inputs += [keras.Input((None,), dtype="int32", name=NGRAMS), keras.Input((None,), dtype="float32", name=NGRAM_WEIGHTS)]
    answers = [(weight, _probabilities(member, inputs, index)) for index, (weight, member) in enumerate(members)]
    if len(answers) == 1 and isinstance(classifier, Classifier):
        probabilities = answers[0][1]
    else:
        parts = [layers.Rescaling(weight, name=f"share_{index}")(part) for index, (weight, part) in enumerate(answers)]
        mean = layers.Add(name="mean_of_members")(parts) if len(parts) > 1 else parts[0]
        cooled = layers.Rescaling(1 / classifier.temperature, name="ensemble_temperature")(ops.log(ops.maximum(mean, SMALLEST)))
        probabilities = layers.Softmax()(cooled)
    named = layers.Activation("linear", name=PROBABILITIES)(probabilities)
    return keras.Model(inputs if len(inputs) > 1 else inputs[0], named, name="topknot")


def _probabilities(member: Classifier, inputs: Sequence[keras.KerasTensor], index: int) -> keras.KerasTensor:
    own = member.keras_network()
    network = keras.Model(own.inputs, own.outputs[0], name=f"member_{index}")
    named = {one.name: one for one in inputs}
    ids = named[TOKENS][:, : member.hparams.max_length]
    known = ops.less(ids, member.words)
    ids = ops.where(known, ids, UNKNOWN)
    given = [ids]
    if member.hparams.subwords:
        given += [ops.where(ops.equal(ids, UNKNOWN), named[PLACES][:, : member.hparams.max_length], 0), named[PARTS]]
    if member.wide:
        given += [named[NGRAMS], named[NGRAM_WEIGHTS]]
    logits = network(given if len(given) > 1 else given[0])
    return layers.Softmax(name=f"probabilities_{index}")(logits)
