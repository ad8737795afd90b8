"""The audit of a run's folder: what it finds, what it does again, and what it refuses."""

import fcntl
import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cu_jax.audit import main
from cu_jax.audits import audit_run
from cu_jax.audits import run as run_module
from cu_jax.audits.restored import Restorer, mean_psnr, sample
from cu_jax.data import Data
from cu_jax.holes import parse_holes
from cu_jax.models.mae import Mae
from cu_jax.results import Audit, read_audits
from cu_jax.solutions import load_solution
from cu_jax.validation import Validation


def test_what_is_only_hidden_comes_back_at_once(audited):
    _, audits = audited
    assert [audit.name for audit in audits.audits] == ["original", "retrain", "hidden"]
    original, hidden, retrain = (audits[name] for name in ("original", "hidden", "retrain"))
    assert (original.relearning_updates, original.relearning_reached) == (0, True)
    assert hidden.forget_psnr < original.forget_psnr - 1
    assert hidden.relearning_reached and 4 <= hidden.relearning_updates < 20
    assert not retrain.relearning_reached and retrain.relearning_updates == 20
    assert hidden.relearning_pictures == 8 * hidden.relearning_updates
    assert hidden.relearning_distinct == min(40, hidden.relearning_pictures)
    # An upper bound, since `retrain` had not come back when it was stopped.
    assert hidden.relearning_share == hidden.relearning_updates / 20
    assert retrain.relearning_share is None


def test_the_same_encoder_has_the_same_probe(audited):
    _, audits = audited
    for key in ("probe_retain", "probe_forget"):
        hidden, original, retrain = (
            getattr(audits[name], key) for name in ("hidden", "original", "retrain")
        )
        assert hidden == original > 0.4  # of five classes, from 40 pictures
        assert retrain < original


def test_the_yardstick_is_at_no_distance_from_itself(audited):
    _, audits = audited
    retrain, hidden = audits["retrain"], audits["hidden"]
    assert retrain.membership_gap == retrain.membership_gap_error == 0
    assert retrain.distance_forget == retrain.distance_retain == retrain.difference_forget == 0
    for audit in (audits["original"], hidden):
        assert audit.distance_forget > audit.difference_forget > 0.05
        assert audit.membership_gap == abs(audit.membership_auc - retrain.membership_auc)


def test_what_was_found_is_in_the_folder(audited):
    workdir, audits = audited
    assert read_audits(workdir / "audits.json") == audits
    assert audits.settings["audit.relearning.every"] == 4
    data = json.loads((workdir / "solutions" / "hidden" / "audit.json").read_text())
    assert Audit.from_json(data["audit"]) == audits["hidden"]


def test_the_command_prints_what_is_there_and_makes_nothing_again(audited, capsys, monkeypatch):
    workdir, _ = audited
    monkeypatch.setattr(run_module, "Auditor", None)
    assert main([str(workdir)]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[3].startswith("original") and "< 0." in out
    assert "retrain," not in out and err.startswith("Written: ")


def test_a_solution_audited_later_has_the_same_numbers(audited, tmp_path):
    workdir, audits = audited
    copy = shutil.copytree(workdir, tmp_path / "run")
    (copy / "solutions" / "hidden" / "audit.json").unlink()
    found = audit_run(copy)
    assert found["hidden"].seconds > 0
    same = [{**one["hidden"].to_json(), "seconds": 0} for one in (found, audits)]
    assert same[0] == same[1]


class FakeAuditor:
    """Counts what it is asked for."""

    asked: list[str] = []

    def __init__(self, model, config, data, original, retrain, seed):
        self.with_retrain = retrain is not None

    def audit(self, name, params, yardstick, title):
        assert (yardstick is not None) == (self.with_retrain and name != "retrain")
        if name == "stop":
            raise KeyboardInterrupt
        self.asked.append(name)
        return Audit(name=name, relearning_updates=7, probe_forget=0.5)


@pytest.fixture
def asked(monkeypatch, digits):
    """Names of the solutions audited, in order; nothing is computed."""
    FakeAuditor.asked = []
    monkeypatch.setattr(run_module, "Auditor", FakeAuditor)
    monkeypatch.setattr(run_module, "open_data", lambda config, shape: digits)
    return FakeAuditor.asked


def test_only_what_changed_is_audited_again(run, asked):
    audit_run(run, ["hidden"])
    assert asked == ["retrain", "original", "hidden"]
    audit_run(run)
    assert len(asked) == 3
    audit_run(run, seed=5)
    assert len(asked) == 6
    audit_run(run)
    assert len(asked) == 9  # those of seed 0 were written over
    change(run / "solutions" / "hidden" / "audit.json", lambda data: data.clear())
    audit_run(run)
    assert asked[9:] == ["hidden"]
    shutil.copytree(run / "solutions" / "hidden", run / "solutions" / "other")
    shutil.copy(run / "stages" / "hidden.json", run / "stages" / "other.json")
    found = audit_run(run, ["other"])
    assert asked[10:] == ["other"]
    assert [audit.name for audit in found.audits] == ["original", "retrain", "hidden", "other"]
    shutil.copy(
        *(run / "solutions" / name / "params.safetensors" for name in ("hidden", "retrain"))
    )
    audit_run(run)
    assert len(asked) == 11 + 4  # all are compared with it


def test_other_settings_are_audited_anew(run, asked):
    audit_run(run)
    change(run / "config.json", lambda data: data["config"]["audit"].update(pictures=30))
    audit_run(run)
    assert len(asked) == 6
    change(run / "config.json", lambda data: data["config"].update(log_every_steps=7))
    audit_run(run)
    assert len(asked) == 6


def test_a_folder_of_before_there_were_audits_has_the_defaults(run, asked):
    change(run / "config.json", lambda data: data["config"].pop("audit"))
    assert audit_run(run).settings["audit.pictures"] == 500


def test_an_audit_that_was_broken_off_goes_on(run, asked, capsys, monkeypatch):
    shutil.copytree(run / "solutions" / "hidden", run / "solutions" / "stop")
    shutil.copy(run / "stages" / "hidden.json", run / "stages" / "stop.json")
    assert main([str(run)]) == 130
    assert "goes on" in capsys.readouterr().err and not (run / "audits.json").exists()
    shutil.rmtree(run / "solutions" / "stop")
    assert main([str(run)]) == 0
    assert asked == ["retrain", "original", "hidden"]


def test_without_retrain_its_columns_are_left_out(tmp_path, make_run, asked, capsys):
    run = make_run(tmp_path / "run", names=("original", "hidden"))
    assert main([str(run)]) == 0
    out = capsys.readouterr().out
    assert "gap" not in out and "RMS" not in out and "of retrain's" not in out
    assert "no solution called retrain" in out


def change(path, edit):
    data = json.loads(path.read_text())
    edit(data)
    path.write_text(json.dumps(data))


def no_holes(run):
    change(run / "config.json", lambda data: data["config"]["evaluation"].update(holes=[]))


def other_pictures(run):
    change(run / "manifest.json", lambda data: data.update(hash="0" * 64))


def no_looks(run):
    edit = dict(every=0)
    change(run / "config.json", lambda data: data["config"]["audit"]["relearning"].update(edit))


def no_section(run):
    change(run / "config.json", lambda data: data["config"].pop("evaluation"))


def no_original(run):
    shutil.rmtree(run / "solutions" / "original")


def other_settings(run):
    change(run / "config.json", lambda data: data["config"].update(seed=3))


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda run: (run / "config.json").unlink(), "A run's settings must be at"),
        (lambda run: (run / "config.json").write_text("[1"), "must hold the settings"),
        (no_section, "must be those of a run of this cu_jax"),
        (no_holes, "names none"),
        (no_looks, "config.audit.relearning.every must be at least 1, got 0"),
        (no_original, "has no solutions/original"),
        (other_pictures, "must keep their pictures"),
        (other_settings, "config.seed was 0 and is 3"),
        (lambda run: shutil.rmtree(run / "solutions"), "has none yet"),
    ],
)
def test_a_folder_that_cannot_be_audited_is_refused(run, asked, capsys, damage, sentence):
    damage(run)
    assert main([str(run)]) == 2
    told = capsys.readouterr().err
    assert sentence in told and told.count("\n") == 2 and "Traceback" not in told
    assert not asked and not (run / "audits.json").exists()


def test_an_unknown_solution_and_a_run_at_work_are_refused(run, asked, capsys):
    assert main([str(run), "--solutions=hiden"]) == 2
    assert "did you mean hidden?" in capsys.readouterr().err
    with (run / ".lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert main([str(run)]) == 2
    assert "one run at a time" in capsys.readouterr().err
    assert main([str(run / "nowhere")]) == 2
    assert "there is no folder" in capsys.readouterr().err
    assert not asked


def test_solutions_with_other_models_are_refused(run, asked, capsys):
    path = run / "solutions" / "hidden" / "model.json"
    change(path, lambda data: data["model"].update(mask_ratio=0.5))
    assert main([str(run)]) == 2
    assert "that of hidden differs" in capsys.readouterr().err
    assert main([str(run), "--solutions=original"]) == 0


class Drawing(Mae):
    """A model that paints noise of each picture's key, and needs no parameters."""

    def restore(self, params, images, mask, keys):
        noise = jax.vmap(lambda key: jax.random.uniform(key, images.shape[1:]))(keys)
        return jnp.where(mask > 0, noise, images)


def test_a_picture_is_restored_with_the_key_of_its_place(digits, audit_config):
    settings = {key: value for key, value in audit_config.model.items() if key != "name"}
    model = Drawing(**settings)
    (hole,) = parse_holes(("center:12",), 28, 4)
    given = sample(digits, "forget", "train", 7)
    found = Restorer(model, hole, 3, seed=1)(None, given)
    assert found.shape == (7, 144, 1) and len(np.unique(found[:, 0])) == 7
    np.testing.assert_array_equal(found, Restorer(model, hole, 7, seed=1)(None, given))
    for index in (1, 5):
        key = jax.random.fold_in(jax.random.key(1), given.number[index])
        noise = jax.random.uniform(key, (28, 28, 1))[8:20, 8:20]
        np.testing.assert_array_equal(found[index], np.asarray(noise).reshape(144, 1))


def test_errors_are_those_of_the_runs_own_evaluation(audited, digits):
    """PSNR and mask as in Validation, over all pictures of a few."""
    workdir, _ = audited
    model, params = load_solution(workdir, "hidden")
    data = digits
    few = {key: sample(data, *key.split("/"), 30) for key in data.sources}
    sources = {key: type(data.sources[key])(one.image, one.label) for key, one in few.items()}
    splits = {
        key: tuple(data.manifest.splits[key][number] for number in one.number)
        for key, one in few.items()
    }
    small = Data(type(data.manifest)(splits), data.class_names, data.image_shape, sources)
    holes = parse_holes(("center:12",), 28, 4)
    validation = Validation(model, [], small, holes=holes, batch_size=20, seed=0, pictures=2)
    values = validation(params).values
    restorer = Restorer(model, holes[0], 20, 0)
    for kind in ("retain", "forget"):
        given = few[f"{kind}/validation"]
        errors = restorer.errors(restorer(params, given), given)
        assert mean_psnr(errors) == pytest.approx(values[f"{kind}/psnr"], abs=1e-4)
        assert np.mean(errors) == pytest.approx(values[f"{kind}/loss_hole"], rel=1e-4)
