"""What libraries have to say, kept away from results."""

import pytest

from tune.chatter import ray_diverted


def test_what_rays_processes_complain_of_keeps_off_stdout(capfd: pytest.CaptureFixture[str]) -> None:
    from ray._private import worker

    before = worker.print_to_stdstream
    with ray_diverted():
        worker.print_to_stdstream({"lines": ["A task failed \ud800"], "pid": "raylet", "is_err": False}, ignore_prefix=False)
    assert capfd.readouterr() == ("", "A task failed \\ud800\n")
    assert worker.print_to_stdstream is before
