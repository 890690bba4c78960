"""
Which notebooks of our own are run by `conkernel run` and by nbclient?

Small ones, each about one thing that notebooks do: text, displays that later cells change, plots,
widgets, errors, long output, tags.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import nbformat
from nbformat import v4

__all__ = ["OWN", "make", "write_all"]

OWN: Final[dict[str, list[str | tuple[str, list[str]]]]] = {
    "text": [
        # Flushed, as ipykernel sends what is written in each stream when 0.2 s are over: the
        # order between the two would follow the clock, and differ from run to run.
        "import sys\nprint('out', flush=True); print('err', file=sys.stderr, flush=True)\n"
        "print('out again')",
        "for i in range(5): print(i, end='\\r')\nprint('half', end='')",
        "from IPython.display import clear_output\n"
        "for i in range(3):\n    clear_output(wait=True)\n    print('step', i)",
        "print('gone')\nclear_output()",
        "'\\u00fc \\u4e16 \\U0001f600', 1 / 3",
        "   ",
        "%%bash\necho from bash",
    ],
    "displays": [
        "from IPython.display import HTML, JSON, Latex, Markdown, SVG, display",
        "handle = display(Markdown('*first*'), display_id='a')\ndisplay(HTML('<b>x</b>'))",
        "display(Latex('$x$'), JSON({'a': [1, None]}))\n"
        'SVG(\'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>\')',
        "handle.update(Markdown('*second*'))\ndisplay('third', display_id='a')",
    ],
    "plots": [
        "import pandas\npandas.DataFrame({'n': [1, 2], 's': ['a', None]})",
        "%matplotlib inline\nimport matplotlib.pyplot as plt",
        "plt.plot([1, 3, 2]); plt.title('one')",
        "for height in (1, 2):\n    plt.figure(figsize=(2, height)); plt.bar([1, 2], [3, height])",
        "figure, axes = plt.subplots(2, 2)\nprint(axes.shape)",
    ],
    "widgets": [
        "import ipywidgets as widgets\nfrom IPython.display import display",
        "slider = widgets.IntSlider(value=3, description='n')\nslider",
        "slider.value = 7\nimage = widgets.Image(value=b'\\x00\\x01', format='png')\nimage",
        "out = widgets.Output()\ndisplay(out)\nwith out:\n    print('in it'); display('too')\n"
        "print('beside')",
        "widgets.interact(lambda x: print('x is', x), x=5);",
        "len(out.outputs), out.outputs[0]['text']",
        "from tqdm.auto import tqdm\nfor _ in tqdm(range(3), mininterval=0): pass",
    ],
    "errors": [
        "def inner(x):\n    return 1 / x",
        ("inner(0)", ["raises-exception"]),
        ("raise KeyError('not run')", ["skip-execution"]),
        ("input('? ')", ["raises-exception"]),
        "raise SystemExit",
    ],
    "stops": ["print('before')", "raise ValueError('here\\nand there')", "print('after')"],
    "long": [
        "for i in range(3000): print(i, 'x' * 60)",
        "import sys\n"
        "for i in range(300):\n    print(i, file=(sys.stdout, sys.stderr)[i % 2], flush=True)",
        "list(range(900))",
        "print('y' * 2_000_000)",
    ],
    "parameters": [
        ("alpha = 1\nnames = ['a']", ["parameters"]),
        "print(alpha, names)",
        "import os; os.path.basename(os.getcwd()) != ''",
    ],
}


def make(name: str) -> Any:
    """Make one of them; the same each time, but for the cells' ids."""
    notebook = v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        cells=[v4.new_markdown_cell(f"# {name}")],
    )
    for cell in OWN[name]:
        source, tags = (cell, []) if isinstance(cell, str) else cell
        notebook.cells.append(v4.new_code_cell(source, metadata={"tags": tags} if tags else {}))
    return notebook


def write_all(folder: Path) -> list[Path]:
    """Write all of them into a folder; gives their paths."""
    paths = [folder / f"own-{name}.ipynb" for name in OWN]
    for name, path in zip(OWN, paths, strict=True):
        nbformat.write(make(name), path)
    return paths
