"""How many questions a second does `topknot serve` answer, and how soon?

    python benchmarks/serve.py MODEL --storage runs                   # 1, 8 and 64 clients, 10 s each
    python benchmarks/serve.py MODEL --storage runs --replicas 2 --texts 32

Each client asks one question after another over a connection of its own that stays open; clients compute on the same machine.
Texts are drawn from the embedded corpus, or from a column of --data. The first seconds of each round are not counted.

Rounds are kept in FOLDER/serve.json; one of the same model, replicas, texts and clients is replaced.
"""

import http.client
import json
import multiprocessing
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from contest.runs import hardware, versions
from corpora import corpus_parser, read
from ports import free_port

WARM_SECONDS = 2.0
CLIENTS = (1, 8, 64)


def main() -> None:
    parser = corpus_parser(__doc__)
    parser.add_argument("model", help="as `topknot serve` takes it")
    parser.add_argument("--storage", default="runs")
    parser.add_argument("--replicas", type=int, default=1)
    parser.add_argument("--texts", type=int, default=1, help="of a question [1]")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results", metavar="FOLDER")
    options = parser.parse_args()
    texts = list(read(options).texts)
    rows = []
    port = free_port()
    command = [sys.executable, "-m", "tune", "serve", options.model, "--storage", options.storage, "--port", str(port)]
    with subprocess.Popen([*command, "--replicas", str(options.replicas)], stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr
        started = time.perf_counter()
        for line in server.stderr:
            if "answers at" in line:
                break
        print(f"ready after {time.perf_counter() - started:.0f} s", flush=True)
        try:
            for clients in CLIENTS:
                row = {
                    "model": Path(options.model).name,
                    "replicas": options.replicas,
                    "texts": options.texts,
                    "clients": clients,
                }
                row |= load(port, texts, clients, options.texts, options.seconds)
                rows.append(row | {"date": datetime.now(UTC).isoformat(timespec="seconds")})
                print(
                    "{clients} clients: {per_second:.0f} questions/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms".format(**row),
                    flush=True,
                )
        finally:
            server.terminate()
    keep(options.results / "serve.json", rows)


def load(port: int, texts: list[str], clients: int, each: int, seconds: float) -> dict[str, float]:
    """Has clients ask, in processes of 16 threads."""
    processes = (clients + 15) // 16
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        shares = [clients // processes + (index < clients % processes) for index in range(processes)]
        jobs = [(port, texts, share, each, seconds, index) for index, share in enumerate(shares)]
        times = np.concatenate(pool.starmap(ask_for, jobs))
    return {
        "per_second": len(times) / seconds,
        "p50": 1000 * float(np.percentile(times, 50)),
        "p99": 1000 * float(np.percentile(times, 99)),
    }


def ask_for(port: int, texts: list[str], clients: int, each: int, seconds: float, seed: int) -> np.ndarray:
    """Returns the seconds that each question took, of those that ended in the time that counts."""
    taken: list[float] = []
    begin = time.perf_counter() + WARM_SECONDS

    def client(number: int) -> None:
        rng = np.random.default_rng([seed, number])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while (start := time.perf_counter()) < begin + seconds:
            body = json.dumps({"texts": [texts[row] for row in rng.integers(0, len(texts), each)]})
            connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
            reply = connection.getresponse()
            answer: Any = json.loads(reply.read())
            assert len(answer["answers"]) == each
            if begin < (now := time.perf_counter()) < begin + seconds:
                taken.append(now - start)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return np.array(taken)


def keep(path: Path, rows: list[dict[str, Any]]) -> None:
    """Puts rounds among those that were kept before."""
    kept = json.loads(path.read_text())["rounds"] if path.exists() else []
    same = ("model", "replicas", "texts", "clients")
    new = {tuple(row[name] for name in same) for row in rows}
    kept = [row for row in kept if tuple(row[name] for name in same) not in new] + rows
    path.write_text(json.dumps({"hardware": hardware(), "versions": versions(), "rounds": kept}, indent=1) + "\n")


if __name__ == "__main__":
    main()
