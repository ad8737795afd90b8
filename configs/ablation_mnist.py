"""One setting of the digits' experiment varied, everything else as it is; a figure each.

    python -m cu_jax.ablate --config=configs/ablation_mnist.py:beta --workdir=runs/beta

The name behind the colon says which; docs/ablations.md says what each varies, how to read its
figure, and what it showed. Stages are a third as long as those of configs/mae_mnist.py, so its
numbers are a little worse. The one of ε took six minutes on two CPU cores that others shared.

    --config.ablation.values='(1.0, 5.0)'      other values
    --config.ablation.setting=pareto.clip      another setting (give values too)
"""

import runpy
from pathlib import Path

from ml_collections import ConfigDict

_CLASSES = ("0", "1", "2", "3", "4")

# Name to the setting, its values, and what differs from a run with three controls.
_ABLATIONS = {
    "epsilon": (
        *("controls", (0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0)),
        {},
    ),
    "alpha": (
        *("boundary.alpha", (0.5, 1.0, 5.0, 20.0)),
        {"controls": (0.5,), "boundary.utility_alpha": None},  # Of both boundaries.
    ),
    "tau": ("boundary.tau", (1.0, 2.0, 3.0), {"controls": (0.5,)}),
    "beta": (
        *("pareto.beta", (0.3, 1.0, 5.0, 20.0)),
        {"composite_alphas": (0.07, 0.18, 0.45)},
    ),
    "delta": (
        *("pareto.delta", (0.5, 1.0, 2.0)),
        {"composite_alphas": (0.07, 0.18, 0.45)},
    ),
    "hole": (
        *("evaluation.holes", ("center:4", "center:8", "center:12", "center:16", "outpaint:0.5")),
        {},
    ),
    "proxy": (
        *("data.proxy", tuple(_CLASSES[:count] for count in range(1, 6))),
        {
            "controls": (0.5,),
            "composite_alphas": (0.07, 0.18, 0.45),
            "baselines.methods": ("composite_proxy",),
            "baselines.alphas.composite_proxy": (0.07, 0.18, 0.45),
        },
    ),
    "cost": ("batch_size", (8, 16, 32, 64, 128), {"ablation.cost": True}),
}


def get_config(name: str = "beta") -> ConfigDict:
    """The settings of an ablation: epsilon, alpha, tau, beta, delta, hole, proxy or cost."""
    if name not in _ABLATIONS:
        raise ValueError(
            f"The ablation must be one of {', '.join(_ABLATIONS)}, got {name!r}: write for example "
            "--config=configs/ablation_mnist.py:beta."
        )
    digits = Path(__file__).with_name("mae_mnist.py")
    config: ConfigDict = runpy.run_path(str(digits))["get_config"]()
    config.name = f"ablation_{name}"
    config.boundary.update(steps=70)
    config.pareto.update(steps=130, first_steps=230)
    for section in (config.boundary, config.pareto):
        section.optimizer.warmup_steps = 20
    config.controls = (0.25, 0.5, 0.75)
    config.composite_alphas = ()
    setting, values, changes = _ABLATIONS[name]
    config.ablation.update(name=name, setting=setting, values=values)
    config.update_from_flattened_dict(changes)
    return config
