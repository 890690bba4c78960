"""What does `import conkernelclient` cost a program that has jupyter_client anyway?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any, Final

JUPYTER: Final = "import jupyter_client.manager, jupyter_client.asynchronous.client"
OURS: Final = "import conkernelclient"

TIMES: Final = 25
LIMIT: Final = 1.10
LOADED: Final = "{}; import json, sys; print(json.dumps(sorted(sys.modules)))"
# Processor time of the process, user and system: waiting for a busy machine is no part of it.
TIMED: Final = f"""
import json, time
start = time.process_time()
{JUPYTER}
middle = time.process_time()
{OURS}
print(json.dumps([middle - start, time.process_time() - middle]))
"""


def in_fresh_interpreter(program: str) -> Any:
    """Run `program` and return the JSON it prints; compiled modules are kept, as usual."""
    unwanted = {"PYTHONDONTWRITEBYTECODE", "PYTHONPROFILEIMPORTTIME"}
    environ = {name: value for name, value in os.environ.items() if name not in unwanted}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environ, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def third_party(statement: str) -> set[str]:
    """The top-level names outside the standard library that `statement` loads."""
    loaded = {name.partition(".")[0] for name in in_fresh_interpreter(LOADED.format(statement))}
    return loaded - sys.stdlib_module_names - {"conkernelclient"}


def test_no_third_party_module_is_loaded_that_jupyter_client_does_not_load() -> None:
    """Extras, fastcore and ipykernel are imported by what needs them, when it needs them."""
    assert third_party(OURS) - third_party(JUPYTER) == set()


def test_the_import_takes_at_most_a_tenth_longer_than_that_of_jupyter_client() -> None:
    """What we add is measured apart, or else the noise of jupyter_client's import would hide it."""
    in_fresh_interpreter(TIMED)  # compiles what is new
    runs = [in_fresh_interpreter(TIMED) for _ in range(TIMES)]
    theirs, added = (min(times) for times in zip(*runs, strict=True))  # the least disturbed of each
    assert 1 + added / theirs <= LIMIT, f"{added * 1000:.1f} ms on top of {theirs * 1000:.0f} ms"
