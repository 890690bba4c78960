"""
Which tests of which programs are run, and in what surroundings?

Versions are those of `pins.txt`. `make conformance` leaves out what a suite calls slow, and
`FULL=1 make conformance` runs it all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Suite:
    """
    One foreign suite.

    Attributes:
        package: As the registry names it.
        name: Of the suite, where a package has several.
        floor: Fewer passes than this with the original mean that the comparison proves nothing.
        timeout: Seconds for its process.
        tests: What pytest is to select.
        plugins: The pytest plugins that are loaded beside those that every suite has.
        folders: What is taken from the source distribution; empty where there is none, and the
            tests are our own.
        needs: What has to be created by the tests: managers, clients.
        slow: Beginnings of the ids that are run with `FULL=1` alone.
        differences: Ids that ours need not pass, with the reason.
        env: Variables that its tests need.
        whole_streams: Whether its tests compare each stream message with a stored one.
        kernels: Where the kernel is compared as well, the kernelspecs that start it: ours on our
            side, ipykernel on the other.
    """

    package: str
    version: str
    floor: int
    timeout: float
    tests: tuple[str, ...]
    plugins: tuple[str, ...] = ()
    folders: tuple[str, ...] = ("tests",)
    needs: tuple[str, ...] = ("manager", "client")
    slow: tuple[str, ...] = ()
    differences: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    whole_streams: bool = False
    kernels: tuple[str, ...] = ()
    name: str = ""

    @property
    def title(self) -> str:
        """What its row, its settings, its record and its log are called."""
        return self.name or self.package


# The long ones first: two run at a time.
SUITES: Final = (
    Suite(
        package="jupyter_client",
        version="8.10.0",
        floor=120,
        timeout=600,
        tests=(
            "tests/test_client.py",
            "tests/test_kernelmanager.py",
            "tests/test_multikernelmanager.py",
            "tests/test_restarter.py",
            "tests/test_provisioning.py",
            "tests/test_manager.py",
        ),
        plugins=("pytest_asyncio.plugin",),
        slow=(
            "tests/test_client.py::TestKernelClient",  # the blocking client
            "tests/test_client.py::TestThreadedKernelClient",
            # The blocking manager.
            "tests/test_kernelmanager.py::TestKernelManagerShutDownGracefully::test_signal_kernel",
            "tests/test_kernelmanager.py::TestParallel",
            "tests/test_restarter.py::test_restart_check",
            "tests/test_restarter.py::test_restarter_gives_up",
            "tests/test_restarter.py::test_async_restart_check[ipc]",
            "tests/test_restarter.py::test_async_restarter_gives_up",
        ),
    ),
    Suite(
        package="voila",
        version="0.5.13",
        floor=36,
        timeout=900,
        tests=(
            # Not tests/server: there the original itself hangs now and then.
            "tests/execute_output_test.py",
            "tests/app/cwd_subdir_test.py",
            "tests/app/cwd_test.py",
            "tests/app/execute_test.py",
            "tests/app/kernel_death_test.py",
            "tests/app/many_iopub_messages_test.py",
            "tests/app/no_kernelspec_test.py",
            "tests/app/no_strip_sources_test.py",
            "tests/app/non_existing_kernel_test.py",
            "tests/app/notebooks_test.py",
            "tests/app/preheat_activation_test.py",
            "tests/app/preheat_configuration_test.py",
            "tests/app/preheat_default_kernel_env_test.py",
            "tests/app/preheat_multiple_notebooks_test.py",
            "tests/app/preheat_with_query_string_test.py",
            "tests/app/prelaunch_hook_papermill_test.py",
            "tests/app/prelaunch_hook_test.py",
            "tests/app/progressive_rendering_activation_test.py",
            "tests/app/progressive_rendering_test.py",
            "tests/app/serve_directory_test.py",
            "tests/app/show_traceback_test.py",
            "tests/app/shutdown_kernel_test.py",
            "tests/app/syntax_error_test.py",
            "tests/app/timeout_test.py",
        ),
        plugins=("pytest_tornasync.plugin",),
        folders=("tests", "notebooks"),
        # These wait for kernels kept warm, at most 20 s in all.
        slow=("tests/app/preheat_", "tests/app/progressive_rendering_"),
        differences={
            "tests/app/kernel_death_test.py::test_kernel_death": (
                "the page tells the death by an error that is nbclient's as well, with its reason; "
                "the test looks for the line of nbclient's source that raises its own"
            ),
        },
    ),
    Suite(
        package="ipykernel",
        version="7.4.0",
        floor=100,
        timeout=600,
        tests=(
            "tests/test_message_spec.py",
            "tests/test_kernel.py",
            "tests/test_async.py",
            "tests/test_subshells.py",
            "tests/test_comm.py",
            "tests/test_debugger.py",
            "tests/test_io.py",
        ),
        plugins=("pytest_asyncio.plugin", "flaky.flaky_pytest_plugin"),
        needs=("kernel",),
        # One more is left out by ipykernel.ini.
        differences=dict.fromkeys(
            (
                "tests/test_kernel.py::test_print_to_correct_cell_from_thread[thread-local]",
                "tests/test_kernel.py::test_print_to_correct_cell_from_thread[none]",
            ),
            "what a thread prints belongs to the cell that started it, not to the latest cell",
        ),
        kernels=("python3",),
    ),
    Suite(
        package="jupyter_client",
        name="jupyter_client-kernel",
        version="8.10.0",
        floor=26,
        timeout=600,
        tests=("tests/test_client.py",),
        plugins=("pytest_asyncio.plugin",),
        needs=("manager", "client", "kernel"),
        slow=(
            "tests/test_client.py::TestKernelClient",
            "tests/test_client.py::TestThreadedKernelClient",
        ),
        kernels=("echo",),  # its tests take the kernel that echoes
    ),
    Suite(
        package="nbclient",
        name="nbclient-kernel",
        version="0.11.0",
        floor=39,
        timeout=600,
        tests=("tests/test_client.py::TestExecute", "tests/test_client.py::test_run_all_notebooks"),
        plugins=("pytest_asyncio.plugin",),
        needs=("manager", "client", "kernel"),
        slow=("tests/test_client.py::TestExecute",),
        whole_streams=True,
        kernels=("python3",),
    ),
    Suite(
        package="nbclient",
        version="0.11.0",
        floor=125,
        timeout=400,
        tests=("tests",),
        plugins=("pytest_asyncio.plugin",),
        whole_streams=True,
        slow=(
            "tests/test_cli.py",
            "tests/test_client.py::TestExecute::test_timeout_func",
            "tests/test_client.py::test_run_all_notebooks",
        ),
    ),
    Suite(
        package="jupyter_server",
        version="2.21.1",
        floor=178,
        timeout=900,
        tests=("tests/services/kernels", "tests/services/sessions"),
        plugins=("pytest_console_scripts",),
        needs=("manager",),
        slow=(
            "tests/services/kernels/test_cull.py",
            "tests/services/kernels/test_execution_state.py",
            "tests/services/sessions/test_api.py",
        ),
    ),
    Suite(
        package="jupyter_kernel_gateway",
        version="3.0.1",
        floor=115,
        timeout=600,
        tests=("tests",),
        slow=(
            "tests/test_jupyter_websocket.py",
            "tests/test_notebook_http.py::TestCustomResponse",
            "tests/test_notebook_http.py::TestKernelPool",
        ),
    ),
    Suite(
        package="papermill",
        version="2.7.0",
        floor=141,
        timeout=600,
        tests=(
            "papermill/tests/test_autosave.py",
            "papermill/tests/test_cli.py",
            "papermill/tests/test_clientwrap.py",
            "papermill/tests/test_engines.py",
            "papermill/tests/test_exceptions.py",
            "papermill/tests/test_execute.py",
            "papermill/tests/test_inspect.py",
        ),
        plugins=("pytest_mock",),
        folders=("papermill",),
        slow=(
            "papermill/tests/test_autosave.py::TestMidCellAutosave::test_end2end",
            "papermill/tests/test_cli.py::test_pipe_in_auto",
            "papermill/tests/test_cli.py::test_pipe_in_explicit",
            "papermill/tests/test_cli.py::test_pipe_in_out_explicit",
            "papermill/tests/test_cli.py::test_pipe_out",
        ),
    ),
    Suite(
        package="nbconvert",
        version="7.17.2",
        floor=9,
        timeout=600,
        tests=(
            "tests/preprocessors/test_execute.py",
            "tests/test_nbconvertapp.py::TestNbConvertApp::test_allow_errors",
            "tests/test_nbconvertapp.py::TestNbConvertApp::test_errors_print_traceback",
            "tests/test_nbconvertapp.py::TestNbConvertApp::test_execute_widgets_from_nbconvert",
            "tests/test_nbconvertapp.py::TestNbConvertApp::test_execute_multiple_notebooks",
        ),
        slow=(
            "tests/test_nbconvertapp.py::TestNbConvertApp::test_allow_errors",
            "tests/test_nbconvertapp.py::TestNbConvertApp::test_errors_print_traceback",
            "tests/test_nbconvertapp.py::TestNbConvertApp::test_execute_multiple_notebooks",
        ),
    ),
    Suite(
        package="testbook",
        version="0.4.2",
        floor=8,
        timeout=300,
        tests=("tests",),
        folders=(),  # PyPI has wheels of it alone, and they hold no tests
    ),
    Suite(
        package="nbmake",
        version="1.5.5",
        floor=33,
        timeout=600,
        tests=("tests",),
        plugins=("xdist.plugin", "nbmake.pytest_plugin"),
        env={"PYTEST_PLUGINS": "nbmake.pytest_plugin,xdist.plugin"},
        slow=(
            "tests/test_nb_run.py::TestNotebookRun::test_when_magic_error",
            "tests/test_pytest_plugin.py::test_when_parallel",
            "tests/test_pytest_plugin.py::test_when_passing",
            "tests/test_pytest_plugin.py::test_when_timeout",
        ),
    ),
    Suite(
        package="jupyter_kernel_test",
        version="0.7.0",
        floor=11,
        timeout=300,
        tests=("tests",),
        folders=(),  # the package is a class, to which a kernel gives its samples
        needs=("kernel",),
        kernels=("python3",),
    ),
    Suite(
        package="ipywidgets",
        version="8.1.9",
        floor=24,
        timeout=300,
        tests=("tests",),
        folders=(),  # its own tests are in what is installed
        needs=("kernel",),
        kernels=("python3",),
    ),
)
