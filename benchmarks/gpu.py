"""What does a GPU buy, and how many trials share one well?

    python benchmarks/gpu.py
    python benchmarks/gpu.py --profiles 60 --units 64 --shared 1 4

On the texts of benchmarks/step.py (20 classes, vocabulary of 20,000, embedding of 64, one LSTM, batches of 256, no dropout),
real tokens a wall second of whole epochs, batches drawn and sent included:

- Topknot on one core, and on the GPU in float32, float16 and bfloat16;
- Keras `fit` on the GPU, where its LSTM runs on cuDNN too, texts padded on the left to the 99th percentile;
- several of Topknot's trainings at once on one GPU, each a process of its own, as `--gpus-per-trial` runs them.

And how far the GPU's logits and gradients are from one core's. Compiling and the first epoch are not counted; an epoch that
would take longer is cut after some seconds. Results are written to FOLDER/gpu.json; the table is printed.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from contenders.corpus import CLASSES, LONGEST, VOCABULARY, Corpus

BATCH = 256
CORE, GPU, HALF, BRAIN, KERAS = "Topknot, one core", "Topknot, float32", "Topknot, float16", "Topknot, bfloat16", "Keras fit"
PRECISIONS = {CORE: "float32", GPU: "float32", HALF: "float16", BRAIN: "bfloat16"}
START = "ready"


def main() -> None:
    options = _options()
    if options.contender:
        _contend(options)
        return
    results: dict[str, Any] = {"run": _run(), "speeds": [], "shared": [], "agreement": []}
    for median in options.profiles:
        for units in options.units:
            for name in options.only:
                (speed,) = _together(1, name, median, units, options.seconds)
                row = {"words": median, "units": units, "contender": name} | speed
                results["speeds"].append(row)
                print(json.dumps(row), flush=True)
            results["agreement"].append({"words": median, "units": units} | _agreement(median, units, options))
            print(json.dumps(results["agreement"][-1]), flush=True)
    for count in options.shared:
        median, units = options.profiles[0], options.units[0]
        speeds = _together(count, GPU, median, units, options.seconds)
        total = sum(speed.get("tokens_per_second", 0) for speed in speeds)
        results["shared"].append({"words": median, "units": units, "trainings": count, "tokens_per_second": round(total)})
        print(json.dumps(results["shared"][-1]), flush=True)
    options.results.mkdir(parents=True, exist_ok=True)
    (options.results / "gpu.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profiles", type=int, nargs="+", default=[60, 600], help="median words of a text")
    parser.add_argument("--units", type=int, nargs="+", default=[64, 256])
    parser.add_argument("--only", nargs="*", default=[*PRECISIONS, KERAS])
    parser.add_argument("--shared", type=int, nargs="*", default=[1, 2, 4, 8], help="trainings at once")
    parser.add_argument("--seconds", type=float, default=5.0, help="after which an epoch is cut")
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results", metavar="FOLDER")
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    parser.add_argument("--save", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def _run() -> dict[str, Any]:
    if not (smi := shutil.which("nvidia-smi")):
        sys.exit("There is no NVIDIA GPU here: nvidia-smi was not found.")
    query = [smi, "--query-gpu=name,driver_version", "--format=csv,noheader"]
    named = subprocess.run(query, capture_output=True, text=True, check=False)
    model = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    return {
        "command": " ".join(["python", "benchmarks/gpu.py", *sys.argv[1:]]),
        "gpu": named.stdout.strip(),
        "processor": model[0],
        "cores": os.cpu_count(),
        "versions": {name: version(name) for name in ("tensorflow", "keras")},
    }


def _together(count: int, name: str, median: int, units: int, seconds: float) -> list[dict[str, Any]]:
    """Runs a contender in so many processes at once; they begin to measure together."""
    command = [sys.executable, __file__, "--contender", name, "--profiles", str(median), "--units", str(units)]
    command += ["--seconds", str(seconds)]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_environment(name))
        for _ in range(count)
    ]
    for process in processes:
        process.stdout.readline()  # it is ready
    for process in processes:
        with suppress(BrokenPipeError):
            process.stdin.write("go\n")
            process.stdin.flush()
    lines = [process.communicate()[0].strip().splitlines() for process in processes]
    return [json.loads(line[-1]) if line else {"note": "it failed"} for line in lines]


def _agreement(median: int, units: int, options: argparse.Namespace) -> dict[str, Any]:
    """Compares logits and weights after some steps: relative distance of each precision from one core."""
    options.results.mkdir(parents=True, exist_ok=True)
    saved = {}
    for name in [name for name in options.only if name in PRECISIONS]:
        path = options.results / "gpu-weights.npz"
        path.unlink(missing_ok=True)
        command = [sys.executable, __file__, "--contender", name, "--profiles", str(median), "--units", str(units)]
        subprocess.run([*command, "--save", str(path)], env=_environment(name), check=False, stdout=subprocess.DEVNULL)
        if path.exists():
            with np.load(path) as file:
                saved[name] = dict(file)
            path.unlink()
    core = saved.pop(CORE, None)
    if core is None:
        return {}
    return {
        name: {
            kind: float(f"{np.linalg.norm(values - core[kind]) / np.linalg.norm(core[kind]):.2g}")
            for kind, values in one.items()
        }
        for name, one in saved.items()
    }


def _environment(name: str) -> dict[str, str]:
    return os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"} | ({"CUDA_VISIBLE_DEVICES": "-1"} if name == CORE else {})


def _contend(options: argparse.Namespace) -> None:
    from model.device import use_device

    use_device(1, gpu=options.contender != CORE)
    corpus, units = Corpus(options.profiles[0]), options.units[0]
    if options.save:
        np.savez(options.save, **_learned(corpus, units, options.contender))
        return
    epoch = (_keras if options.contender == KERAS else _topknot)(corpus, units, options.contender)
    _measure(epoch, 1.0)
    print(START, flush=True)
    sys.stdin.readline()
    rounds = sorted(_measure(epoch, options.seconds) for _ in range(3))
    print(json.dumps({"tokens_per_second": round(rounds[1]), "rounds": [round(speed) for speed in rounds]} | _memory()))


def _measure(epoch: Callable[[], Iterator[int]], seconds: float) -> float:
    """Returns real tokens a wall second of an epoch, or of its first seconds."""
    started, tokens = time.perf_counter(), 0
    for step in epoch():
        tokens += step
        if time.perf_counter() - started > seconds:
            break
    return tokens / (time.perf_counter() - started)


def _topknot(corpus: Corpus, units: int, name: str) -> Callable[[], Iterator[int]]:
    from contenders.topknot import hparams_of

    from data.batches import pad
    from model.compiled import CompiledNetwork
    from model.knobs import Knobs
    from model.network import initial_weights
    from model.shape import Shape

    hparams = hparams_of(units)
    shape = Shape.of(hparams, VOCABULARY, CLASSES, PRECISIONS[name])
    network = CompiledNetwork(shape)
    network.warm_up({0.5, 1.0})
    network.reset(initial_weights(shape.weights(), 0))
    lengths = np.minimum(corpus.lengths, LONGEST)

    def epoch() -> Iterator[int]:
        losses: list[Any] = []
        plan = corpus.plan(BATCH)
        for rows in plan:
            ids = pad(corpus.tokens, rows, max_length=LONGEST, vocabulary_size=VOCABULARY)
            labels = corpus.labels[rows]
            losses.append(network.train(ids, labels, fraction=1.0, step=len(losses) + 1, knobs=Knobs.of(hparams), seed=0))
            float(losses[max(0, len(losses) - 2)])
            yield int(lengths[rows].sum())
        float(losses[-1])

    epoch.network, epoch.hparams = network, hparams
    return epoch


def _keras(corpus: Corpus, units: int, _name: str) -> Callable[[], Iterator[int]]:
    from contenders.plain_keras import Padded

    padded = Padded(corpus, units, corpus.percentile_99)
    rows = np.arange(4096)
    ids, labels = corpus.padded_left(rows, padded.length), corpus.labels[rows]
    tokens = int(np.minimum(corpus.lengths[rows], padded.length).sum())

    def epoch() -> Iterator[int]:
        padded.model.fit(ids, labels, batch_size=BATCH, verbose=0)
        yield tokens

    return epoch


def _learned(corpus: Corpus, units: int, name: str) -> dict[str, np.ndarray]:
    """Returns the logits of the first batch before training, and what 20 steps on it changed of the weights."""
    from data.batches import pad
    from model.knobs import Knobs

    epoch = _topknot(corpus, units, name)
    network, hparams, rows = epoch.network, epoch.hparams, corpus.plan(BATCH)[0]
    ids = pad(corpus.tokens, rows, max_length=LONGEST, vocabulary_size=VOCABULARY)
    before, logits = network.weights(), network.infer(ids)
    for step in range(1, 21):
        network.train(ids, corpus.labels[rows], fraction=1.0, step=step, knobs=Knobs.of(hparams), seed=0)
    changes = [(new - old).ravel() for new, old in zip(network.weights(), before, strict=True)]
    return {"logits": logits, "changes": np.concatenate(changes), "logits_after": network.infer(ids)}


def _memory() -> dict[str, int]:
    import tensorflow as tf

    if not tf.config.list_logical_devices("GPU"):
        return {}
    return {"gpu_mib": round(tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**20)}


if __name__ == "__main__":
    main()
