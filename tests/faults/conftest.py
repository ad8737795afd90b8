"""The modules of this folder import each other by their bare names, as its script does."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
