"""Makes the golden outputs beside this file again, with transformers:

    python -P tests/convert/make_golden.py

Needs the package, PyTorch and transformers. The weights and pictures are those of seeded.py.
"""

import sys
from pathlib import Path

import numpy as np
import torch
import transformers

sys.path.insert(0, str(Path(__file__).parent))

import oracle  # noqa: E402
import seeded  # noqa: E402

FOLDER = Path(__file__).parent / "golden"


def main():
    FOLDER.mkdir(exist_ok=True)
    for name, (sizes, heads) in seeded.MODELS.items():
        case = seeded.make(sizes)
        model = oracle.build(sizes, heads)
        model.load_state_dict(oracle.renamed(case.arrays), strict=True)
        features, patches = oracle.outputs(model, case.images, case.noise)
        path = FOLDER / f"mae_{name.replace('/', '_').lower()}.npz"
        made = f"transformers {transformers.__version__}, torch {torch.__version__}"
        np.savez(path, features=seeded.sample(features), patches=seeded.sample(patches), made=made)
        print(path.name, path.stat().st_size, np.abs(features).max(), np.abs(patches).max())


if __name__ == "__main__":
    main()
