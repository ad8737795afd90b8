"""Unlearn the published diffusion model (Palette) on Places365.

What must be on disk (docs/data.md, docs/weights.md), once:

    python -m cu_jax.data.prepare places365 --from=DIR      # DIR holds the three archives
    python -m cu_jax.convert import palette 16_Network.pth palette_places2

and then:

    python -m cu_jax.main --config=configs/palette_places365.py --workdir=runs/palette_places365

50 forget and 50 retain classes of those with 5,000 training pictures, split 4,500 + 500 (the paper
states 5,000 + 500, more than Places365-Standard has). 256 pixels; training removes a random box and
brush strokes. 12 pictures of each set in a batch, for one device; on n of them give
`--config.batch_size` 12 n. Adam, constant learning rate 5e-5, alpha = beta = 5, 2 passes over the
225,000 forget pictures a stage, 37,500 steps. Not measured here.

Restoring takes 5 steps of DDIM with the noise of DDPM, which suffices for digits (docs/models.md);
of photographs nobody has measured it:

    --config.model.steps=100    slower, and closer to the published sampler
    --config.model.sampler=ddpm --config.model.steps=2000   as published
    --config.model.forget_noise=hole    noise in the hole alone for the teacher, as Li et al. (2024)
    --config.model.dtype=bfloat16       bf16 compute; parameters, losses and multiplier stay float32
    --config.pareto.ema_decay=0.999     solutions are moving averages over their stage
"""

from ml_collections import ConfigDict

from cu_jax.paper import palette_experiment


def get_config() -> ConfigDict:
    """The settings."""
    config = palette_experiment()
    config.name = "palette_places365"
    config.data.name = "cu_places365"
    return config
