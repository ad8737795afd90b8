"""The modules of this folder import each other by their bare names, as its scripts do."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

# They hold no tests, and import PyTorch, which the search for examples in docstrings would need.
collect_ignore_glob = ["[!t]*.py", "t[!e]*.py"]
