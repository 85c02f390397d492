"""Nothing runs text as code, trusts pickled bytes, opens a shell, skips TLS or swallows an error."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.tidy.reading import (
    EVERYWHERE,
    Finding,
    Rule,
    Source,
    calls,
    dotted,
    findings,
    found_in,
    python_files,
)

BANNED_CALLS = {
    "eval": "runs text as code",
    "exec": "runs text as code",
    "yaml.load": "builds any object: use the strict loader",
    "yaml.unsafe_load": "builds any object",
    "yaml.full_load": "builds objects",
    "os.system": "opens a shell",
    "os.popen": "opens a shell",
    "ssl._create_unverified_context": "switches TLS verification off",
}
BANNED_IMPORTS = frozenset({"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve"})
BANNED_ARGUMENTS = {
    "shell=True": "opens a shell",
    "verify=False": "switches TLS verification off",
    "verify_ssl=False": "switches TLS verification off",
    "ssl=False": "switches TLS verification off",
    "check_hostname=False": "switches TLS verification off",
}
BROAD = frozenset({"Exception", "BaseException"})


def dangerous_calls(source: Source) -> Iterator[Finding]:
    """Find calls and arguments that hand over control."""
    for node, name in calls(source.tree):
        if name in BANNED_CALLS:
            yield Finding(node.lineno, f"{name}() {BANNED_CALLS[name]}")
        for argument in node.keywords:
            written = f"{argument.arg}={ast.unparse(argument.value)}"
            if written in BANNED_ARGUMENTS:
                yield Finding(node.lineno, f"{written} {BANNED_ARGUMENTS[written]}")
    for inner in ast.walk(source.tree):
        match inner:
            case ast.Attribute(attr="check_hostname", ctx=ast.Store()):
                yield Finding(inner.lineno, "check_hostname stays as it is")
            case ast.Attribute(attr="CERT_NONE"):
                yield Finding(inner.lineno, "CERT_NONE switches TLS verification off")
            case _:
                continue


def dangerous_imports(source: Source) -> Iterator[Finding]:
    """Find modules that turn bytes into live objects."""
    for node in ast.walk(source.tree):
        match node:
            case ast.Import(names=names):
                modules = [alias.name for alias in names]
            case ast.ImportFrom(module=str(module)):
                modules = [module]
            case _:
                continue
        for module in modules:
            if module.partition(".")[0] in BANNED_IMPORTS:
                yield Finding(node.lineno, f"{module} runs what the bytes say")


def swallowed_errors(source: Source) -> Iterator[Finding]:
    """Find handlers that do nothing, and suppression of everything."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler) and all(map(_does_nothing, node.body)):
            yield Finding(node.lineno, "an error is swallowed: answer it, or say suppress(TheError)")
    for call, name in calls(source.tree):
        if name.endswith("suppress") and any(dotted(argument) in BROAD for argument in call.args):
            yield Finding(call.lineno, "every error is swallowed: name the one that is expected")


def _does_nothing(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


@pytest.mark.parametrize("rule", [dangerous_calls, dangerous_imports, swallowed_errors])
def test_nothing_banned_is_used(rule: Rule) -> None:
    """No Python file of the project breaks the rule."""
    assert [] == findings(rule, python_files(*EVERYWHERE))


@pytest.mark.parametrize(
    "snippet",
    [
        "eval('1')",
        "exec(code)",
        "yaml.load(text)",
        "yaml.load(text, Loader=Safe)",
        "subprocess.run('ls', shell=True)",
        "session.get(url, verify=False)",
        "session.get(url, ssl=False)",
        "context.check_hostname = False",
        "context.verify_mode = ssl.CERT_NONE",
        "os.system('ls')",
    ],
)
def test_a_dangerous_call_is_found(snippet: str) -> None:
    """Each way to hand over control is seen."""
    assert 1 == len(found_in(dangerous_calls, snippet))


@pytest.mark.parametrize("snippet", ["import pickle", "from pickle import loads", "import marshal"])
def test_a_dangerous_import_is_found(snippet: str) -> None:
    """Modules that run bytes are seen."""
    assert 1 == len(found_in(dangerous_imports, snippet))


@pytest.mark.parametrize(
    "snippet",
    [
        "try:\n    f()\nexcept ValueError:\n    pass",
        "try:\n    f()\nexcept:\n    ...",
        "with suppress(Exception):\n    f()",
        "with contextlib.suppress(ValueError, BaseException):\n    f()",
    ],
)
def test_a_swallowed_error_is_found(snippet: str) -> None:
    """Silence in every form is seen."""
    assert 1 == len(found_in(swallowed_errors, snippet))


@pytest.mark.parametrize(
    "snippet",
    [
        "re.compile('x')",
        "yaml.safe_load(x)",
        "run(['ls'])",
        "try:\n    f()\nexcept ValueError:\n    count()",
        "suppress(KeyError)",
    ],
)
def test_innocent_code_passes(snippet: str) -> None:
    """What only looks alike is no finding."""
    rules = (dangerous_calls, dangerous_imports, swallowed_errors)
    assert [] == [message for rule in rules for message in found_in(rule, snippet)]
