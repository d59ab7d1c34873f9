"""House rules that no linter has. Each is a function from a file to its problems; each is shown to be able to fail."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINES_MAX = 450
FUNCTION_LINES_MAX = 70
QUESTION = re.compile(r"(?:What|Whether|How|Who|Which|Whom|Whose|Whatever|Whoever|Where|When|Why)\b")
PACKAGES = ("app/", "agents/", "tables/")
PURE_HALF = ("app/events/", "app/imports/", "app/segments/", "tables/")
CLOCK_AND_CHANCE = {"asyncio", "random", "secrets", "socket", "threading", "time"}
CLOCK_CALLS = {"now", "utcnow", "today", "uuid1", "uuid4"}
MAY_SLEEP = "tests/support/waiting.py"
# Written in parts, so that this file does not find itself.
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX|HA" + r"CK)\b")
SLEEP = re.compile(r"\bsleep" + r"\(")
SILENCED_WITHOUT_REASON = re.compile(
    r"#\s*(?:no" + r"qa|type:" + r"\s*ignore)(?:\[[^\]]*\]|:\s*[A-Z0-9, ]+)?\s*$", re.MULTILINE
)
MACHINE_PATH = re.compile(r"(?<![\w.*/-])/(?:work|root|Users)/\w|\b[A-Z]:\\Users\\")
REGISTRY = re.compile(
    r"\b(?:pypi|pythonhosted|npmjs|crates|golang|maven(?!\.(?:plugins|apache))|sonatype)\.(?:org|com|io)\b"
    r"|\brepo1?\.maven\b",
    re.IGNORECASE,
)

Problems = Iterator[str]
Check = Callable[[str, str], Problems]


def is_long(path: str, text: str) -> Problems:
    lines = text.count("\n")
    if path.endswith(".py") and lines > LINES_MAX:
        yield f"{lines} lines: does it hold one noun?"


def has_a_long_function(path: str, text: str) -> Problems:
    if not path.endswith(".py") or path.startswith("tests/"):
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield f"line {node.lineno}: {node.name} has {lines} lines"


def has_a_docstring_that_is_no_statement(path: str, text: str) -> Problems:
    if not path.endswith(".py"):
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = (ast.get_docstring(node) or "").partition("\n")[0]
            if QUESTION.match(first) or "See " + "above" in first:
                yield f"line {getattr(node, 'lineno', 1)}: {first[:60]}"


def is_unfinished(path: str, text: str) -> Problems:
    yield from found(UNFINISHED, text)


def sleeps(path: str, text: str) -> Problems:
    if path.startswith("tests/") and path.endswith(".py") and path != MAY_SLEEP:
        yield from found(SLEEP, text)


def is_silenced_without_a_reason(path: str, text: str) -> Problems:
    if path.endswith(".py"):
        yield from found(SILENCED_WITHOUT_REASON, text)


def has_a_clock_in_the_pure_half(path: str, text: str) -> Problems:
    if not (path.startswith(PURE_HALF) and path.endswith(".py")):
        return
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Import(names=names):
                imported = [name.name for name in names]
            case ast.ImportFrom(module=str(module), level=0):
                imported = [module]
            case ast.Call(func=ast.Attribute(attr=attribute)) if attribute in CLOCK_CALLS:
                yield f"line {node.lineno}: calls {attribute}()"
                continue
            case _:
                continue
        for name in imported:
            if name.partition(".")[0] in CLOCK_AND_CHANCE:
                yield f"line {node.lineno}: imports {name}"


def names_a_machine(path: str, text: str) -> Problems:
    yield from found(MACHINE_PATH, text)
    for place in (str(ROOT), str(Path.home())):
        if len(place) > 1:
            yield from found(re.compile(re.escape(place) + r"\b"), text)


def names_a_registry(path: str, text: str) -> Problems:
    yield from found(REGISTRY, text)


def is_a_package_without_a_docstring(path: str, text: str) -> Problems:
    if path.startswith(PACKAGES) and path.endswith("/__init__.py") and not ast.get_docstring(ast.parse(text)):
        yield "says nothing about itself"


def ends_without_a_newline(path: str, text: str) -> Problems:
    if text and not text.endswith("\n"):
        yield "no newline at the end"
    if "\r" in text:
        yield "carriage returns"


EXAMPLES: dict[Check, tuple[str, str]] = {
    is_long: ("app/x.py", "pass\n" * (LINES_MAX + 1)),
    has_a_long_function: ("app/x.py", "def f():\n" + "    pass\n" * FUNCTION_LINES_MAX),
    has_a_docstring_that_is_no_statement: ("app/x.py", '"""Whether' + ' it rains."""\n'),
    is_unfinished: ("docs/x.md", "TO" + "DO: say more\n"),
    sleeps: ("tests/unit/test_x.py", "import time\ntime.sleep" + "(1)\n"),
    is_silenced_without_a_reason: ("app/x.py", "import y  # no" + "qa: F401\n"),
    has_a_clock_in_the_pure_half: ("app/events/x.py", "from time import monotonic\n"),
    names_a_machine: ("Makefile", "cp a /roo" + "t/b\n"),
    names_a_registry: ("requirements.lock", "--index-url https://py" + "pi.org/simple\n"),
    is_a_package_without_a_docstring: ("app/x/__init__.py", "from app.x.y import z\n"),
    ends_without_a_newline: ("README.md", "# Shoal"),
}


def found(pattern: re.Pattern[str], text: str) -> Problems:
    for match in pattern.finditer(text):
        yield f"line {text.count(chr(10), 0, match.start()) + 1}: {match[0].strip()}"


@cache
def tracked_files() -> dict[str, str]:
    """Path -> text of every text file under version control."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    texts = {}
    for path in listing.split("\0"):
        if path and (ROOT / path).is_file():
            data = (ROOT / path).read_bytes()
            if b"\0" not in data:
                texts[path] = data.decode()
    return texts


@pytest.mark.parametrize("check", EXAMPLES, ids=lambda check: check.__name__)
def test_no_tracked_file(check: Check) -> None:
    problems = [f"{path}: {problem}" for path, text in tracked_files().items() for problem in check(path, text)]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(("check", "example"), EXAMPLES.items(), ids=[check.__name__ for check in EXAMPLES])
def test_a_check_can_fail(check: Check, example: tuple[str, str]) -> None:
    assert list(check(*example))


def test_every_folder_of_the_packages_is_a_package() -> None:
    paths = set(tracked_files())
    modules = {path for path in paths if path.startswith(PACKAGES) and path.endswith(".py")}
    assert modules
    assert {str(Path(path).parent / "__init__.py") for path in modules} <= paths


def test_the_lock_file_has_every_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    missing = {match[0] for name in declared if (match := re.match(r"[a-z0-9-]+", name)) and match[0] not in locked}
    assert not missing, "make lock"
