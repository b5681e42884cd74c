"""The file beside a reader that runs the model, by format."""

KERAS = '''"""Runs model.keras."""

import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
import keras
import numpy as np

MODEL = keras.saving.load_model(Path(__file__).with_name("model.keras"), compile=False, safe_mode=True)


def run(arrays):
    return np.asarray(MODEL([arrays[one.name] for one in MODEL.inputs]))
'''

SAVEDMODEL = '''"""Runs the SavedModel in model/."""

from pathlib import Path

import tensorflow as tf

MODEL = tf.saved_model.load(Path(__file__).with_name("model"))
SERVE = MODEL.signatures["serving_default"]


def run(arrays):
    return SERVE(**{name: tf.constant(array) for name, array in arrays.items()})["probabilities"].numpy()
'''

ONNX = '''"""Runs model.onnx."""

from pathlib import Path

import onnxruntime

MODEL = onnxruntime.InferenceSession(Path(__file__).with_name("model.onnx"), providers=["CPUExecutionProvider"])


def run(arrays):
    return MODEL.run(None, {one.name: arrays[one.name] for one in MODEL.get_inputs()})[0]
'''

TFLITE = '''"""Runs model.tflite, one text at a time, each filled up with zeros to the length that the model reads."""

from pathlib import Path

import numpy as np

try:
    from ai_edge_litert.interpreter import Interpreter
except ImportError:  # TensorFlow has it as well, for the time being
    import tensorflow as tf

    Interpreter = tf.lite.Interpreter

MODEL = Interpreter(str(Path(__file__).with_name("model.tflite"))).get_signature_runner()
TIME = MODEL.get_input_details()["tokens"]["shape"][1]


def run(arrays):
    for name in arrays.keys() & {"tokens", "new_words"}:
        arrays = arrays | {name: np.pad(arrays[name], ((0, 0), (0, TIME - arrays[name].shape[1])))}
    return np.concatenate([MODEL(**of_text(arrays, row))["probabilities"] for row in range(len(arrays["tokens"]))])


def of_text(arrays, row):
    """A text's inputs; of the parts of words, those of its own words."""
    own = {name: array[row : row + 1] for name, array in arrays.items() if name != "word_parts"}
    if "word_parts" not in arrays:
        return own
    words = np.unique(own["new_words"][own["new_words"] > 0])
    places = np.where(own["new_words"] > 0, np.searchsorted(words, own["new_words"]) + 1, 0).astype(np.int32)
    return own | {"new_words": places, "word_parts": arrays["word_parts"][words - 1 if len(words) else [0]]}
'''
