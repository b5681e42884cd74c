"""One server process of OpenStack Swift, or its rings; for the Python that has Swift, which is not ours.

python3 -P -m cluster.swift_process rings FOLDER account=PORT container=PORT object=PORT
python3 -P -m cluster.swift_process proxy FOLDER        # or account, container, object
"""

import base64
import hashlib
import io
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

BODY_BYTES = 1 << 21
"""More than the names of a thousand objects, which is what one request may delete."""


def content_md5(_global_conf: dict[str, str], **_local_conf: str) -> Callable[[Any], Any]:
    """Makes the filter that gives deletions of many objects the Content-MD5 which Swift wants and AWS's SDK no longer sends."""

    def filtered(app: Any) -> Any:
        def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            query = environ.get("QUERY_STRING", "").split("&")
            if environ["REQUEST_METHOD"] == "POST" and ("delete" in query or "delete=" in query):
                body = environ["wsgi.input"].read(min(int(environ.get("CONTENT_LENGTH") or 0), BODY_BYTES))
                digest = hashlib.md5(body, usedforsecurity=False).digest()
                environ |= {"HTTP_CONTENT_MD5": base64.b64encode(digest).decode(), "wsgi.input": io.BytesIO(body)}
            answered: Iterable[bytes] = app(environ, start_response)
            return answered

        return answer

    return filtered


def witness(_global_conf: dict[str, str], *, file: str, **_local_conf: str) -> Callable[[Any], Any]:
    """Makes the filter that notes what is written, when, and from where."""

    def filtered(app: Any) -> Any:
        def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            answered: Iterable[bytes] = app(environ, start_response)
            if environ["REQUEST_METHOD"] == "PUT":
                with Path(file).open("a", encoding="utf-8") as notes:
                    notes.write(f"{time.time():.3f} {environ['REMOTE_ADDR']} {environ['PATH_INFO'].lstrip('/')}\n")
            return answered

        return answer

    return filtered


def make_rings(folder: Path, ports: dict[str, int]) -> None:
    """Writes which device holds what: one, and each thing once."""
    from swift.common.ring import RingBuilder

    for role, port in ports.items():
        builder = RingBuilder(part_power=4, replicas=1, min_part_hours=0)
        device = {"id": 0, "region": 1, "zone": 1, "weight": 1, "device": "disk", "meta": ""}
        address = {"ip": "127.0.0.1", "port": port, "replication_ip": "127.0.0.1", "replication_port": port}
        builder.add_dev(device | address)
        builder.rebalance()
        builder.get_ring().save(str(folder / f"{role}.ring.gz"))


def main(role: str, folder: Path, *ports: str) -> int:
    from swift.common import utils
    from swift.common.wsgi import run_wsgi

    utils.set_swift_dir(str(folder))
    if role == "rings":
        make_rings(folder, {name: int(port) for name, _, port in (part.partition("=") for part in ports)})
        return 0
    code: int = run_wsgi(str(folder / f"{role}.conf"), f"{role}-server", verbose=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:]))
