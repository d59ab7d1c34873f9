"""The page and its charts, made from the figures in docs/figures."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.errors import UserError
from tests.benchmarks.figures import Figures, read_figures, show
from tools.docs_pages import ROOT
from tools.performance_page.section import Section
from tools.performance_page.targets import targets_table

PAGE: Final = ROOT / "docs" / "performance.md"
CHARTS: Final = ROOT / "docs" / "charts"
FIGURES: Final = ROOT / "docs" / "figures"
SECTIONS: Final = Path(__file__).parent / "sections"
#: In the order of the page.
BENCHMARKS: Final = (
    "core",
    "steps",
    "many",
    "one_user",
    "memory",
    "drain",
    "stages",
    "two_workers",
    "peers",
    "latency",
    "beside",
    "timers",
    "logins",
    "restore",
    "million",
    "backfill",
)
_RUNS_HEAD: Final = (
    "benchmark",
    "when",
    "commit",
    "events",
    "Python",
    "load before its end",
    "calibration us",
    "interpreter us",
)
_VERSIONS: Final = ("kafka", "aiokafka", "faust-streaming", "msgspec")


@dataclass(frozen=True, slots=True)
class Written:
    """The text of the page, and the charts by the names of their files."""

    page: str
    charts: dict[str, str]


def written(found: Mapping[str, Figures]) -> Written:
    """The page of these figures; a benchmark that is not among them is not on it."""
    about = (SECTIONS / "about.md").read_text(encoding="utf-8")
    about = about.replace("{{targets}}", targets_table(found)).replace("{{runs}}", _runs(found))
    parts = [about.replace("{{machines}}", _machines(found))]
    charts: dict[str, str] = {}
    for name in _ordered(found):
        section = Section((SECTIONS / f"{name}.md").read_text(encoding="utf-8"), found[name])
        parts.append(section.write())
        charts |= {file: chart.svg() for file, chart in section.charts.items()}
    return Written("\n".join(parts), charts)


def read_committed() -> dict[str, Figures]:
    """Those in docs/figures."""
    return {name: figures for name, (_, figures) in read_figures(FIGURES).items()}


def take(folder: Path) -> None:
    """Copies the figures of a run to docs/figures; benchmarks that it has not stay as they were. Raises UserError."""
    found = read_figures(folder)
    for file, figures in found.values():
        if figures.invalid:
            raise UserError(f"{file} is invalid: {figures.invalid}", hint="run it again")
    FIGURES.mkdir(exist_ok=True)
    for name, (file, _) in found.items():
        (FIGURES / f"{name}.json").write_bytes(file.read_bytes())


def write() -> None:
    """The page and the charts; charts that are not on it any more are removed."""
    made = written(read_committed())
    PAGE.write_text(made.page, encoding="utf-8")
    CHARTS.mkdir(exist_ok=True)
    for file in CHARTS.glob("*.svg"):
        if file.name not in made.charts:
            file.unlink()
    for name, svg in made.charts.items():
        (CHARTS / name).write_text(svg, encoding="utf-8")


def _ordered(found: Mapping[str, Figures]) -> list[str]:
    if unknown := [name for name in found if name not in BENCHMARKS]:
        raise UserError(
            f"nobody has written about {', '.join(unknown)}", hint=f"a text in {SECTIONS.name}/, and its place"
        )
    return [name for name in BENCHMARKS if name in found]


def _runs(found: Mapping[str, Figures]) -> str:
    rows = [_RUNS_HEAD, ("---",) * len(_RUNS_HEAD)]
    for name in _ordered(found):
        each = found[name]
        when, load = each.when[:16].replace("T", " "), each.machine.get("load_1_min")
        commit, python = (each.versions.get(of, "") for of in ("commit", "python"))
        interpreter = f"{each.interpreter_us:.2f}" if each.interpreter_us else ""
        rows.append(
            (
                name,
                when,
                commit,
                show(each.events),
                python,
                show(load or 0.0),
                f"{each.calibration_us:.2f}",
                interpreter,
            )
        )
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def _machines(found: Mapping[str, Figures]) -> str:
    return "; or ".join(dict.fromkeys(map(_machine, found.values())))


def _machine(figures: Figures) -> str:
    own = figures.machine
    shape = f"{own.get('cores')} cores ({own.get('processor')}), {own.get('memory_gib')} GiB, {own.get('system')}"
    return ", ".join([shape, *(f"{name} {figures.versions[name]}" for name in _VERSIONS if name in figures.versions)])
