"""Where arrays lie: the rule, and what the devices cannot share."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from cu_jax import processes, sharding

WHOLE = PartitionSpec()


@pytest.mark.parametrize(
    ("name", "shape", "devices", "expected"),
    [
        ("kernel", (768, 3072), 1, WHOLE),
        ("kernel", (768, 3072), 4, PartitionSpec(None, "fsdp")),
        ("kernel", (3072, 768), 4, PartitionSpec("fsdp")),
        ("kernel", (256, 256), 4, PartitionSpec(None, "fsdp")),  # the last of equals
        ("kernel", (3, 3, 513, 512), 8, PartitionSpec(None, None, None, "fsdp")),
        ("kernel", (1023, 1023), 2, WHOLE),  # no axis can be split
        ("kernel", (32, 64), 2, WHOLE),  # small
        ("bias", (8192,), 2, WHOLE),
        ("scale", (8192,), 2, WHOLE),
        ("cls_token", (1, 1, 8192), 2, WHOLE),
    ],
)
def test_the_rule(name, shape, devices, expected):
    assert sharding.partition(name, shape, devices) == expected


def test_the_optimizers_moments_lie_as_their_parameters():
    import optax

    mesh = jax.sharding.AbstractMesh((2, 4), sharding.AXES)
    params = {"dense": {"kernel": np.zeros((64, 128)), "bias": np.zeros(8192)}}
    state = jax.eval_shape(optax.adamw(1e-3).init, params)
    tree = {"params": params, "opt_state": state}
    where = jax.tree.unflatten(jax.tree.structure(tree), sharding.shardings(mesh, tree))
    expected = {"kernel": PartitionSpec(None, "fsdp"), "bias": WHOLE}
    moments = where["opt_state"][0]
    for tree in (where["params"], moments.mu, moments.nu):
        assert {name: leaf.spec for name, leaf in tree["dense"].items()} == expected
    assert moments.count.spec == WHOLE


def test_what_the_devices_cannot_share_is_refused():
    mesh = jax.sharding.AbstractMesh((2, 2), sharding.AXES)
    with pytest.raises(ValueError, match="multiple of the 4 devices, got 6 pictures"):
        sharding.check_batch(mesh, 6)
    for fsdp in (0, 3):
        with pytest.raises(ValueError, match=r"fsdp must divide the number of devices, 1, got"):
            sharding.make_mesh(fsdp)


def test_a_batch_that_cannot_be_split_is_read_and_put_whole():
    mesh = jax.sharding.AbstractMesh((2, 2), sharding.AXES)
    assert sharding.rows(mesh, 6) == slice(0, 6)
    assert sharding.rows(mesh, 8) == slice(0, 8)  # of one process


PROGRAM = """
import jax, numpy as np
from cu_jax import sharding
mesh = sharding.make_mesh(4)
assert dict(mesh.shape) == {"data": 2, "fsdp": 4}
tree = {"kernel": np.arange(8192.0).reshape(64, 128), "bias": np.ones(8), "key": jax.random.key(3)}
put = sharding.put(mesh, tree)
assert put["kernel"].addressable_shards[0].data.shape == (64, 32)
assert put["bias"].is_fully_replicated and len(put["bias"].sharding.device_set) == 8
host = sharding.on_host({name: put[name] for name in ("kernel", "bias")})
assert all(np.array_equal(host[name], tree[name]) for name in host)
assert jax.random.bits(put["key"]) == jax.random.bits(tree["key"])
batch = sharding.put_batch(mesh, np.arange(16), 16)
assert batch.addressable_shards[3].data.tolist() == [6, 7]
assert sharding.put_batch(mesh, np.arange(6), 6).is_fully_replicated

@jax.jit
def step(tree):
    doubled = jax.tree.map(lambda x: 2 * x, tree)
    return sharding.kept(mesh, doubled), sharding.whole(mesh, doubled)

kept, whole = step({"kernel": put["kernel"]})
assert kept["kernel"].sharding == put["kernel"].sharding
assert whole["kernel"].is_fully_replicated
print("fine")
"""


def test_eight_devices():
    environment = os.environ | {
        "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True
    )
    assert done.stdout.strip() == "fine", done.stderr


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, "got 'two', '' and ''"),
        ({"CU_JAX_PROCESSES": "2"}, "got '2', '' and ''"),
        ({"CU_JAX_PROCESSES": "2", "CU_JAX_PROCESS": "2"}, "got '2', '2' and"),
        ({"CU_JAX_PROCESSES": "2", "CU_JAX_PROCESS": "1"}, "got '2', '1' and ''"),
    ],
)
def test_variables_that_name_no_processes_are_refused(variables, told, monkeypatch):
    for name, value in ({"CU_JAX_PROCESSES": "two"} | variables).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=f"CU_JAX_PROCESSES must be the number.*{told}"):
        processes.join_processes()
    with pytest.raises(ValueError, match="This command must be one process"):
        processes.join_processes(allowed=False)


def test_what_fails_in_one_process_fails_there_with_its_own_error():
    with pytest.raises(KeyError, match="mine"):
        processes.together(lambda: {}["mine"])
    assert processes.together(lambda: jnp.ones(2)).shape == (2,)
