"""Does what is published install, import and run on a machine that has only Python?"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from configparser import ConfigParser
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from packaging.requirements import Requirement

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.timeout(900)  # installs from the package index

ROOT: Final = Path(__file__).resolve().parents[2]
# What is not published, and what an earlier build left, which setuptools would take up again.
UNWANTED: Final = ("*.egg-info", ".*", "__pycache__", "benchmarks", "build", "dist", "nbs", "tests")
METADATA: Final = """
import importlib.metadata, json
print(json.dumps(importlib.metadata.metadata("conkernelclient").json))
"""
KERNELSPEC: Final = "share/jupyter/kernels/conkernel/kernel.json"
SPEC: Final = """
from jupyter_client.kernelspec import KernelSpecManager
print(KernelSpecManager().find_kernel_specs()["conkernel"])
"""
KERNEL: Final = """
import asyncio
from conkernelclient import run_kernel

async def main():
    async with run_kernel("conkernel") as kc:
        print((await kc.run("import sys; print(sys.executable, 6 * 7)")).text)

asyncio.run(main())
"""
VERSION: Final = "import conkernelclient; print(conkernelclient.__version__)"


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command in `cwd` and return what it prints."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_python(scripts: Path, program: str) -> str:
    """Run `program` with nothing but the environment's own packages in reach."""
    return run(scripts / "python", "-I", "-c", program, cwd=scripts)


def copied(place: Path) -> Path:
    """A copy of the source tree."""
    return shutil.copytree(ROOT, place / "tree", ignore=shutil.ignore_patterns(*UNWANTED))


def made(home: Path) -> Path:
    """The scripts of an environment without packages."""
    builder = venv.EnvBuilder(symlinks=sys.platform != "win32")
    builder.create(home)
    return Path(builder.ensure_directories(home).bin_path)


def pip_install(scripts: Path, *what: str | Path) -> None:
    """Install into an environment."""
    pip = [sys.executable, "-m", "pip", "--python", scripts / "python", "install", "--no-compile"]
    run(*pip, "--quiet", "--disable-pip-version-check", *what, cwd=scripts)


@pytest.fixture(scope="module")
def settings() -> Mapping[str, str]:
    """The one source of metadata."""
    parser = ConfigParser(delimiters=["="])
    parser.read(ROOT / "settings.ini", encoding="utf-8")
    return parser.defaults()


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What is published; the wheel is built from the sdist, so that this installs as well."""
    source, out = copied(tmp_path_factory.mktemp("source")), tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", out, source, cwd=out)
    (wheel,), (sdist,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return {"wheel": wheel, "sdist": sdist}


@pytest.fixture(scope="module")
def installed(artifacts: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts of an environment that holds the wheel and what it requires, no extras."""
    scripts = made(tmp_path_factory.mktemp("installed"))
    pip_install(scripts, artifacts["wheel"])
    return scripts


@pytest.fixture(scope="module")
def editable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts of an environment with an editable installation; what it requires is ours."""
    home = tmp_path_factory.mktemp("editable")
    scripts = made(home)
    (site_packages,) = home.rglob("site-packages")
    # What is in there is found, and the links in there to editable installations are not followed.
    (site_packages / "ours.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    pip_install(scripts, "--no-deps", "--editable", copied(home))
    return scripts


@pytest.fixture(scope="module")
def metadata(installed: Path) -> dict[str, Any]:
    """The core metadata of the installed package."""
    return json.loads(run_python(installed, METADATA))


def test_it_imports_where_nothing_else_is_installed(installed: Path) -> None:
    """The requirements are complete, and no extra is needed to import."""
    run_python(installed, "import conkernelclient; conkernelclient.ConKernelManager")


def test_its_command_runs_where_nothing_else_is_installed(installed: Path) -> None:
    """The console script is there and needs no extra to say what it does."""
    assert "conkernel" in run(installed / "conkernel", "--help", cwd=installed)


def test_its_metadata_is_that_of_settings_ini(
    metadata: dict[str, Any], settings: Mapping[str, str]
) -> None:
    """Nothing is lost or renamed between settings.ini and the index."""
    assert metadata["name"] == settings["name"]
    assert metadata["version"] == settings["version"]
    assert metadata["summary"] == settings["description"]
    assert metadata["author"] == settings["author"]
    assert metadata["license_expression"] == settings["license"]
    assert metadata["requires_python"] == f">={settings['min_python']}"
    assert metadata["description"] == (ROOT / "README.md").read_text(encoding="utf-8")


def test_its_requirements_are_those_of_settings_ini(
    metadata: dict[str, Any], settings: Mapping[str, str]
) -> None:
    """Each extra asks for what settings.ini lists; `all` for all but the tools."""
    suffix = "_requirements"
    wanted = {k.removesuffix(suffix): v.split() for k, v in settings.items() if k.endswith(suffix)}
    runtime = {"sidecar", "server", "dask", "mcp", "run", "rich", "images", "completion", "trio"}
    runtime |= {"collaboration"}
    extras = runtime | {"docs", "dev"}
    assert set(wanted) == extras
    wanted["all"] = [it for extra in set(wanted) - {"dev", "docs"} for it in wanted[extra]]
    assert set(metadata["provides_extra"]) == set(wanted)

    required = [Requirement(it) for it in metadata["requires_dist"]]
    core = {(it.name, it.specifier) for it in required if it.marker is None}
    assert core == pairs(settings["requirements"].split())
    for extra, texts in wanted.items():
        mine = [it for it in required if it.marker and it.marker.evaluate({"extra": extra})]
        assert {(it.name, it.specifier) for it in mine} == pairs(texts), extra


def pairs(texts: list[str]) -> set[tuple[str, Any]]:
    """The name and the versions of each requirement."""
    return {(it.name, it.specifier) for it in map(Requirement, texts)}


def test_its_version_is_that_of_settings_ini(installed: Path, settings: Mapping[str, str]) -> None:
    """`__version__` and the metadata agree."""
    assert run_python(installed, VERSION).strip() == settings["version"]


def test_its_kernel_is_among_the_kernelspecs(installed: Path) -> None:
    """Of its environment, where Jupyter and front ends look."""
    path = run_python(installed, SPEC).strip()
    assert Path(path) == installed.parent / "share" / "jupyter" / "kernels" / "conkernel"


def test_its_kernel_starts_by_its_name(installed: Path) -> None:
    """With the interpreter of its environment, although the kernelspec only says `python`."""
    executable, answer = run_python(installed, KERNEL).split()
    assert Path(executable).parent == installed
    assert answer == "42"


def test_its_kernel_starts_by_its_name_from_an_editable_installation(editable: Path) -> None:
    """That installs no kernelspec: the manager knows the name."""
    assert not (editable.parent / "share").exists()
    executable, answer = run_python(editable, KERNEL).split()
    assert Path(executable).parent == editable
    assert answer == "42"


def test_the_wheel_holds_the_package_its_page_its_types_and_its_kernelspec_alone(
    artifacts: dict[str, Path],
) -> None:
    """A type checker finds py.typed, and no test or chapter lands in site-packages."""
    with zipfile.ZipFile(artifacts["wheel"]) as wheel:
        names = wheel.namelist()
    package = ROOT / "conkernelclient"
    files = [*package.rglob("*.py"), *(package / "sidecar/server/page").iterdir()]
    wanted = {it.relative_to(ROOT).as_posix() for it in files}
    info = [name for name in names if ".dist-info/" in name]
    (data,) = {name.partition("/")[0] for name in names if ".data/" in name}
    wanted |= {"conkernelclient/py.typed", f"{data}/data/{KERNELSPEC}"}
    assert set(names) - set(info) == wanted
    assert any(name.endswith("licenses/LICENSE") for name in info)


def test_the_sdist_holds_what_a_build_reads(artifacts: dict[str, Path]) -> None:
    """Everything that setup.py opens is there, and the licence and the changelog."""
    with tarfile.open(artifacts["sdist"]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    build = {"settings.ini", "setup.py", "pyproject.toml", "README.md", "conkernelclient/py.typed"}
    build.add("conkernelclient/sidecar/server/page/index.html")
    assert build | {KERNELSPEC, "LICENSE", "CHANGELOG.md", "MANIFEST.in"} <= names
