"""One search of trainings that take no time, in this process; `overhead.py` runs it and asks the questions.

python benchmarks/overhead_search.py FIGURES topknot tpe 100 2 --profile
python benchmarks/overhead_search.py FIGURES topknot tpe 100 4 --address HOST:PORT   # on a cluster's nodes
"""

import argparse
import cProfile
import io
import json
import math
import pstats
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from optuna import Trial
from overhead_meter import PARTS, Meter

from data.clock import now
from model.presets import SPACES
from tune.space import Space
from tune.written_space import parse_space

EPOCHS, REDUCTION = 30, 3  # Topknot's defaults


def made_up_loss(number: int, epoch: int) -> float:
    return random.Random(number).random() + math.exp(-epoch / 6)


def prepare_topknot(
    folder: Path, sampler: str, trials: int, workers: int, address: str | None = None
) -> tuple[Any, Callable[[Meter], Any]]:
    """Returns what starts Ray, and what runs the trials: all that `topknot search` runs, but for the corpus and the winner."""
    import tune.cluster

    tune.cluster.ENVIRONMENT["RAY_preload_python_modules"] = "json"  # the workers need no TensorFlow

    def run(meter: Meter) -> None:
        import ray.tune
        from rich.console import Console

        import tune.trial
        from tune.attributes import METRICS
        from tune.display import Display
        from tune.folder import SearchFolder
        from tune.inputs import Inputs
        from tune.samplers import make_sampler
        from tune.searcher import ENDED, NUMBER
        from tune.settings import Settings
        from tune.stopwatch import Stopwatch
        from tune.tuning import Tuning
        from tune.workers import Workers

        class NoTrial(ray.tune.Trainable):
            def setup(self, config: dict[str, Any], **shared: Any) -> None:
                self.reset_config(config)

            def reset_config(self, new_config: dict[str, Any]) -> bool:
                self._number, self._epoch = new_config[NUMBER], 0
                return True

            def step(self) -> dict[str, Any]:
                self._epoch += 1
                loss, ended = made_up_loss(self._number, self._epoch), "all epochs" if self._epoch == EPOCHS else ""
                return dict.fromkeys(METRICS, 0.0) | {"epoch": self._epoch, "loss": loss, ENDED: ended, "done": bool(ended)}

        class CountingDisplay(Display):
            def on_trial_result(self, *arguments: Any, **named: Any) -> None:
                super().on_trial_result(*arguments, **named)
                meter.reports += 1

            def on_trial_complete(self, *arguments: Any, **named: Any) -> None:
                meter.count()

        tune.trial.LSTMTrial = NoTrial  # type: ignore[misc, assignment]
        rungs: dict[str, Any] = {"max_epochs": EPOCHS, "grace_period": 1, "reduction_factor": REDUCTION}
        settings = Settings(workers=workers, sampler=sampler, portfolio=False, **rungs)
        search = SearchFolder(folder)
        search.keep(settings, {"wall_seconds": 0.0, "workers": float(workers)})
        space = parse_space(settings.written_space())
        study = search.study(make_sampler(sampler, settings.seed, space=space))
        inputs: Any = Inputs(space, None, None, None, 0)  # type: ignore[arg-type]
        display = CountingDisplay(Console(stderr=True), now(), quiet=True)
        tuning = Tuning(
            folder=search,
            settings=settings,
            inputs=inputs,
            study=study,
            workers=Workers.on_cluster(settings, workers) if address else Workers.local(settings, workers),
            first=[],
            limit=trials,
            end=lambda: math.inf,
            last=math.inf,
        )
        stopwatch = Stopwatch(search, now(), tuning.workers)
        tuning.run(threading.Event(), [display], stopwatch.write, stopwatch.keep)

    return ready_cluster(workers, address), run


@contextmanager
def ready_cluster(workers: int, address: str | None) -> Iterator[None]:
    import tune.cluster

    if address:
        with tune.cluster.joined_cluster(address):
            yield
        return
    with tune.cluster.local_cluster(workers) as wait_for_ray:
        wait_for_ray()
        yield


def draw(trial: Trial, space: Space) -> dict[str, Any]:
    space.suggest(trial)
    return {"number": trial.number}


def prepare_ray(folder: Path, sampler: str, trials: int, workers: int) -> tuple[Any, Callable[[Meter], Any]]:
    """Returns what starts Ray, and what runs the trials as Tune's documentation has it."""
    import ray
    from optuna.samplers import RandomSampler
    from ray.tune import Callback, RunConfig, TuneConfig, Tuner, report
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.optuna import OptunaSearch

    def train(config: dict[str, Any]) -> None:
        for epoch in range(1, EPOCHS + 1):
            report({"loss": made_up_loss(config["number"], epoch)})

    goal: Any = {"metric": "loss", "mode": "min"}

    def run(meter: Meter) -> None:
        class Count(Callback):
            def on_trial_result(self, *arguments: Any, **named: Any) -> None:
                meter.reports += 1

            def on_trial_complete(self, *arguments: Any, **named: Any) -> None:
                meter.count()

        Tuner(
            train,
            tune_config=TuneConfig(
                search_alg=OptunaSearch(
                    partial(draw, space=parse_space(SPACES["default"])),
                    sampler=RandomSampler() if sampler == "random" else None,
                    **goal,
                ),
                scheduler=ASHAScheduler(max_t=EPOCHS, reduction_factor=REDUCTION, **goal),
                num_samples=trials,
                reuse_actors=True,  # the documentation's advice
            ),
            run_config=RunConfig(storage_path=str(folder), callbacks=[Count()]),
        ).fit()

    return ray.init(num_cpus=workers), run


def measure(side: str, sampler: str, trials: int, workers: int, profile: bool, address: str | None) -> dict[str, Any]:
    """Runs one search in this process."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if side == "topknot":
            cluster, run = prepare_topknot(folder, sampler, trials, workers, address)
        else:
            cluster, run = prepare_ray(folder, sampler, trials, workers)
        with cluster:
            meter, profiler = Meter(side), cProfile.Profile()
            start = meter.started - started
            meter.mark()
            before = time.process_time()
            (profiler.runcall if profile else lambda run, meter: run(meter))(run, meter)
            spent = time.process_time() - before
            meter.mark()
    figures = {
        "cpu_seconds": spent,
        "start_seconds": start,
        "seconds": meter.marks[-1][1],
        "reports": meter.reports,
        "parts": meter.seconds,
        "marks": meter.marks,
    }
    if profile:
        stream = io.StringIO()
        pstats.Stats(profiler, stream=stream).sort_stats("tottime").print_stats(30).sort_stats("cumtime").print_stats(45)
        figures["profile"] = stream.getvalue()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", type=Path)
    parser.add_argument("side", choices=PARTS)
    parser.add_argument("sampler")
    parser.add_argument("trials", type=int)
    parser.add_argument("workers", type=int)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--address", help="of a cluster's head, whose node this machine is")
    options = parser.parse_args()
    figures = measure(options.side, options.sampler, options.trials, options.workers, options.profile, options.address)
    options.figures.write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
