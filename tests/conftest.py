"""One thread a test process: tensors of one layer are tiny, and the threads of two processes on two cores wait for each other."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is imported, which no test module has done yet
