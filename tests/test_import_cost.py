"""What does `import conkernelclient` cost a program that has jupyter_client anyway?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any, Final

JUPYTER: Final = "import jupyter_client.manager, jupyter_client.asynchronous.client"
OURS: Final = "import conkernelclient"

PAIRS: Final = 15
LIMIT: Final = 1.10
# Processor time of the process, user and system: waiting for a busy machine is no part of it.
TIMED: Final = "import time; start = time.process_time(); {}; print(time.process_time() - start)"
LOADED: Final = "{}; import json, sys; print(json.dumps(sorted(sys.modules)))"


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
    """Both are measured by turns; the least of each is the one that was disturbed least."""
    in_fresh_interpreter(TIMED.format(f"{JUPYTER}; {OURS}"))  # compiles what is new
    turns = [in_fresh_interpreter(TIMED.format(it)) for it in (JUPYTER, OURS) * PAIRS]
    theirs, ours = min(turns[::2]), min(turns[1::2])
    assert ours / theirs <= LIMIT, f"{ours * 1000:.0f} ms instead of {theirs * 1000:.0f} ms"
