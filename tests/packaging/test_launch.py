"""The launch scripts, with stand-ins for Python and pip: what runs, when and how often."""

import shutil
import subprocess
from pathlib import Path

import pytest

from cu_jax.preemption import EXIT_CODE

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ["cat", "cksum", "dirname", "grep", "mkdir", "chmod", "cp", "rm", "sleep"]

# A Python that writes down what it is asked to do. `-m venv` copies it to .venv/bin, and what fails
# is named in $FAIL.
PYTHON = """#!/bin/sh
case "$*" in
    *version_info*) exit "${OLD:-0}" ;;
    *"import ensurepip"*) exit "${BARE:-0}" ;;
    "-c "*importlinter*) set -- "-m importlinter" ;;
    "-c "*) exit 0 ;;
    --version) echo "Python 3.11.7"; exit 0 ;;
esac
echo "$*${CU_JAX_PROCESS:+ (process $CU_JAX_PROCESS of $CU_JAX_PROCESSES)}" >>"$LOG"
if [ "${CU_JAX_PROCESS-}" = 1 ]; then exit "${CODE:-0}"; fi
case "$*" in *"${FAIL:-nothing at all}"*) exit 7 ;; esac
case "$*" in *--editable*) sleep "${SLOW:-0}" ;; esac
case "$*" in "-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;; esac
"""


# SLURM's programs: what they are asked to do, and in which environment.
SRUN = """#!/bin/sh
echo "srun $* (processes: ${CU_JAX_PROCESSES-}, memory: $XLA_PYTHON_CLIENT_MEM_FRACTION)" >>"$LOG"
exit "${CODE:-0}"
"""
SCONTROL = """#!/bin/sh
echo "scontrol $*" >>"$LOG"
"""
SCRIPTS = ["compare.sh", "environment.sh", "local.sh", "slurm.sh", "test.sh"]
BASH = ["processes.sh"]


class Checkout:
    """A copy of what the launch scripts read, on a machine with no other programs."""

    def __init__(self, folder: Path):
        """Lays out the copy and the programs."""
        self.folder = folder / "a checkout"
        self.programs = folder / "bin"
        self.log = folder / "log"
        shutil.copytree(ROOT / "launch", self.folder / "launch")
        shutil.copy(ROOT / "pyproject.toml", self.folder)
        self.programs.mkdir()
        for tool in TOOLS:
            (self.programs / tool).symlink_to(shutil.which(tool))
        self.add_python("python3", PYTHON)

    def add_python(self, name: str, script: str) -> None:
        """Puts a program on the machine."""
        (self.programs / name).write_text(script)
        (self.programs / name).chmod(0o755)

    def start(self, script: str, *arguments: str, **variables: str) -> subprocess.Popen:
        """Starts a launch script from another folder."""
        environment = {"PATH": str(self.programs), "LOG": str(self.log)} | variables
        shell = shutil.which("bash" if script in BASH else "sh")
        command = [shell, str(self.folder / "launch" / script), *arguments]
        return subprocess.Popen(
            command,
            cwd=self.programs,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def launch(self, script: str, *arguments: str, **variables: str):
        """Runs a launch script, and returns its status, its output and what Python was asked."""
        self.log.write_text("")
        process = self.start(script, *arguments, **variables)
        output, errors = process.communicate(timeout=60)
        return process.returncode, output + errors, self.log.read_text().splitlines()


@pytest.fixture
def checkout(tmp_path):
    """Returns a fresh checkout."""
    return Checkout(tmp_path)


def installations(asked: list[str]) -> list[str]:
    """Returns the extras of each installation."""
    return [line.partition(".[")[2].rstrip("]") for line in asked if "--editable" in line]


def test_the_first_run_installs_pinned_versions_and_starts_the_program(checkout):
    status, output, asked = checkout.launch("local.sh", "--config=a b.py", "--workdir=runs/x")
    assert status == 0
    assert asked[0] == "-m venv --clear .venv"
    assert installations(asked) == ["demo"]
    assert all("-c launch/constraints.txt" in line for line in asked if "pip install" in line)
    assert asked[-1] == "-m cu_jax.main --config=a b.py --workdir=runs/x"
    assert "MB to download" in output


def test_the_second_run_installs_nothing(checkout):
    checkout.launch("local.sh")
    assert checkout.launch("local.sh")[2] == ["-m cu_jax.main"]
    assert checkout.launch("compare.sh", "--seeds=2")[2] == ["-m cu_jax.compare --seeds=2"]


@pytest.mark.parametrize("code", [0, 75])
def test_several_processes_share_a_run(checkout, code):
    status, _, asked = checkout.launch("processes.sh", "3", "--config=a b.py", CODE=str(code))
    assert status == code  # the largest of all
    run = "-m cu_jax.main --config=a b.py"
    assert sorted(asked[-3:]) == [f"{run} (process {number} of 3)" for number in range(3)]


@pytest.mark.parametrize("count", ["", "0", "two", "--config=a.py"])
def test_a_number_of_processes_must_be_one(checkout, count):
    status, output, asked = checkout.launch("processes.sh", count)
    assert status == 2 and not asked
    assert f"1 or more, and is '{count}'" in output


@pytest.mark.parametrize("changed", ["pyproject.toml", "launch/constraints.txt"])
def test_changed_requirements_are_installed(checkout, changed):
    checkout.launch("local.sh")
    with (checkout.folder / changed).open("a") as file:
        file.write("# a change\n")
    _, _, asked = checkout.launch("local.sh")
    assert installations(asked) == ["demo"]
    assert not [line for line in asked if "venv --clear" in line]


def test_either_script_may_come_first(checkout, tmp_path):
    assert installations(checkout.launch("local.sh")[2]) == ["demo"]
    assert installations(checkout.launch("test.sh")[2]) == ["demo,test"]
    assert installations(checkout.launch("local.sh")[2]) == []
    assert installations(checkout.launch("test.sh")[2]) == []


def test_a_failed_installation_does_not_count(checkout):
    status, _, asked = checkout.launch("local.sh", FAIL="--editable")
    assert status == 7
    assert not [line for line in asked if "cu_jax.main" in line]
    status, output, asked = checkout.launch("local.sh")
    assert status == 0
    assert "did not finish" in output
    assert asked[0] == "-m venv --clear .venv"
    assert installations(asked) == ["demo"]


def test_a_second_launch_waits_for_the_installation_of_the_first(checkout):
    checkout.log.write_text("")
    processes = [checkout.start("local.sh", SLOW="5") for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    asked = checkout.log.read_text().splitlines()
    assert installations(asked) == ["demo"]
    assert asked.count("-m cu_jax.main") == 2
    assert sum("Waiting for the installation" in output for output in outputs) == 1


def test_every_check_runs_and_the_failed_ones_are_named(checkout):
    status, output, asked = checkout.launch("test.sh", "tests/optim", "-x", FAIL="-m mypy")
    assert status == 1
    checks = asked[-5:]
    assert checks == [
        "-m ruff format --check .",
        "-m ruff check .",
        "-m mypy cu_jax",
        "-m importlinter",
        "-m pytest -rs -m not slow and not browser and not torch tests/optim -x",
    ]
    assert output.splitlines()[-1] == "Failed checks: types"


def test_all_adds_the_tests_that_are_left_out(checkout):
    status, _, asked = checkout.launch("test.sh", "--all", "tests/optim")
    assert status == 0
    assert installations(asked) == ["demo,test,browser,oracle"]
    assert asked[-1] == "-m pytest -rs -m  tests/optim"
    assert installations(checkout.launch("test.sh")[2]) == []
    assert installations(checkout.launch("local.sh")[2]) == []


def test_checks_that_pass_say_nothing_after_pytest(checkout):
    status, output, _ = checkout.launch("test.sh")
    assert status == 0
    assert output.splitlines()[-1] == "== pytest"


def test_a_python_that_does_not_run_is_passed_over(checkout):
    checkout.add_python("python3", "#!/bin/sh\nexit 127\n")
    checkout.add_python("python3.12", PYTHON)
    status, _, asked = checkout.launch("local.sh")
    assert status == 0
    assert asked[0] == "-m venv --clear .venv"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"OLD": "1"}, "Python 3.11 or newer is needed"),
        ({"BARE": "1"}, "python3-venv"),
        ({"PYTHON": "python2"}, "PYTHON must name a Python 3.11 or newer"),
    ],
)
def test_an_unfit_machine_gets_one_sentence(checkout, variables, message):
    status, output, asked = checkout.launch("local.sh", **variables)
    assert status == 1
    assert not asked
    assert message in output
    assert len(output.splitlines()) == 1
    # The next launch, with the machine put right, works, and has nothing to clean up.
    status, output, _ = checkout.launch("local.sh")
    assert status == 0
    assert "did not finish" not in output


def test_an_old_environment_is_refused_and_kept(checkout):
    (checkout.folder / ".venv" / "bin").mkdir(parents=True)
    old = checkout.folder / ".venv" / "bin" / "python"
    old.write_text(PYTHON.replace("${OLD:-0}", "1"))
    old.chmod(0o755)
    for _ in range(2):
        status, output, asked = checkout.launch("local.sh")
        assert status == 1
        assert not asked
        assert "remove the folder .venv" in output
    assert old.exists()


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_are_posix_shell(script):
    text = (ROOT / "launch" / script).read_text()
    for bashism in ("[[", "function ", "source ", "${BASH", "<<<", "pipefail"):
        assert bashism not in text
    subprocess.run([shutil.which("sh"), "-n", str(ROOT / "launch" / script)], check=True)


@pytest.fixture
def cluster(checkout):
    """Returns a checkout on a cluster, from which a job was sent, with its environment made."""
    checkout.add_python("srun", SRUN)
    checkout.add_python("scontrol", SCONTROL)
    assert installations(checkout.launch("slurm.sh", "--install")[2]) == ["demo,cuda"]
    return checkout


def job(cluster, *arguments, **variables):
    """Runs the copy of the script that SLURM makes elsewhere."""
    script = cluster.folder.parent / "slurm_script"
    shutil.copy(cluster.folder / "launch" / "slurm.sh", script)
    sent = {"SLURM_SUBMIT_DIR": str(cluster.folder), "SLURM_JOB_ID": "17"}
    return cluster.launch(f"../../{script.name}", *arguments, **(sent | variables))


@pytest.mark.parametrize(("code", "requeued"), [(0, False), (2, False), (75, True), (137, False)])
def test_a_job_that_was_told_to_stop_goes_into_the_queue_again(cluster, code, requeued):
    status, output, asked = job(cluster, "--config=a b.py", "--workdir=runs/x", CODE=str(code))
    assert status == code
    run = "srun --kill-on-bad-exit=0 --wait=120 .venv/bin/python -m cu_jax.main --config=a b.py"
    assert asked[0] == f"{run} --workdir=runs/x (processes: , memory: 0.9)"
    assert asked[1:] == (["scontrol requeue 17"] if requeued else [])
    assert ("goes into the queue again" in output) == requeued


@pytest.mark.parametrize("variables", [{"SLURM_NTASKS": "2"}, {"SLURM_JOB_NUM_NODES": "2"}])
def test_several_tasks_are_told_that_there_are_others(cluster, variables):
    (asked,) = job(cluster, XLA_PYTHON_CLIENT_MEM_FRACTION="0.5", **variables)[2]
    assert "(processes: slurm, memory: 0.5)" in asked
    (asked,) = job(cluster, **dict.fromkeys(variables, "1"))[2]
    assert "(processes: ," in asked


def test_a_job_from_elsewhere_is_refused(cluster, tmp_path):
    status, output, asked = job(cluster, SLURM_SUBMIT_DIR=str(tmp_path))
    assert status == 2 and not asked
    assert "must be sent from the root of the checkout" in output


def test_the_code_that_is_waited_for_is_the_one_that_is_returned():
    text = (ROOT / "launch" / "slurm.sh").read_text()
    assert f"\nrequeue={EXIT_CODE}\n" in text
    # Two minutes' warning to the tasks (with B: it would go to this script alone), and the options
    # without which a job cannot be put into the queue, or loses its log there.
    for option in ("--signal=TERM@120", "--requeue", "--open-mode=append"):
        assert f"\n#SBATCH {option}\n" in text
