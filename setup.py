"""Which metadata does the package have? That of settings.ini; the tools are in pyproject.toml."""

from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup

KERNELSPEC = "share/jupyter/kernels/conkernel"  # here, and below the prefix of an installation

ENTRY_POINTS = ("console_scripts", "pytest11", "jupyter_client.kernel_provisioners")

parser = ConfigParser(delimiters=["="])
parser.read_string(Path("settings.ini").read_text(encoding="utf-8"))
cfg = parser.defaults()
suffix = "_requirements"
extras = {k.removesuffix(suffix): v.split() for k, v in cfg.items() if k.endswith(suffix)}
runtime = (reqs for extra, reqs in extras.items() if extra not in {"dev", "docs"})
extras["all"] = sorted({req for reqs in runtime for req in reqs})

setup(
    **{key: cfg[key] for key in ("name", "version", "description", "author", "keywords")},
    license_expression=cfg["license"],
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    classifiers=cfg["classifiers"].strip().splitlines(),
    python_requires=f">={cfg['min_python']}",
    packages=find_packages(include=[cfg["lib_name"], f"{cfg['lib_name']}.*"]),
    package_data={cfg["lib_name"]: ["py.typed", "sidecar/server/page/*"]},
    data_files=[(KERNELSPEC, [f"{KERNELSPEC}/kernel.json"])],
    install_requires=cfg["requirements"].split(),
    extras_require=extras,
    entry_points={key: cfg[key].split() for key in ENTRY_POINTS},
)
