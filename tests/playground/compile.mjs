// Compiles the modules of an archive in Pyodide, for the browser to load without compiling: node compile.mjs PYODIDE FROM TO
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [pyodideModule, from, to] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(pyodideModule));
const python = await loadPyodide();
python.FS.writeFile("/sources.zip", readFileSync(from));
python.runPython(`
import compileall, pathlib, py_compile, zipfile

tree = pathlib.Path("/tree")
with zipfile.ZipFile("/sources.zip") as sources:
    sources.extractall(tree)
for path in sorted(tree.rglob("*.py")):
    # Beside the source and instead of it: as NAME.pyc, which an import takes without looking for NAME.py.
    py_compile.compile(path, str(path) + "c", dfile="/" + str(path.relative_to(tree)), doraise=True, optimize=0,
                       invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    path.unlink()
with zipfile.ZipFile("/packages.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packages:
    for path in sorted(tree.rglob("*")):
        if path.is_file():
            info = zipfile.ZipInfo(str(path.relative_to(tree)), (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            packages.writestr(info, path.read_bytes())
`);
writeFileSync(to, python.FS.readFile("/packages.zip"));
process.exit(0);
