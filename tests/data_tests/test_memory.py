from pathlib import Path

import pytest

from data.memory import all_memory

MIB = 2**20


@pytest.mark.parametrize(
    ("groups", "files", "limit"),
    [
        pytest.param("0::/\n", {"memory.max": 700 * MIB}, 700, id="a container"),
        pytest.param("0::/system.slice/job.scope\n", {"system.slice/job.scope/memory.max": 600 * MIB}, 600, id="a job"),
        pytest.param("0::/a/b\n", {"a/b/memory.max": "max", "a/memory.max": 500 * MIB}, 500, id="what that stands in"),
        pytest.param("0::/docker/1\n", {"memory.max": 400 * MIB}, 400, id="a container that is told its outer name"),
        pytest.param(
            "5:cpu:/\n4:memory,x:/docker/1\n0::/\n",
            {"memory/docker/1/memory.limit_in_bytes": 300 * MIB, "memory/memory.limit_in_bytes": 2**63 - 4096},
            300,
            id="version 1",
        ),
        pytest.param("0::/\n", {"memory.max": "max"}, None, id="no limit"),
        pytest.param(None, {"memory.max": 200 * MIB}, 200, id="nobody tells the group"),
        pytest.param(None, {}, None, id="no control groups"),
    ],
)
def test_the_lowest_limit_of_our_control_groups_counts(
    tmp_path: Path, groups: str | None, files: dict[str, object], limit: int | None
) -> None:
    if groups is not None:
        (tmp_path / "proc/self").mkdir(parents=True)
        (tmp_path / "proc/self/cgroup").write_text(groups)
    for name, value in files.items():
        path = tmp_path / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
    (tmp_path / "nothing").mkdir()
    assert all_memory(tmp_path) == (all_memory(tmp_path / "nothing") if limit is None else limit * MIB)


def test_it_is_no_more_than_the_machine_has() -> None:
    assert 0 < all_memory() <= all_memory(Path("/nowhere"))
