"""load_solution: the model and parameters that were saved, or one sentence."""

import json
import shutil
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cu_jax
from cu_jax.convert import load_weights
from cu_jax.solutions import load_solution, solution_names


@pytest.fixture
def copied(gray_run, tmp_path):
    return shutil.copytree(gray_run, tmp_path / "run")


def edit(workdir, change):
    """Changes what model.json of the original holds."""
    path = workdir / "solutions" / "original" / "model.json"
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def test_every_bit_of_the_parameters_and_the_model_come_back(gray_run):
    model, params = cu_jax.load_solution(gray_run, "control_0.25")
    assert model.image_shape == (28, 28, 1)
    template = jax.eval_shape(model.init, jax.random.key(0))
    path = gray_run / "solutions" / "control_0.25" / "params.safetensors"
    saved = load_weights(path, template)
    jax.tree.map(np.testing.assert_array_equal, params, saved)
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(params))


def test_the_original_is_the_default_and_models_are_equal_and_hashable(gray_run):
    model, params = load_solution(str(gray_run))
    other, complete = load_solution(gray_run, "complete")
    assert model == other and hash(model) == hash(other)
    same = jax.tree.map(jnp.array_equal, params, load_solution(gray_run, "original")[1])
    assert all(jax.tree.leaves(same))
    assert not all(jax.tree.leaves(jax.tree.map(jnp.array_equal, params, complete)))


def test_normalization_comes_back_as_tuples(color_run):
    model, _ = load_solution(color_run)
    assert model.mean == (0.5, 0.4, 0.3)


def test_the_original_is_named_first(gray_run):
    assert solution_names(gray_run) == ["original", "complete", "control_0.25"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("control_025", "did you mean control_0.25?"),
        ("xyz", "name one of these."),
        ("../solutions/original", "."),
        ("", "."),
    ],
)
def test_an_unknown_name_is_answered_with_those_there_are(gray_run, name, hint):
    with pytest.raises(ValueError, match=r"original, complete, control_0\.25") as error:
        load_solution(gray_run, name)
    assert repr(name) in str(error.value) and str(error.value).endswith(hint)


def test_no_folder_or_no_solutions(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        load_solution(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="has none yet"):
        load_solution(tmp_path)


@pytest.mark.parametrize("kept", [0, 100, 0.5, -1])
def test_cut_parameters_are_refused(copied, kept):
    path = copied / "solutions" / "original" / "params.safetensors"
    blob = path.read_bytes()
    path.write_bytes(blob[: int(kept * len(blob)) if kept == 0.5 else kept])
    with pytest.raises(ValueError, match="must be a whole safetensors file") as error:
        load_solution(copied)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda data: data.pop("model"), "cannot be read"),
        (lambda data: data.update(model=[]), "cannot be read"),
        (lambda data: data.update(format=99), "must have format 1"),
        (
            lambda data: data["model"].update(name="gan"),
            r"must be one of \['mae', 'mage', 'palette'\], got 'gan'",
        ),
        (lambda data: data["model"].pop("patch_size"), "none can be built.*patch_size"),
        (lambda data: data["model"].update(patch_size=0), "none can be built"),
        (lambda data: data["model"].update(patch_size="4"), "none can be built"),
        (lambda data: data["model"].update(patch_size=5), "multiple of patch_size"),
        (lambda data: data["model"].update(surprise=1), "none can be built.*surprise"),
        (lambda data: data["model"].update(decoder_width=32), "must match the model"),
    ],
)
def test_a_wrong_model_file_is_refused(copied, change, sentence):
    edit(copied, change)
    with pytest.raises(ValueError, match=sentence):
        load_solution(copied)


def test_a_model_file_that_is_no_json_is_refused(copied):
    (copied / "solutions" / "original" / "model.json").write_bytes(b"\xff{")
    with pytest.raises(ValueError, match="cannot be read"):
        load_solution(copied)


def test_import_of_the_package_brings_no_models_until_a_solution_is_loaded():
    code = "import sys, cu_jax; assert 'flax' not in sys.modules and 'PIL' not in sys.modules; "
    code += "cu_jax.load_solution; assert 'flax' in sys.modules; print(cu_jax.__all__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "load_solution" in done.stdout


def test_other_names_of_the_package_are_still_unknown():
    with pytest.raises(AttributeError, match="no attribute 'load_solutions'"):
        cu_jax.load_solutions  # noqa: B018
