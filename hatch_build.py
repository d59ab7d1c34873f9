"""Builds the extension modules, where there is a C compiler; without them all works, but slower."""

import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = ("app/events/_instants.c", "app/segments/partition/_fast_path.c", "app/runtime/kafka/_record_batch.c")


class ExtensionsHook(BuildHookInterface[Any]):
    """Compiles each module beside its source, for a wheel and for an editable installation alike."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by Hatchling before it packs anything."""
        for each in SOURCES:
            source = Path(self.root, each)
            module = module_of(source)
            problem = build(source, module)
            if problem is not None:
                module.unlink(missing_ok=True)
                self.app.display_warning(f"shoal: works without {module.name}, but slower: {problem}")
                continue
            build_data["artifacts"].append(f"/{module.relative_to(self.root)}")
            build_data["pure_python"] = False
            build_data["infer_tag"] = True


def module_of(source: Path) -> Path:
    """Path of the module that is built from a source."""
    return source.with_suffix(sysconfig.get_config_var("EXT_SUFFIX"))


def build(source: Path, module: Path) -> str | None:
    """Compiles and links one file; returns why it could not."""
    linker = shlex.split(sysconfig.get_config_var("LDSHARED") or "")
    if not linker:
        return "this Python does not say how extension modules are linked"
    command = [
        *linker,
        *shlex.split(sysconfig.get_config_var("CCSHARED") or ""),
        "-O2",
        f"-I{sysconfig.get_path('include')}",
        str(source),
        "-o",
        str(module),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        return f"{linker[0]}: {error.strerror}"
    return None if done.returncode == 0 else f"{linker[0]} failed: {done.stderr.strip()[-2_000:]}"


if __name__ == "__main__":  # after a change of a source, without another installation
    problems = [problem for each in map(Path, SOURCES) if (problem := build(each, module_of(each)))]
    sys.exit("\n".join(problems) or None)
