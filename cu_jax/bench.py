"""How fast is it on this machine? ``python -m cu_jax.bench --config=configs/mae_mnist.py``."""

import json
import sys
from pathlib import Path

from absl import flags
from ml_collections import ConfigDict

from cu_jax.atomic import replacing
from cu_jax.command import run_with_config
from cu_jax.data import Data, open_data
from cu_jax.preflight import check_data, checked_settings
from cu_jax.speed import bench, bench_text

_JSON = flags.DEFINE_string("json", None, "File for the numbers.")
_UPDATES = flags.DEFINE_integer("updates", 10, "How often each program is timed.", lower_bound=1)


def _bench(config: ConfigDict) -> None:
    model, _ = checked_settings(config)
    if _JSON.value and not Path(_JSON.value).absolute().parent.is_dir():
        raise ValueError(
            f"--json must be a file in a folder that is there, and {_JSON.value} is not: make its "
            "folder, or name another file."
        )
    data = _pictures(config, model.image_shape)
    if data is not None:
        check_data(config, data, model)
    found = bench(config, data, _UPDATES.value)
    print(bench_text(found), flush=True)
    if _JSON.value:
        with replacing(Path(_JSON.value)) as temporary:
            temporary.write_text(json.dumps(found.to_json(), indent=1) + "\n")


def _pictures(config: ConfigDict, image_shape: tuple[int, int, int]) -> Data | None:
    """The config's pictures, if they are at hand: an update can be timed without."""
    try:
        return open_data(config.data, image_shape)
    except FileNotFoundError as error:
        print(f"Without pictures: {error}", file=sys.stderr, flush=True)
        return None


if __name__ == "__main__":
    sys.exit(run_with_config(_bench, workdir=False))
