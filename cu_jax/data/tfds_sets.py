"""stub"""


def open_tfds(dataset, split, data_dir):
    """Stub."""
    raise FileNotFoundError(dataset)
