"""No progress bars while the notebooks are tested: a slow machine would show one, a fast one none."""

import os

os.environ["TQDM_DISABLE"] = "1"
