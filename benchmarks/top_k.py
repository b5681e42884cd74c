"""Does the top-k loss pay? The default search against the same search on full cross-entropy, alternated, seed by seed.

python benchmarks/top_k.py --trials 60 --seeds 3
python benchmarks/top_k.py --data FILE --text COL --label COL --trials 40 --seeds 2
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

FULL = "space:\n  top_k: 1.0\n"
SIDES = ("full cross-entropy", "top-k")


def search(storage: Path, side: str, seed: int, arguments: list[str]) -> dict[str, object]:
    config = storage / "full.yaml"
    config.write_text(FULL)
    extra = ["--config", str(config)] if side == SIDES[0] else []
    name = f"{side.split(maxsplit=1)[0]}-{seed}"
    command = [sys.executable, "-m", "tune", "search", "--json", "--storage", str(storage), "--name", name]
    done = subprocess.run([*command, "--seed", str(seed), *extra, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    document: dict[str, object] = json.loads(done.stdout)
    return document


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    options, arguments = parser.parse_known_args()
    figures: dict[str, list[list[float]]] = {side: [] for side in SIDES}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(options.seeds):
            for side in SIDES if seed % 2 else reversed(SIDES):
                found = search(Path(folder), side, seed, arguments)
                validation, test = found["validation"], found["test"]
                row = [validation["loss"], test["loss"], test["accuracy"], test["macro_f1"], found["wall_seconds"]]  # type: ignore[index]
                figures[side].append(row)
                chosen = found["hparams"]
                print(seed, side, [round(value, 4) for value in row], chosen["top_k"], chosen["top_k_schedule"], flush=True)  # type: ignore[index]
    print("\n| trained on | validation loss | test loss | test accuracy | test macro-F1 | seconds |\n|---|---|---|---|---|---|")
    for side in SIDES:
        medians = [statistics.median(column) for column in zip(*figures[side], strict=True)]
        print(f"| {side} | " + " | ".join(f"{value:.3f}" for value in medians[:4]) + f" | {medians[4]:.0f} |")


if __name__ == "__main__":
    main()
