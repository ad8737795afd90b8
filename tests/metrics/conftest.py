"""What pytest leaves alone in this folder."""

# It holds no tests, and imports PyTorch, which the search for examples in docstrings would need.
collect_ignore = ["make_inception_golden.py"]
