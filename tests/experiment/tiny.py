"""The digits' experiment with a narrow model and a few steps a stage, as a config file."""

import runpy
from pathlib import Path

DIGITS = Path(__file__).parents[2] / "configs" / "mae_mnist.py"


def get_config():
    config = runpy.run_path(str(DIGITS))["get_config"]()
    config.model.update(encoder_width=16, encoder_depth=1, encoder_heads=2)
    config.model.update(decoder_width=16, decoder_depth=1, decoder_heads=2)
    config.pretrain.update(from_scratch=True, steps=30, batch_size=16)
    config.classifier.update(steps=12, batch_size=16)
    config.boundary.steps = 12
    config.pareto.update(steps=8, first_steps=10)
    config.controls = (0.0, 0.5, 1.0)
    config.composite_alphas = (0.1, 1.0)
    config.batch_size = 8
    config.log_every_steps = 5
    config.checkpoint_every_steps = 4
    config.evaluation.pictures = 6
    return config
