"""Spark for the tests and the benchmarks: whether it can be started, and programs run by it as a cluster would run them."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import undeliverable

PACKAGE = Path(undeliverable.__file__).parent
NEEDED = ("flufl.bounce", "atpublic", "chardet")  # beside the library itself; pyarrow is Spark's own need
SETTINGS = {
    "spark.master": "local[2,4]",  # two workers, and a part of the work that fails is tried four times
    "spark.ui.enabled": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",  # a start in half the time
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "2",
}


def missing() -> str | None:
    """Return why there is no Spark, or None."""
    if importlib.util.find_spec("pyspark") is None:
        return "needs pyspark"
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        return "needs Java (.ci/java installs Debian's)"
    return None


def library(path: Path) -> Path:
    """Write the library and what it needs as a zip, as `pip install --target` and a zip of the folder give it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in sorted(PACKAGE.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                packed.write(file, Path("undeliverable") / file.relative_to(PACKAGE))
        for name in NEEDED:
            for part in importlib.metadata.files(name) or ():
                if part.suffix in {".py", ".json", ".bin", ".gz"} and "__pycache__" not in part.parts:
                    packed.write(str(part.locate()), str(part))
    return path


def environment(**more: str) -> dict[str, str]:
    """Return what Spark and its workers find around them: not this checkout."""
    kept = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "SPARK_HOME"}}
    return kept | {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"} | more


def submit(program: Path, *arguments: str, packed: Path, folder: Path, timeout: float = 1800) -> str:
    """Run a program as `spark-submit --py-files` does, and return what it printed.

    :param packed: the library as a zip.
    :param folder: where Spark may write what it needs.
    """
    home = Path(importlib.util.find_spec("pyspark").origin or "").parent  # type: ignore[union-attr]
    settings = SETTINGS | {"spark.local.dir": str(folder), "spark.sql.warehouse.dir": str(folder)}
    options = [word for pair in settings.items() for word in ("--conf", "=".join(pair))]
    command = [str(home / "bin" / "spark-submit"), *options, "--py-files", str(packed), str(program), *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment(SPARK_HOME=str(home)), stdin=subprocess.DEVNULL, capture_output=True,
        text=True, check=False, timeout=timeout,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-6000:]
    return done.stdout
