"""The API reference: one page per public module, made from its ``__all__`` and the docstrings while the pages are built.

A page says ``%API undeliverable.codes%`` and gets a directive of autodoc for every public name. Most names are defined in
private modules and imported into public ones, so a type in a signature names a private place: `resolve` leads it to the
public page. Types of the standard library lead to docs.python.org, and those of other packages are shown without a link.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, get_args

from sphinx import addnodes
from sphinx.util.typing import stringify_annotation

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

MARK = re.compile(r"^%API ([\w.]+)%$", re.MULTILINE)
FURTHER = (
    "undeliverable._rules.rule.Rule",
    "undeliverable._rules.policies.Policy",
    "undeliverable._rules.providers.Provider",
    "undeliverable._knowledge.watch.Watch",
    "undeliverable.webhooks._service.Meaning",
    "undeliverable.webhooks._service.Notice",
    "undeliverable.webhooks._service.RecipientEvent",
    "undeliverable.verp._tokens.Verifier",
    "undeliverable.mailbox._memory.Mark",
    "undeliverable.mailbox._memory.Taken",
    "undeliverable.serve._intake.Recorder",
    "undeliverable.serve._metrics.Metrics",
    "undeliverable.serve._budget.Share",
    "undeliverable.store._formats.Format",
    "undeliverable.store._formats.Shape",
)
"""Types that public functions take or return, and that nobody needs to import."""
TYPES = "%TYPES%"
UNLINKED = (
    "undeliverable.serve._handler._",
    "undeliverable.mailbox.imap._",
    "undeliverable.serve._metrics._",
    "undeliverable.serve.server._",
    "undeliverable.arrow._read.AnyBatch",
    "undeliverable._knowledge.watch._",
    "undeliverable._knowledge.loader.Layer",
    "undeliverable._knowledge.shipped.Shipped",
    "undeliverable._rules.circumstances.",
    "undeliverable._rules.conditions.",
    "EntryError",
)
"""Where types begin that are shown without a link: of a library that calls us, internal, or one that stands for several."""
_NO_LITERAL = re.compile(r"= ?<[^<>]*>")
STANDARD = "https://docs.python.org/3/library/"
NO_API = frozenset({"undeliverable.data", "undeliverable.__main__"})
"""Modules with a public name that are no part of the interface: the package's own files, and the command."""
PACKAGES = ("undeliverable", "undeliverable.compat", "undeliverable.mailbox", "undeliverable.serve")
"""Packages whose modules are public, too."""
STOP = "object, str, int, tuple, dict, Exception, BaseException, StrEnum, ReprEnum, Enum, Generic, Protocol"
"""Where inherited members end: these are Python's."""
CONSTANTS = {"None": "constants.html#None", "NotImplemented": "constants.html#NotImplemented"}
ELSEWHERE = {
    "pyarrow.lib.": "https://arrow.apache.org/docs/python/generated/pyarrow.{}.html",
    "sqlalchemy.engine.": "https://docs.sqlalchemy.org/en/20/core/connections.html#sqlalchemy.engine.{}",
}
"""Documentation of packages whose types stand in signatures."""


@cache
def public_modules() -> tuple[str, ...]:
    """Return the dotted names of all public modules, the package itself first."""
    found = ["undeliverable"]
    for package in PACKAGES:
        if _exists(package):
            names = (one.name for one in pkgutil.iter_modules(import_module(package).__path__))
            found += (f"{package}.{name}" for name in names if not name.startswith("_"))
    return tuple(name for name in found if name not in NO_API and getattr(import_module(name), "__all__", ()))


def _exists(package: str) -> bool:
    try:
        import_module(package)
    except ModuleNotFoundError:
        return False
    return True


@cache
def homes() -> dict[str, str]:
    """Return the public name of everything that is public, by the name of the place where it is defined.

    What is public in several modules has one home: a function the package itself, where everybody looks first, and a class
    the module that defines it, so that the package's own page stays short.
    """
    found: dict[str, str] = {}
    for module in reversed(public_modules()):
        for name in import_module(module).__all__:
            thing = getattr(import_module(module), name)
            place = f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', '')}"
            is_first = module == "undeliverable" if inspect.isfunction(thing) else place == f"{module}.{name}"
            if (inspect.isclass(thing) or inspect.isfunction(thing)) and (is_first or _is_worse(found.get(place))):
                found[place] = f"{module}.{name}"
    return found


def _is_worse(home: str | None) -> bool:
    return home is None or (home.count(".") == 1 and home.split(".")[1][0].isupper())


def import_types(_app: Sphinx) -> None:
    """Run what is there for type checkers only, so that every annotation can be evaluated and linked."""
    for name in public_modules():
        import_module(name)
    done: set[str] = set()
    while True:  # one such import may be of a name that another one brings, and may load further modules
        left = {name: one for name, one in sys.modules.items() if name.partition(".")[0] == "undeliverable"}
        found = {name for name in left.keys() - done if _run_for_types(left[name])}
        if not found:  # what is left is of no module that exists, such as _typeshed
            return
        done |= found


def _run_for_types(module: ModuleType) -> bool:
    path = Path(module.__file__ or "")
    text = path.read_text(encoding="utf-8") if path.suffix == ".py" else ""  # a compiled one has no text
    for node in ast.parse(text).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            try:
                exec(compile(ast.Module(node.body, []), module.__name__, "exec"), module.__dict__)  # noqa: S102 # our own
            except ImportError:
                return False
    return True


def page(module: str) -> str:
    """Return the text of a module's page, from its docstring on."""
    return "\n".join(("```{eval-rst}", *_directives(module, import_module(module)), "```"))


def _directives(name: str, module: ModuleType) -> Iterator[str]:
    yield f".. automodule:: {name}\n   :no-members:\n"
    groups: dict[str, list[str]] = {"Functions": [], "Classes": [], "Exceptions": [], "Constants": []}
    for one in module.__all__:
        groups[_group(getattr(module, one))].append(one)
    for title, names in groups.items():
        if names:
            yield f".. rubric:: {title}\n"
        here = [one for one in names if home_of(name, one) == f"{name}.{one}"]
        for one in names:
            if one not in here:
                home = home_of(name, one)
                yield f"- :{'func' if title == 'Functions' else 'class'}:`{one} <{home}>`: {_first_line(module, one)}"
        yield ""
        for one in here:
            yield from _directive(name, one, title)


def home_of(module: str, name: str) -> str:
    """Return the public name under which something public is described."""
    thing = getattr(import_module(module), name)
    place = f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', '')}"
    return (
        homes().get(place, f"{module}.{name}")
        if inspect.isclass(thing) or inspect.isfunction(thing)
        else f"{module}.{name}"
    )


def _first_line(module: ModuleType, name: str) -> str:
    return (inspect.getdoc(getattr(module, name)) or "").partition("\n")[0]


def _group(thing: object) -> str:
    if inspect.isclass(thing):
        return "Exceptions" if issubclass(thing, BaseException) else "Classes"
    return "Functions" if inspect.isfunction(thing) else "Constants"


def _directive(module: str, name: str, group: str) -> Iterator[str]:
    if group == "Constants":
        text, kind = constant(module, name)
        yield f".. py:data:: {name}" + (f"\n   :type: {kind}" if kind else "") + "\n"
        yield from (f"   {line}" for line in [*inspect.cleandoc(text).splitlines(), ""])
    elif group == "Functions":
        yield f".. autofunction:: {module}.{name}\n"
    else:
        yield from described(f"{module}.{name}", is_error=group == "Exceptions")


def described(name: str, *, is_error: bool = False) -> Iterator[str]:
    """Yield the directive for a class with all that can be called or read."""
    yield f".. {'autoexception' if is_error else 'autoclass'}:: {name}"
    yield f"   :members:\n   :undoc-members:\n   :inherited-members: {STOP}"
    module, _, short = name.rpartition(".")
    yield f"   :exclude-members: {', '.join(internal(getattr(import_module(module), short)))}\n"


def internal(thing: type) -> list[str]:
    """Return the members that hand something private from one part of the library to another."""
    types: dict[str, Any] = {}
    for base in reversed(thing.__mro__):
        for name, text in vars(base).get("__annotations__", {}).items():
            types[name] = _evaluated(text, base.__module__)
        for name, member in vars(base).items():
            called = _called(member)
            if inspect.isfunction(called):
                types[name] = [_evaluated(text, called.__module__) for text in called.__annotations__.values()]
    return sorted(name for name, kind in types.items() if not name.startswith("_") and _is_hidden(kind))


def _called(member: Any) -> Any:
    if isinstance(member, property):
        return member.fget
    return member.func if isinstance(member, cached_property) else getattr(member, "__func__", member)


def _evaluated(text: Any, module: str) -> Any:
    """Return the type that an annotation means; one that names what no module has counts as private."""
    try:
        return eval(text, vars(sys.modules[module])) if isinstance(text, str) else text  # noqa: S307 # our own source
    except NameError:
        return _Unknown


class _Unknown:
    """A type that cannot be found."""

    __module__ = "undeliverable._unknown"


def _is_hidden(kind: Any) -> bool:
    """Return whether a type has a private class in it that no page describes."""
    if isinstance(kind, (list, tuple)):
        return any(map(_is_hidden, kind))
    place = f"{getattr(kind, '__module__', '')}.{getattr(kind, '__qualname__', '')}"
    is_private = place.startswith("undeliverable._") and inspect.isclass(kind) and place not in {*homes(), *FURTHER}
    return is_private or any(map(_is_hidden, get_args(kind)))


def constant(module: str, name: str) -> tuple[str, str | None]:
    """Return the text below a constant's assignment, and its type as it is written; followed through imports."""
    found = sys.modules.get(module) or import_module(module)
    tree = ast.parse(inspect.getsource(found))
    for node in ast.walk(tree):  # also in a try: an extra may be missing
        if isinstance(node, ast.ImportFrom) and any((alias.asname or alias.name) == name for alias in node.names):
            return constant(node.module or "", name)
    for node, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        target = node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(node, ast.Assign):
            target = node.targets[0]
        if isinstance(target, ast.Name) and target.id == name:
            text = (
                ast.literal_eval(after.value)
                if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
                else ""
            )
            return text or _comment(found, node), _type(found, node)
    return "", None


def _comment(module: ModuleType, node: ast.stmt) -> str:
    """Return the comment behind an assignment."""
    line = inspect.getsource(module).splitlines()[(node.end_lineno or 1) - 1]
    return line.partition("  # ")[2]


def _type(module: ModuleType, node: ast.stmt) -> str | None:
    if not isinstance(node, ast.AnnAssign):
        return None
    text = ast.unparse(node.annotation)
    inner = re.sub(r"^Final\[(.*)\]$", r"\1", text)
    if inner == "Final":
        return None
    return stringify_annotation(eval(inner, module.__dict__), "smart")  # noqa: S307 # our own source


def fill_in(_app: Sphinx, _docname: str, source: list[str]) -> None:
    """Put the reference into the page of a module."""
    text = MARK.sub(lambda match: page(match[1]), source[0])
    if TYPES in text:
        text = text.replace(
            TYPES, "\n".join(("```{eval-rst}", *(line for one in FURTHER for line in described(one)), "```"))
        )
    source[0] = text


def add_aliases(_app: Sphinx, env: BuildEnvironment) -> None:
    """Enter the further names of what is public in several modules: all lead to one description."""
    domain = env.domains.python_domain
    for module in public_modules():
        for name in import_module(module).__all__:
            home = domain.objects.get(home_of(module, name))
            if home is not None:
                domain.objects.setdefault(f"{module}.{name}", home._replace(aliased=True))


def resolve(app: Sphinx, env: BuildEnvironment, node: nodes.Element, content: nodes.Element) -> nodes.Element | None:
    """Lead a name that is public elsewhere to its home, and one of another library to its documentation."""
    from docutils import nodes

    target: str = node.get("reftarget", "")
    if node.get("refdomain") != "py" or not target:
        return None
    if target.startswith(UNLINKED):
        return content
    home = homes().get(target, target)
    if home != target and home in env.domains.python_domain.objects:
        return env.domains.python_domain.resolve_xref(env, node["refdoc"], app.builder, "obj", home, node, content)
    address = standard(target) or elsewhere(target)
    if address is None:
        return None
    return nodes.reference("", "", content, internal=False, refuri=address, reftitle=target)


def elsewhere(target: str) -> str | None:
    """Return the address of a name of a package that is used, in its documentation."""
    for prefix, address in ELSEWHERE.items():
        if target.startswith(prefix):
            return address.format(target.removeprefix(prefix))
    return None


def standard(target: str) -> str | None:
    """Return the address of a name of the standard library in its documentation, or None for other names."""
    if target in CONSTANTS:
        return STANDARD + CONSTANTS[target]
    if "." not in target and hasattr(builtins, target):
        thing = getattr(builtins, target)
        is_error = inspect.isclass(thing) and issubclass(thing, BaseException)
        return f"{STANDARD}{'exceptions' if is_error else 'functions'}.html#{target}"
    module = target.rpartition(".")[0]
    if module.partition(".")[0] in sys.stdlib_module_names:
        return f"{STANDARD}{module}.html#{target}"
    return None


def readable(  # as Sphinx calls it
    _app: Sphinx, _what: str, name: str, thing: object, _options: object, signature: str | None, returns: str | None
) -> tuple[str, str | None] | None:
    """Write a default that has no literal as ``...``, which Sphinx can parse; nobody makes what is in `FURTHER`."""
    if inspect.isclass(thing) and name in FURTHER:
        return "", None
    return (_NO_LITERAL.sub("= ...", signature), returns) if signature else None


def qualify(_app: Sphinx, doctree: nodes.document) -> None:
    """Say which module a type is of, where a signature has its bare name: the same name may be public in several."""
    for node in doctree.findall(addnodes.pending_xref):
        target = node.get("reftarget", "")
        if node.get("refdomain") == "py" and node.get("reftype") == "class" and "." not in target:
            node["reftarget"] = _qualified(target, node.get("py:module") or "undeliverable")


def _qualified(name: str, module: str) -> str:
    inside = (one for key, one in sorted(sys.modules.items()) if f"{key}.".startswith(f"{module}."))
    found = {thing for one in inside if inspect.isclass(thing := vars(one).get(name))}
    place = f"{(thing := found.pop()).__module__}.{thing.__qualname__}" if len(found) == 1 else name
    return homes().get(place, place).removeprefix("builtins.")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("builder-inited", import_types)
    app.connect("source-read", fill_in)
    app.connect("autodoc-process-signature", readable)
    app.connect("doctree-read", qualify)
    app.connect("env-updated", add_aliases)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


__all__ = ["fill_in", "homes", "page", "public_modules", "resolve", "setup", "standard"]
