"""metrics.jsonl line by line, TensorBoard's records, and the signatures of clu's writer."""

import ast
import importlib.util
import inspect
import io
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.record_writer import masked_crc32c

from cu_jax.logs import MetricLog


def _lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def _events(folder):
    """Reads the records of every event file, checksums included."""
    events = []
    for path in sorted(folder.glob("events.out.tfevents.*")):
        data = path.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            (head_crc,) = struct.unpack("<I", data[8:12])
            assert head_crc == masked_crc32c(data[:8])
            body, (crc,) = (
                data[12 : 12 + length],
                struct.unpack("<I", data[12 + length : 16 + length]),
            )
            assert crc == masked_crc32c(body)
            events.append(Event.FromString(body))
            data = data[16 + length :]
    return events


def _scalars(folder):
    return {
        (value.tag, event.step): value.simple_value
        for event in _events(folder)
        for value in event.summary.value
        if value.WhichOneof("value") == "simple_value"
    }


def test_each_step_is_one_line_and_one_record(tmp_path):
    with MetricLog(tmp_path) as log:
        log.log_step(
            "complete", 0, {"retain_loss": np.float32(0.5), "notfinite_count": np.int32(2)}
        )
        log.log_steps("control_0.25", [(k, {"cosine": -0.25 * k}) for k in (1, 2)])
    assert _lines(tmp_path) == [
        {"stage": "complete", "step": 0, "retain_loss": 0.5, "notfinite_count": 2.0},
        {"stage": "control_0.25", "step": 1, "cosine": -0.25},
        {"stage": "control_0.25", "step": 2, "cosine": -0.5},
    ]
    assert _scalars(tmp_path) == {
        ("complete/retain_loss", 0): 0.5,
        ("complete/notfinite_count", 0): 2.0,
        ("control_0.25/cosine", 1): -0.25,
        ("control_0.25/cosine", 2): -0.5,
    }
    # The first record is the version, then one a step.
    assert len(_events(tmp_path)) == 4


def test_lines_are_there_before_the_log_is_closed(tmp_path):
    log = MetricLog(tmp_path)
    log.log_step("utility", 7, {"retain_loss": 1.0})
    assert _lines(tmp_path) == [{"stage": "utility", "step": 7, "retain_loss": 1.0}]
    log.flush()
    assert _scalars(tmp_path) == {("utility/retain_loss", 7): 1.0}
    log.close()
    log.close()


@pytest.mark.parametrize("undefined", [float("nan"), float("inf"), np.float32("-inf")])
def test_undefined_is_null(tmp_path, undefined):
    with MetricLog(tmp_path) as log:
        log.log_step("utility", 0, {"cosine": undefined})
    text = (tmp_path / "metrics.jsonl").read_text()
    assert text == '{"stage": "utility", "step": 0, "cosine": null}\n'


def test_one_write_for_a_group_of_lines(tmp_path, monkeypatch):
    log = MetricLog(tmp_path)
    writes = []
    monkeypatch.setattr(log, "_lines", io.StringIO())
    monkeypatch.setattr(log._lines, "write", writes.append)
    log.log_steps("utility", [(k, {"cosine": 0.0}) for k in range(5)])
    assert len(writes) == 1 and writes[0].count("\n") == 5


def test_rewind_takes_out_what_will_be_written_again(tmp_path):
    with MetricLog(tmp_path) as log:
        for stage in ("utility", "complete"):
            log.log_steps(stage, [(k, {"cosine": 0.5}) for k in range(4)])
        log.rewind("utility", 0)  # lines of this very process are never too many
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('["no record"]\n{"stage": "utility", "step": 4, "cos')
    with MetricLog(tmp_path) as log:
        log.rewind("complete", 1)
        log.log_step("complete", 1, {"cosine": 0.25})
    found = [(line["stage"], line["step"], line["cosine"]) for line in _lines(tmp_path)]
    assert found == [
        *(("utility", k, 0.5) for k in range(4)),
        ("complete", 0, 0.5),
        ("complete", 1, 0.25),
    ]


def test_a_resumed_run_appends_and_drops_a_torn_line(tmp_path):
    with MetricLog(tmp_path) as log:
        log.log_step("utility", 0, {"cosine": 0.5})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"stage": "utility", "st')
    with MetricLog(tmp_path) as log:
        log.log_step("utility", 1, {"cosine": 0.25})
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert len(lines) == 2
    assert json.loads(lines[1]) == {"stage": "utility", "step": 1, "cosine": 0.25}
    # Opened within the same second, and yet neither file has erased the other.
    assert set(_scalars(tmp_path)) == {("utility/cosine", 0), ("utility/cosine", 1)}


def test_write_scalars_splits_the_stage_from_the_name(tmp_path):
    with MetricLog(tmp_path) as log:
        log.write_scalars(3, {"utility/retain_loss": 1.0, "utility/deep/er": 2.0, "memory": 4.0})
    assert _lines(tmp_path) == [
        {"stage": "utility", "step": 3, "retain_loss": 1.0, "deep/er": 2.0},
        {"stage": "run", "step": 3, "memory": 4.0},
    ]


def test_pictures_texts_histograms_and_settings(tmp_path):
    gray = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4, 1)
    color = np.arange(2 * 5 * 6 * 3, dtype=np.uint8).reshape(2, 5, 6, 3)
    with MetricLog(tmp_path) as log:
        log.write_images(1, {"gray": gray, "color": color})
        log.write_texts(2, {"note": "five lines"})
        log.write_histograms(3, {"weights": np.arange(10.0)}, {"weights": 4})
        log.write_hparams({"epsilon": 0.7, "model": "mae", "sizes": (1, 2), "flag": True})
    values = {v.tag: v for event in _events(tmp_path) for v in event.summary.value}
    picture = np.asarray(Image.open(io.BytesIO(values["color/1"].image.encoded_image_string)))
    np.testing.assert_array_equal(picture, color[1])
    picture = np.asarray(Image.open(io.BytesIO(values["gray"].image.encoded_image_string)))
    np.testing.assert_array_equal(picture[..., 0], np.rint(gray[..., 0] * 255))
    assert values["note/text_summary"].tensor.string_val[0] == b"five lines"
    assert values["weights"].histo.num == 10
    assert "_hparams_/session_start_info" in values
    assert b"mae" in values["_hparams_/session_start_info"].metadata.plugin_data.content


def test_pictures_of_a_wrong_shape(tmp_path):
    with MetricLog(tmp_path) as log, pytest.raises(ValueError, match=r"got \[1, 28, 28\] for 'x'"):
        log.write_images(0, {"x": np.zeros((1, 28, 28))})


def test_what_is_not_supported_is_said_once(tmp_path, caplog):
    with MetricLog(tmp_path) as log:
        for _ in range(2):
            log.write_videos(0, {})
            log.write_audios(0, {}, sample_rate=8000)
            log.write_summaries(0, {})
    assert [record.getMessage() for record in caplog.records] == [
        f"MetricLog does not write {what}: they are left out."
        for what in ("videos", "audio", "raw summaries")
    ]


def test_signatures_are_those_of_clu():
    # clu.metric_writers imports TensorFlow; its interface is read as text instead.
    (folder,) = importlib.util.find_spec("clu").submodule_search_locations
    source = Path(folder, "metric_writers", "interface.py").read_text()
    (writer,) = [
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef) and node.name == "MetricWriter"
    ]
    methods = [node for node in writer.body if isinstance(node, ast.FunctionDef)]
    assert len(methods) >= 10
    for method in methods:
        theirs, ours = method.args, inspect.signature(getattr(MetricLog, method.name))
        required = len(theirs.args) - len(theirs.defaults)
        positional = [
            (a.arg, inspect.Parameter.empty if i < required else None)
            for i, a in enumerate(theirs.args)
        ]
        keyword = [a.arg for a in theirs.kwonlyargs]
        assert [
            (p.name, p.default)
            for p in ours.parameters.values()
            if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        ] == positional, method.name
        assert [
            p.name for p in ours.parameters.values() if p.kind is inspect.Parameter.KEYWORD_ONLY
        ] == keyword, method.name
