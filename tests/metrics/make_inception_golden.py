"""Makes golden/inception.npz beside this file again, with torch-fidelity:

    pip install torch torchvision torch-fidelity
    python -P tests/metrics/make_inception_golden.py

The weights and pictures are those of tests/convert/seeded.py. No published file is downloaded.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import torch_fidelity

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "convert"))

import seeded  # noqa: E402


def outputs(case):
    """Features and logits without bias."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "seeded.pth")
        torch.save({key: torch.from_numpy(array) for key, array in case.arrays.items()}, path)
        network = torch_fidelity.FeatureExtractorInceptionV3(
            "seeded", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(path)
        )
    images = torch.from_numpy(case.images.transpose(0, 3, 1, 2).copy())
    return tuple(array.numpy() for array in network(images))


def main():
    features, logits = outputs(seeded.make_inception())
    made = f"torch-fidelity {torch_fidelity.__version__}, torch {torch.__version__}"
    arrays = {"features": seeded.sample(features), "logits": seeded.sample(logits)}
    (HERE / "golden").mkdir(exist_ok=True)
    np.savez(HERE / "golden" / "inception.npz", **arrays, made=made)
    for key, array in arrays.items():
        print(key, array.shape, array.dtype, float(np.abs(array).max()), float(array.std()))


if __name__ == "__main__":
    main()
