"""What a row of the table of wrong inputs is, and what its files are made of."""

import dataclasses
import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DIGITS = "--config=configs/mae_mnist.py"
RUN = "--workdir=run"
MAIN = f"main {DIGITS} {RUN}"
RESTORE = f"restore {RUN} a.png --out=out"


@dataclasses.dataclass(frozen=True)
class Case:
    """One mistake, and how it is answered.

    Attributes:
        id: its name in the tests.
        did: what the user did, in a few words, for the table.
        command: what follows ``python -m cu_jax.``, in a folder of the case's own where
            ``configs`` is the repository's.
        sentence: a piece of the answer that no other mistake would get.
        prepare: makes the files that it needs in the current folder.
        environment: variables to set, or with None to unset.
        limit: called in the process that runs the command, as the last thing before it.
        met: whether the mistake is met only when a stage is at work: a full disk. Everything else
            must be refused before a step is compiled.
        usage: whether it is a flag that argparse refuses, whose sentence follows the usage.
    """

    id: str
    did: str
    command: str
    sentence: str
    prepare: Callable[[], Any] = lambda: None
    environment: dict[str, str | None] = dataclasses.field(default_factory=dict)
    limit: Callable[[], Any] = lambda: None
    met: bool = False
    usage: bool = False

    @property
    def arguments(self) -> list[str]:
        """The command line, the module first."""
        return shlex.split(self.command)


def picture(name: str = "a.png", size: tuple[int, int] = (32, 32), seed: int = 0) -> Path:
    """Writes a picture of noise."""
    import numpy as np
    from PIL import Image

    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def pictures(folder: str = "pictures", count: int = 8) -> None:
    """Two classes of pictures, cat and dog."""
    for index in range(count):
        for label in ("cat", "dog"):
            picture(f"{folder}/{label}/{index}.png", seed=2 * index + (label == "dog"))


def config(name: str, lines: str) -> None:
    """A config file that starts from that of the digits."""
    Path(name).write_text(
        "import runpy\n\n\ndef get_config():\n"
        "    config = runpy.run_path('configs/mae_mnist.py')['get_config']()\n"
        f"    {lines}\n    return config\n"
    )


def digits(**changes: Any) -> Any:
    """The settings of the digits' experiment."""
    import runpy

    found = runpy.run_path("configs/mae_mnist.py")["get_config"]()
    found.update_from_flattened_dict(changes)
    return found


def weights(name: str, change: Callable[[str, Any], Any] = lambda name, array: array) -> None:
    """Writes weights for the digits' model, each array changed as told; None leaves it out."""
    import numpy as np
    from safetensors.numpy import load_file, save_file

    arrays = load_file(ROOT / "cu_jax" / "weights" / "mae_mnist.safetensors")
    changed = {key: change(key, array) for key, array in arrays.items()}
    Path(name).parent.mkdir(exist_ok=True)
    save_file({key: np.asarray(x) for key, x in changed.items() if x is not None}, name)


def run(**changes: Any) -> Path:
    """The folder of a run as far as reading commands look: its settings and three solutions."""
    from cu_jax.fingerprints import StageRecord, settings_of
    from cu_jax.workdir import save_config, save_record

    workdir, settings = Path("run"), digits(**changes)
    workdir.mkdir()
    save_config(workdir, settings)
    picture()
    model = json.loads(settings.model.to_json_best_effort())
    for name in ("original", "complete", "control_0.25"):
        folder = workdir / "solutions" / name
        folder.mkdir(parents=True)
        shutil.copy(
            ROOT / "cu_jax" / "weights" / "mae_mnist.safetensors", folder / "params.safetensors"
        )
        (folder / "model.json").write_text(json.dumps({"format": 1, "model": model}))
        kind = "complete" if name == "complete" else "original"
        record = StageRecord(kind, None, 0, None, {}, settings_of(settings, kind))
        save_record(workdir, name, record)
    return workdir


def results(**changes: Any) -> dict[str, Any]:
    """What results.json of the run says, with its first solution changed as told."""
    from cu_jax.results import Boundaries, Results, Solution

    solution = Solution(name="original", method="original", retain_loss=0.0, forget_loss=1.0)
    bounds = Boundaries(epsilon_min=0.1, epsilon_max=0.9, epsilon_original=1.0)
    told = Results(name="demo", config_hash="c0", boundaries=bounds, solutions=(solution,))
    data = told.to_json()
    data["solutions"][0].update(changes)
    return data


def write(name: str, content: Any) -> Path:
    """A file with bytes or text, or with any other value as JSON."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def cut(name: str, left: int) -> None:
    """Leaves the first bytes of a file."""
    path = Path(name)
    path.write_bytes(path.read_bytes()[:left])


def both(*steps: Callable[[], Any]) -> Callable[[], None]:
    """Several preparations, one after the other."""

    def prepare() -> None:
        for step in steps:
            step()

    return prepare
