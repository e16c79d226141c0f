"""The files that the package comes with: rules, formats, profiles, policies and the parts of the report.

They are read by the loader that imported the package, so that it works from a zip file (zipimport, zipapp, PySpark's
``--py-files``) as well as from a folder. ``importlib.resources`` can do the same but takes 9 ms of a start of 80 ms to
import: here it lists the folders of a zip file and nothing else. For the library's own modules; not a public interface.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.abc import FileLoader
    from typing import Final

__all__ = ["KNOWLEDGE", "names", "place", "read"]

KNOWLEDGE: Final = ("", "providers/", "wording/", "formats/", "languages/", "logs/", "services/")
"""The folders whose files make up the built-in knowledge; profiles are layers of their own."""
_HERE: Final = os.path.dirname(__file__)  # noqa: PTH120 # pathlib takes 4 ms


def read(name: str) -> str:
    """Return the text of the file `name`, a path below this folder with slashes; line endings are normalised.

    :raises OSError: when there is no such file.
    """
    loader: FileLoader = __spec__.loader  # type: ignore[assignment] # any other loader has get_data() as well
    text = loader.get_data(place(name)).decode()
    return text.replace("\r\n", "\n") if "\r" in text else text  # looking for one character is a hundred times as fast


def names(folder: str) -> tuple[str, ...]:
    """Return the names of the TOML files in `folder`, sorted."""
    path = place(folder)
    if os.path.isdir(path):  # noqa: PTH112 # see _HERE
        found = os.listdir(path)  # noqa: PTH208 # see _HERE
    else:
        from importlib.resources import files

        found = [entry.name for entry in files(__name__).joinpath(folder).iterdir()]
    return tuple(sorted(name for name in found if name.endswith(".toml")))


def place(name: str) -> str:
    """Return the path of the file `name`, to be shown; in a zip file it cannot be opened."""
    return os.path.join(_HERE, name)  # noqa: PTH118 # see _HERE
