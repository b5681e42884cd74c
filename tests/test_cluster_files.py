"""The files that clusters are made of, read as Ray reads them; no cloud account is needed."""

import os
import re
import shlex
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray._private.runtime_env.packaging import create_package
from ray.autoscaler._private.util import prepare_config, validate_config
from ray.autoscaler.tags import TAG_RAY_CLUSTER_NAME

ROOT = Path(__file__).parents[1]
CLOUDS = ["cluster.yaml", "clusters/gcp.yaml"]
LAUNCHED = [*CLOUDS, "clusters/local.yaml"]
RAYJOB, DOCKERFILE, STACK = "clusters/rayjob.yaml", "clusters/Dockerfile", "clusters/aws-stack.yaml"
CODE = {"data", "model", "tune"}
INSTALL = "make -C ~/topknot cluster"


def read(name: str) -> dict[str, Any]:
    config = yaml.safe_load((ROOT / name).read_text())
    assert isinstance(config, dict)
    return config


def stack() -> dict[str, Any]:
    """Returns the resources of CloudFormation's template, what its functions are given as plain text."""

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_multi_constructor("!", lambda _loader, _tag, node: node.value)
    resources = yaml.load((ROOT / STACK).read_text(), Loader)["Resources"]  # noqa: S506 - a SafeLoader
    assert isinstance(resources, dict)
    return resources


def node_roles(config: dict[str, Any]) -> dict[str, str]:
    """Returns the role of each kind of AWS's nodes."""
    return {kind: spec["node_config"]["IamInstanceProfile"]["Name"] for kind, spec in config["available_node_types"].items()}


def locked(name: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Returns each package's version and hashes."""
    packages = re.findall(
        r"^([\w.-]+)==([^ ;]+).*\\\n((?:    --hash=\S+(?: \\)?\n?)+)", (ROOT / name).read_text(), re.MULTILINE
    )
    return {package: (version, frozenset(re.findall(r"sha256:\w+", hashes))) for package, version, hashes in packages}


def starts(config: dict[str, Any]) -> list[str]:
    """Returns the command that starts Ray on the head, and that on a worker."""
    commands = [*config["head_start_ray_commands"], *config["worker_start_ray_commands"]]
    return [command for command in commands if "ray start" in command]


def rayjob() -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    claim, policy, job = yaml.safe_load_all((ROOT / RAYJOB).read_text())
    return claim, policy, job


def ray_pods() -> list[dict[str, Any]]:
    cluster = rayjob()[2]["spec"]["rayClusterSpec"]
    return [group["template"] for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]


@pytest.mark.parametrize("name", LAUNCHED)
def test_rays_launcher_takes_the_file(name: str) -> None:
    validate_config(prepare_config(read(name)))


def test_rays_launcher_would_refuse_a_key_that_it_does_not_know() -> None:
    with pytest.raises(Exception, match="Additional properties"):
        validate_config(prepare_config(read("cluster.yaml") | {"idle_minutes": 5}))


@pytest.mark.parametrize("name", LAUNCHED)
def test_heads_run_no_trials_and_show_their_dashboard_on_loopback_alone(name: str) -> None:
    config = read(name)
    head, worker = (shlex.split(command) for command in starts(config))
    assert {"--head", "--num-cpus=0", "--dashboard-host=127.0.0.1"} <= set(head)
    assert not {"--head", "--num-cpus=0"} & set(worker)
    if name in CLOUDS:
        assert config["available_node_types"][config["head_node_type"]]["resources"] == {"CPU": 0}


@pytest.mark.parametrize("name", LAUNCHED)
def test_every_node_asks_for_the_token_that_is_brought_to_it(name: str) -> None:
    config = read(name)
    for command in starts(config):
        assert re.search(r'export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH="\$HOME/.ray/auth_token";.*ray start', command)
    assert config["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"  # noqa: S105 - a path
    assert "chmod 600 ~/.ray/auth_token" in config["setup_commands"]


def test_awss_nodes_have_the_roles_that_the_stack_makes() -> None:
    made = {
        properties["InstanceProfileName"]: properties["Roles"]
        for properties in (resource.get("Properties", {}) for resource in stack().values())
        if "InstanceProfileName" in properties
    }
    assert node_roles(read("cluster.yaml")) == {
        "head": "topknot-head",
        "on_demand": "topknot-worker",
        "spot": "topknot-worker",
    }
    assert made == {"topknot-head": ["HeadRole"], "topknot-worker": ["WorkerRole"]}


def test_awss_workers_may_use_the_bucket_and_nothing_else() -> None:
    policies = {
        name: resource["Properties"]
        for name, resource in stack().items()
        if resource["Type"] in {"AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"}
    }
    workers = [
        statement
        for policy in policies.values()
        if "WorkerRole" in [*policy.get("Roles", []), policy.get("RoleName")]
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    assert {statement["Resource"] for statement in workers} == {"Bucket.Arn", "${Bucket.Arn}/*"}
    assert all(action.startswith("s3:") for statement in workers for action in statement["Action"])
    assert "s3:*" not in [action for statement in workers for action in statement["Action"]]


def test_awss_head_may_end_its_own_clusters_nodes_alone() -> None:
    statements = stack()["StartWorkers"]["Properties"]["PolicyDocument"]["Statement"]
    (ends,) = (statement for statement in statements if "ec2:TerminateInstances" in statement["Action"])
    tagged = {f"aws:ResourceTag/{TAG_RAY_CLUSTER_NAME}": read("cluster.yaml")["cluster_name"]}
    assert ends["Condition"] == {"StringEquals": tagged}


def test_awss_bucket_is_closed_and_outlives_the_stack() -> None:
    bucket = stack()["Bucket"]
    assert all(bucket["Properties"]["PublicAccessBlockConfiguration"].values())
    assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("name", CLOUDS)
def test_clusters_shrink_to_their_head(name: str) -> None:
    config = read(name)
    workers = {kind: spec for kind, spec in config["available_node_types"].items() if kind != config["head_node_type"]}
    assert set(workers) == {"on_demand", "spot"}
    assert all(spec["min_workers"] == 0 < spec["max_workers"] <= config["max_workers"] for spec in workers.values())
    assert config["idle_timeout_minutes"] <= 10


@pytest.mark.parametrize("name", CLOUDS)
@pytest.mark.parametrize(
    ("hours", "searching", "stops"),
    [
        pytest.param(2, False, True, id="idle for long"),
        pytest.param(0, False, False, id="idle for a while"),
        pytest.param(2, True, False, id="searching"),
    ],
)
def test_a_head_stops_itself_when_it_has_been_idle(name: str, hours: int, searching: bool, stops: bool, tmp_path: Path) -> None:
    (tabled,) = (command for command in read(name)["head_setup_commands"] if "crontab" in command)
    line = subprocess.run(
        ["/bin/sh", "-c", tabled.replace("| crontab -", "")], capture_output=True, text=True, check=True
    ).stdout
    (pattern,) = re.findall(r'pgrep -f "(.*?)"', line)
    assert re.search(pattern, "python -m tune search --name jobs")
    assert re.search(pattern, "/home/ubuntu/topknot/.venv/bin/topknot resume jobs")
    (tmp_path / ".busy").touch()
    then = (tmp_path / ".busy").stat().st_mtime - 3600 * hours
    os.utime(tmp_path / ".busy", (then, then))
    for program, answer in (("sudo", f'echo "$@" > {tmp_path}/stopped'), ("pgrep", "exit 0" if searching else "exit 1")):
        (tmp_path / program).write_text(f"#!/bin/sh\n{answer}\n")
        (tmp_path / program).chmod(0o755)
    environment = {"HOME": str(tmp_path), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(["/bin/sh", "-c", line.removeprefix("*/5 * * * * ")], env=environment, check=True)
    assert (tmp_path / "stopped").exists() == stops
    assert ((tmp_path / ".busy").stat().st_mtime > then) == (searching and hours > 0)


@pytest.mark.parametrize("name", LAUNCHED)
def test_nodes_are_given_all_that_the_locked_installation_needs(name: str, tmp_path: Path) -> None:
    config = read(name)
    assert INSTALL in config["setup_commands"]
    for there, here in config["file_mounts"].items():
        if there.startswith("~/topknot/"):
            target = tmp_path / there.removeprefix("~/topknot/")
            target.parent.mkdir(exist_ok=True)
            shutil.copytree(ROOT / here, target) if (ROOT / here).is_dir() else shutil.copy(ROOT / here, target)
    command = ["make", "--dry-run", "--always-make", "cluster"]
    steps = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert re.search(r"pip sync .*--require-hashes .*requirements\.lock", steps)
    assert re.search(r"pip install .*--require-hashes .*-r clusters/requirements\.lock", steps)
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == CODE | {"clusters"}
    assert not re.search(r"pip3? install|conda", " ".join(config["setup_commands"]))


def test_the_clusters_lock_holds_the_versions_of_requirements_lock_and_what_is_added() -> None:
    ours, theirs = locked("requirements.lock"), locked("clusters/requirements.lock")
    assert {"ray", "boto3", "google-api-python-client", "aiohttp"} <= theirs.keys()
    assert len(theirs) == len(re.findall(r"^\S+==", (ROOT / "clusters/requirements.lock").read_text(), re.MULTILINE))
    assert {name for name in ours.keys() & theirs.keys() if ours[name] != theirs[name]} == {
        "python-dateutil"
    }  # see `make lock`


def test_an_image_holds_the_same_packages_and_code_as_a_node() -> None:
    copied = {
        source
        for line in re.findall(r"^COPY --chown=\w+ (.*)$", (ROOT / DOCKERFILE).read_text(), re.MULTILINE)
        for source in line.split()[:-1]
    }
    assert copied == {here for here in read("cluster.yaml")["file_mounts"].values() if not here.startswith("~")}
    assert re.search(r"^RUN make cluster\b", (ROOT / DOCKERFILE).read_text(), re.MULTILINE)


def test_a_rayjob_runs_the_locked_ray_on_a_head_without_trials() -> None:
    ray = locked("requirements.lock")["ray"][0]
    _, _, job = rayjob()
    cluster = job["spec"]["rayClusterSpec"]
    pods = [*ray_pods(), job["spec"]["submitterPodTemplate"]]
    assert cluster["rayVersion"] == ray
    assert {box["image"] for pod in pods for box in pod["spec"]["containers"]} == {f"REGISTRY/topknot:ray-{ray}"}
    assert f"topknot:ray-{ray} " in (ROOT / DOCKERFILE).read_text()
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    assert all(group["minReplicas"] == 0 < group["maxReplicas"] for group in cluster["workerGroupSpecs"])
    assert job["spec"]["shutdownAfterJobFinishes"]
    assert cluster["enableInTreeAutoscaling"]


def test_a_rayjobs_pods_ask_for_a_token_and_are_reached_by_each_other_and_the_operator_alone() -> None:
    _, policy, job = rayjob()
    assert job["spec"]["rayClusterSpec"]["authOptions"] == {"mode": "token"}
    selected = policy["spec"]["podSelector"]["matchLabels"]
    (rule,) = policy["spec"]["ingress"]
    assert policy["spec"]["policyTypes"] == ["Ingress"]
    assert rule["from"][0] == {"podSelector": {"matchLabels": selected}}
    assert rule["from"][1]["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "kuberay-operator"}
    assert "ports" not in rule
    assert all(pod["metadata"]["labels"] == selected for pod in [*ray_pods(), job["spec"]["submitterPodTemplate"]])


def test_every_pod_of_ray_mounts_the_claim_where_the_job_keeps_its_searches() -> None:
    claim, _, job = rayjob()
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    for pod in ray_pods():
        (volume,) = pod["spec"]["volumes"]
        assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
        ((mount,),) = (box["volumeMounts"] for box in pod["spec"]["containers"])
        assert mount["name"] == volume["name"]
        assert f"--storage {mount['mountPath']}/" in job["spec"]["entrypoint"]


@pytest.mark.parametrize("name", [*LAUNCHED, RAYJOB, DOCKERFILE, STACK, ".rayignore", "docs/cluster.md"])
def test_no_secret_stands_in_a_clusters_file(name: str) -> None:
    text = (ROOT / name).read_text()
    assert not re.search(r"AKIA\w{16}|BEGIN [A-Z ]*KEY|\b[0-9a-f]{40,}\b|RAY_AUTH_TOKEN=|(?i:password|secret_key)\s*[:=]", text)


def shipped(folder: Path, package: Path) -> set[str]:
    """Returns the files that `ray job submit --working-dir FOLDER` would send, even of a folder without a .gitignore."""
    create_package(str(folder), package, include_gitignore=False)
    with zipfile.ZipFile(package) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


def test_a_job_is_sent_the_code_and_nothing_heavy(tmp_path: Path) -> None:
    names = shipped(ROOT, tmp_path / "code.zip")
    files = [path for folder in CODE for path in (ROOT / folder).rglob("*") if path.is_file()]
    code = {str(path.relative_to(ROOT)) for path in files if "__pycache__" not in path.parts}
    assert "tune/report/page.css" in code, "not only Python"
    assert code <= names
    assert {Path(name).parts[0] for name in names} <= CODE | {".rayignore", ".gitignore", "Makefile", "LICENSE"} | {
        ".pre-commit-config.yaml",
        "pyproject.toml",
    }
    assert (tmp_path / "code.zip").stat().st_size < 2**20


def test_a_job_is_sent_no_searches_corpora_keys_or_tokens(tmp_path: Path) -> None:
    kept_here = (
        *(
            "runs/demo/weights/00001.npz",
            ".venv/bin/python",
            ".uv/bin/uv",
            ".git/config",
            "tests/test_it.py",
            "docs/cluster.md",
        ),
        *(
            "jobs.csv",
            "jobs.csv.gz",
            "data/jobs.parquet",
            "auth_token",
            "ray/auth_token.txt",
            "key.pem",
            ".env",
            "data/.env.local",
        ),
        *("tune/__pycache__/cli.pyc", ".mypy_cache/3.11/cache", "requirements.lock"),
    )
    for name in (*kept_here, "data/corpus.py", "tune/cli.py"):
        path = tmp_path / "checkout" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    shutil.copy(ROOT / ".rayignore", tmp_path / "checkout")
    assert shipped(tmp_path / "checkout", tmp_path / "code.zip") == {"data/corpus.py", "tune/cli.py", ".rayignore"}
