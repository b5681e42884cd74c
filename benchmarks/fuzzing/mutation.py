"""Content with something wrong: a byte changed, a piece cut out, doubled, moved or put in."""

import random

TOKENS = (
    *(
        b"\x00",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\r",
        b"\n\n",
        b'"',
        b",",
        b"\t",
        b";",
        b"{",
        b"}",
        b"[",
        b"]",
        b"[" * 3000,
        b":",
        b"- ",
    ),
    *(b"null", b"true", b"NaN", b"-Infinity", b"1e999", b"-1", b"9" * 25, b"9" * 5000, b"\\ud800", b"\\u0000", b"''", b'""'),
    *(
        b"\xe2\x80\xae",
        b"\xf0\x9f\x98\x80",
        b"\x1b[2J",
        b"&a [*a]",
        b"*a",
        b"!!bool x",
        b"!!python/name:os.system",
        b"2026-13-45",
    ),
)


def mutated(rng: random.Random, content: bytes) -> bytes:
    """Returns the content with one to four things wrong; one byte changed, most often."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        content = _once(rng, content)
    return content


def _once(rng: random.Random, content: bytes) -> bytes:
    start = rng.randint(0, len(content))
    end = min(len(content), start + rng.choice((1, 1, 2, 4, 16, 256, 4096)))
    match rng.choice(("byte", "byte", "bit", "cut", "drop", "double", "token", "token", "move", "noise")):
        case "byte":
            return content[:start] + bytes([rng.randrange(256)]) + content[start + 1 :]
        case "bit":
            bit = bytes([byte ^ (1 << rng.randrange(8)) for byte in content[start : start + 1]])
            return content[:start] + bit + content[start + 1 :]
        case "cut":
            return content[:start]
        case "drop":
            return content[:start] + content[end:]
        case "double":
            return content[:end] + content[start:]
        case "token":
            return content[:start] + rng.choice(TOKENS) + content[rng.choice((start, end)) :]
        case "move":
            to = rng.randint(0, len(content))
            return content[:to] + content[start:end] + content[to:]
    return content[:start] + rng.randbytes(end - start) + content[end:]


def nonsense(rng: random.Random, depth: int = 0) -> object:
    """Returns what might stand in JSON or YAML in the place of anything."""
    if depth < 3 and rng.random() < 0.25:
        if rng.random() < 0.5:
            return [nonsense(rng, depth + 1) for _ in range(rng.randint(0, 3))]
        return {rng.choice(KEYS): nonsense(rng, depth + 1) for _ in range(rng.randint(0, 3))}
    return rng.choice(VALUES)


KEYS = ("int", "float", "choice", "when", "log", "step", "loss", "x", "", "dense_layers", "1")
VALUES = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2,
        3,
        64,
        0.0,
        0.5,
        1.0,
        -0.5,
        1e-300,
        1e300,
        float("nan"),
        float("inf"),
        10**25,
        10**400,
        2**31,
        2**63,
    ),
    *(
        "",
        " ",
        "x",
        "max",
        "none",
        "> 0",
        "<= 1e9",
        "> x",
        "1",
        "1e-4",
        "nan",
        "auto",
        "-1",
        "a\x00b",
        "\ud800",
        "\u202e",
        "x" * 5000,
    ),
    *(
        "10m",
        "1h30m",
        "-5s",
        "1e999s",
        "loss,size",
        "size",
        "loss,loss",
        ",",
        "sqlite",
        "sqlite://",
        "mysql://u:p@h:x/y",
        "postgresql://",
    ),
    *(
        "tensorboard",
        "mlflow",
        "mlflow:",
        "wandb:",
        "local",
        "127.0.0.1:99999",
        "[::1]:1",
        "http://x",
        "../x",
        "/",
        "~",
        "$HOME",
        "${X",
    ),
)


def misplaced(rng: random.Random, document: object) -> object:
    """Returns a document of JSON in which one place holds something else, or nothing."""
    if not isinstance(document, dict | list) or not document or rng.random() < 0.1:
        return nonsense(rng)
    if isinstance(document, dict):
        key = rng.choice(list(document))
        match rng.random():
            case chance if chance < 0.1:
                return {name: value for name, value in document.items() if name != key}
            case chance if chance < 0.15:
                return document | {rng.choice(KEYS): nonsense(rng)}
        return document | {key: misplaced(rng, document[key])}
    place = rng.randrange(len(document))
    return [*document[:place], misplaced(rng, document[place]), *document[place + 1 :]]
