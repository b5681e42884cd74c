"""Who and what is let in: a bearer's token where one is asked for, and bodies of a bounded size."""

from __future__ import annotations

import hmac
import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 16 * 2**20
"""Bytes of a request's body."""
MOST_READ_ON = 4 * LARGEST_BODY
TOO_LARGE = f"a request holds {LARGEST_BODY // 2**20} MiB at most; ask in several"
OPEN = ("/", "/health")
"""Paths that need no token: the page itself, and whether all is well."""


class Door:
    """Middleware of a web application.

    Args:
        app: The application.
        token: What a request must bear; None for nothing.
    """

    def __init__(self, app: ASGIApp, token: str | None = None) -> None:
        self.app, self.token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request in, or answers it with 401 or 413."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        if self.token is not None and scope["path"] not in OPEN:
            scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
            if scheme.lower() != b"bearer" or not hmac.compare_digest(given.strip(), self.token.encode()):
                await _refuse(
                    send, 401, "this server asks for a token: Authorization: Bearer TOKEN", [(b"www-authenticate", b"Bearer")]
                )
                return
        length = headers.get(b"content-length", b"0")
        seen = 0

        async def bounded() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > LARGEST_BODY:
                await _read_on(receive)
                raise HTTPException(413, TOO_LARGE)  # which the application answers with; other errors are a body that is none
            return message

        if length.isdigit() and int(length) > LARGEST_BODY:
            await _read_on(receive)
            await _refuse(send, 413, TOO_LARGE)
        else:
            await self.app(scope, bounded, send)


async def _read_on(receive: Receive) -> None:
    """Reads what a client still sends, within reason: one that is cut off in the midst of it reads no answer."""
    left = MOST_READ_ON
    while left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return


async def _refuse(send: Send, status: int, reason: str, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    body = json.dumps({"detail": reason}).encode()
    told: dict[str, Any] = {"type": "http.response.start", "status": status}
    told["headers"] = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *(headers or [])]
    await send(told)
    await send({"type": "http.response.body", "body": body})
