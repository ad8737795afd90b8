"""Published diffusion models without PyTorch: golden outputs, noise schedules, teachers."""

from pathlib import Path

import jax
import numpy as np
import pytest
import safetensors.numpy

from cu_jax import load_solution
from cu_jax.convert import palette, palette_schedule
from cu_jax.convert.__main__ import main
from cu_jax.models import MODELS
from cu_jax.models.palette_networks import Conditioning
from cu_jax.noise_schedules import NoiseSchedule

HERE = Path(__file__).parent
TOLERANCE = 2e-5


@pytest.mark.parametrize("name", ["small", pytest.param("published", marks=pytest.mark.slow)])
def test_outputs_are_those_of_pytorch(seeded, name):
    sizes, side = seeded.PALETTES[name]
    case = seeded.make_palette(sizes, side, batch=2 if name == "small" else 1)
    model = MODELS["palette"](palette.model_settings(sizes, NoiseSchedule()))
    params = palette.renaming(sizes).to_tree(case.arrays)
    conditioning = Conditioning(model.width, model.embed_width, np.float32)

    @jax.jit
    def outputs(params, x, gamma):
        encoder = {"params": params["encoder"]}
        maps = model._encoder("float32").apply(encoder, x, gamma)
        embedded = conditioning.apply(encoder, gamma)
        noise = model._decoder("float32").apply({"params": params["decoder"]}, maps, embedded)
        return {"middle": maps[-1], "noise": noise}

    ours = outputs(params, case.x, case.gamma)
    with np.load(HERE / "golden" / f"palette_{name}.npz") as golden:
        for key in ("middle", "noise"):
            assert np.abs(golden[key]).max() > 0.5
            assert np.abs(seeded.sample(ours[key]) - golden[key]).max() <= TOLERANCE


def changed(case, schedule):
    return case.arrays | palette_schedule.buffers(schedule)


def test_an_import_has_the_sizes_and_the_schedule_of_its_file(palette_case, tmp_path, capsys):
    model, params = load_solution(palette_case.imported(tmp_path))
    assert "Note" not in capsys.readouterr().err
    assert (model.multipliers, model.heads, model.groups) == ((1, 2), 2, 32)
    assert model.schedule == NoiseSchedule() and model.image_shape == (256, 256, 3)
    kernel = params["encoder"]["middle_block_1"]["qkv"]["kernel"]
    published = palette_case.arrays["denoise_fn.middle_block.1.qkv.weight"]
    assert kernel.shape == (64, 192) and kernel[3, 100] == published[100, 3, 0]


def test_another_schedule_is_told_kept_and_written(cases, palette_case, tmp_path, capsys):
    schedule = NoiseSchedule(2000, 1e-4, 0.09)
    arrays = changed(palette_case, schedule)
    folder = palette_case.imported(tmp_path, arrays=arrays)
    error = capsys.readouterr().err
    assert "rises from 0.0001 to 0.09 in 2000 steps, and that of the published model from" in error
    assert load_solution(folder)[0].schedule == schedule
    out = tmp_path / "out.safetensors"
    assert main(palette_case.exporting(folder, out)) == 0
    back = safetensors.numpy.load_file(out)
    cases.check_equal({key: back[key] for key in arrays}, arrays)


def test_a_schedule_that_is_not_linear_is_told_and_kept_in_the_file(
    cases, palette_case, tmp_path, capsys
):
    gammas = np.cos(np.linspace(0.01, 1.5, 2000)) ** 2
    strange = {"gammas": gammas, "sqrt_recipm1_gammas": np.sqrt(1 / gammas - 1)}
    arrays = palette_case.arrays | {key: np.float32(x) for key, x in strange.items()}
    folder = palette_case.imported(tmp_path, arrays=arrays)
    assert "are those of no linear one" in capsys.readouterr().err
    assert load_solution(folder)[0].schedule == NoiseSchedule()
    out = tmp_path / "out.safetensors"
    assert main(palette_case.exporting(folder, out)) == 0
    back = safetensors.numpy.load_file(out)
    cases.check_equal({key: back[key] for key in arrays}, arrays)


def test_without_the_files_own_tensors_a_schedules_are_computed(cases, palette_case, tmp_path):
    folder = palette_case.imported(tmp_path)
    (folder / "solutions" / "original" / "unused.safetensors").unlink()
    out = tmp_path / "out.safetensors"
    assert main(palette_case.exporting(folder, out)) == 0
    back = safetensors.numpy.load_file(out)
    cases.check_equal({key: back[key] for key in palette_case.arrays}, palette_case.arrays)


def test_a_teacher_is_left_out(palette_case, tmp_path, capsys):
    arrays = palette_case.arrays
    teacher = {f"teacher_{key}": a for key, a in arrays.items() if key.startswith("denoise_fn.")}
    folder = palette_case.imported(tmp_path, arrays=arrays | teacher)
    assert "(teacher_denoise_fn.…) was left out" in capsys.readouterr().err
    out = tmp_path / "out.safetensors"
    assert main(palette_case.exporting(folder, out)) == 0
    assert set(safetensors.numpy.load_file(out)) == set(arrays)


@pytest.mark.parametrize("schedule", [NoiseSchedule(), NoiseSchedule(1000, 1.5e-5, 0.0123)])
def test_a_schedule_is_read_from_its_tensors(schedule):
    tensors = palette_schedule.buffers(schedule)
    assert palette_schedule.read_schedule(tensors) == schedule
    gammas = np.cumprod(1 - np.linspace(schedule.start, schedule.end, schedule.length))
    np.testing.assert_allclose(tensors["gammas"], gammas, rtol=1e-6)
    variance = np.exp(tensors["posterior_log_variance_clipped"][1:].astype(np.float64))
    expected = (1 - gammas[1:] / gammas[:-1]) * (1 - gammas[:-1]) / (1 - gammas[1:])
    np.testing.assert_allclose(variance, expected, rtol=1e-5)


def test_other_heads_cannot_leave(palette_case, tmp_path, capsys):
    folder = palette_case.imported(tmp_path)
    path = folder / "solutions" / "original" / "model.json"
    path.write_text(path.read_text().replace('"heads": 2', '"heads": 4'))
    assert main(palette_case.exporting(folder, tmp_path / "out.safetensors")) == 2
    assert "heads of 32 channels, which no file tells" in capsys.readouterr().err


WRONG = {
    "odd widths": (
        lambda p: p.arrays | {"denoise_fn.cond_embed.0.weight": np.zeros((24, 48), np.float32)},
        "widths 32, 64 and an embedding of 48",
    ),
    "attention elsewhere": (
        lambda p: p.arrays | {"denoise_fn.input_blocks.3.1.norm.bias": np.zeros(64, np.float32)},
        "the unexpected denoise_fn.input_blocks.3.1.norm.bias",
    ),
    "no way down": (
        lambda p: p.without("denoise_fn.input_blocks.3"),
        "lacks denoise_fn.input_blocks.3.0.in_layers.2.weight",
    ),
    "no schedule": (lambda p: p.without("gammas"), "lacks gammas"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_such_model_is_refused(palette_case, tmp_path, capsys, wrong):
    change, sentence = WRONG[wrong]
    source = palette_case.written(tmp_path, change(palette_case))
    assert main(palette_case.importing(source, tmp_path / "in")) == 2
    error = capsys.readouterr().err
    assert sentence in error and str(source) in error and error.count("\n") == 2
