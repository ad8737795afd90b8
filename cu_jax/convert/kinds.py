"""The kinds of published weights, and the one table of them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from cu_jax.convert.efficientnet_layout import PACKAGE, installed_file
from cu_jax.convert.exchange import Exchanged
from cu_jax.convert.exchange_clip import import_clip
from cu_jax.convert.exchange_efficientnet import import_efficientnet
from cu_jax.convert.exchange_inception import import_inception
from cu_jax.convert.exchange_mae import export_mae, import_mae
from cu_jax.convert.exchange_mage import export_mage, import_mage
from cu_jax.convert.exchange_palette import export_palette, import_palette
from cu_jax.convert.exchange_vqgan import export_vqgan, import_vqgan


class Kind(NamedTuple):
    """A kind of published weights.

    Attributes:
        about: what it is, for ``--help``.
        bring: imports; takes the file, the folder, ``force``, and the options by name.
        send: exports; takes the folder, the solution's name, the file, ``force``, and the options.
            None: nothing of this kind is ever trained here.
        import_options: names of the options that importing has, ``norm_pix``.
        export_options: likewise.
        takes: what to import, for ``--help``; empty: a file of weights.
        installed: finds the file in an installed package, where none is given; None: one must be.
    """

    about: str
    bring: Callable[..., Exchanged]
    send: Callable[..., Exchanged] | None = None
    import_options: tuple[str, ...] = ()
    export_options: tuple[str, ...] = ()
    takes: str = ""
    installed: Callable[[], Path] | None = None


KINDS: Mapping[str, Kind] = {
    "mae": Kind(
        "a masked autoencoder", import_mae, export_mae, import_options=("heads", "norm_pix")
    ),
    "mage": Kind(
        "a MAGE with its VQ-GAN tokenizer",
        import_mage,
        export_mage,
        import_options=("heads", "tie_head"),
        export_options=("tie_head",),
    ),
    "palette": Kind("a diffusion model (Palette)", import_palette, export_palette),
    "vqgan": Kind("a VQ-GAN tokenizer alone", import_vqgan, export_vqgan),
    "inception": Kind("the network of the Fréchet Inception distance", import_inception),
    "clip": Kind(
        "CLIP's image tower, of the transformers library",
        import_clip,
        takes="a folder with model.safetensors or pytorch_model.bin, or that file, and config.json",
    ),
    "efficientnetlite0": Kind(
        "a small classifier of ImageNet, EfficientNet-Lite0",
        import_efficientnet,
        takes=f"a .pth or .safetensors file; without it, that of the installed package {PACKAGE}",
        installed=installed_file,
    ),
}
"""Name on the command line and in ``model.json`` → how it comes in and goes out."""
