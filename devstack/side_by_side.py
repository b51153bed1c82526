"""A pytest plugin: a process of several that test side by side goes to the services that were started for it."""

import json
import os

# Given by `dev.py test`: what differs between the processes' environments, by the number of the process.
ENVIRONMENTS = "FLYT_TEST_ENVIRONMENTS"

_worker = os.environ.get("PYTEST_XDIST_WORKER", "")
if _worker and ENVIRONMENTS in os.environ:
    # Before Django reads its settings: plugins named with -p are imported first.
    os.environ.update(json.loads(os.environ[ENVIRONMENTS])[int(_worker.removeprefix("gw"))])
