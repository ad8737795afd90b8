"""Makes the golden outputs beside this file again, with PyTorch and transformers:

    python -P tests/convert/make_golden.py

Needs the package, PyTorch and transformers. The weights and pictures are those of seeded.py.
"""

import sys
from pathlib import Path

import numpy as np
import torch
import transformers

sys.path.insert(0, str(Path(__file__).parent))

import seeded  # noqa: E402
import torch_clip  # noqa: E402
import torch_mae  # noqa: E402
import torch_mage  # noqa: E402
import torch_palette  # noqa: E402
import torch_vqgan  # noqa: E402

FOLDER = Path(__file__).parent / "golden"
TORCH = f"torch {torch.__version__}"
SURE = 1e-3  # The least difference of distances at which another rounding gives equal tokens.


def write(name, made, **arrays):
    path = FOLDER / f"{name.replace(' ', '_').replace('/', '_').lower()}.npz"
    np.savez(path, **arrays, made=made)
    largest = {key: float(np.abs(array).max()) for key, array in arrays.items()}
    print(path.name, path.stat().st_size, largest)


def sample(array):
    return seeded.sample(array).astype(np.float32)


def main():
    FOLDER.mkdir(exist_ok=True)
    for name, (sizes, heads) in seeded.MODELS.items():
        case = seeded.make(sizes)
        model = torch_mae.build(sizes, heads)
        model.load_state_dict(torch_mae.renamed(case.arrays), strict=True)
        features, patches = torch_mae.outputs(model, case.images, case.noise)
        made = f"transformers {transformers.__version__}, {TORCH}"
        write(f"mae_{name}", made, features=sample(features), patches=sample(patches))
    for name, (sizes, side) in seeded.VQGANS.items():
        case = seeded.make_vqgan(sizes, side, batch=2 if name == "small" else 1)
        model = torch_vqgan.build(sizes, case.arrays)
        tokens, pictures, margin = torch_vqgan.outputs(model, case.images)
        if margin < SURE:
            raise ValueError(f"Tokens must be sure, but two codes are only {margin:.1g} apart.")
        write(f"vqgan_{name}", TORCH, tokens=tokens, pictures=sample(pictures))
    for name, (sizes, heads) in seeded.MAGES.items():
        case = seeded.make_mage(sizes, batch=2 if name == "small" else 1)
        model = torch_mage.build(sizes, heads, case.arrays)
        features, logits = torch_mage.outputs(model, case.tokens, case.masked, case.dropped)
        write(f"mage_{name}", TORCH, features=sample(features), logits=sample(logits))
    for name, (sizes, side) in seeded.PALETTES.items():
        case = seeded.make_palette(sizes, side, batch=2 if name == "small" else 1)
        maps, noise = torch_palette.outputs(
            torch_palette.build(sizes, case.arrays), case.x, case.gamma
        )
        write(f"palette_{name}", TORCH, middle=sample(maps[-1]), noise=sample(noise))
    case = seeded.make_clip(seeded.CLIPS["small"])
    prepared = torch_clip.prepared(case.pictures, seeded.CLIPS["small"].image_size)
    features = torch_clip.embeddings(torch_clip.build(seeded.CLIPS["small"], case.arrays), prepared)
    made = f"transformers {transformers.__version__}, {TORCH}"
    write("clip_small", made, prepared=sample(prepared), features=features)


if __name__ == "__main__":
    main()
