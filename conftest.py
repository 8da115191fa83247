"""Settings of every test, those of the notebooks among them."""

from __future__ import annotations

import os

# A progress bar is shown where something takes a second, which the stored outputs can't foresee.
os.environ["TQDM_DISABLE"] = "1"
