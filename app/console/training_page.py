"""Parts of the pages about trainings: one page of HTML with pictures, without scripts, and nothing that it loads."""

from collections.abc import Sequence
from typing import Final

from app.console.plots import STYLE as PLOT_STYLE
from app.console.plots import text_of
from app.reports.report_files import POLICY

_STYLE: Final = (
    ":root{color-scheme:light dark;--paper:#fff;--ink:#1b1f24;--soft:#57606a;--line:#d8dee4;--shade:#f0f3f6;"
    "--first:#0969da;--second:#bc4c00;--good:#1a7f37;--careful:#9a6700}"
    "@media(prefers-color-scheme:dark){:root{--paper:#0d1117;--ink:#e6edf3;--soft:#9198a1;--line:#30363d;"
    "--shade:#1a212b;--first:#58a6ff;--second:#f0883e;--good:#3fb950;--careful:#d29922}}"
    "*{box-sizing:border-box}body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:66em;"
    "padding:1.2em 1em 3em;background:var(--paper);color:var(--ink);overflow-wrap:anywhere}"
    "h1{font-size:1.6em;line-height:1.2;margin:.2em 0}h2{font-size:1.15em;margin:1.8em 0 .4em}"
    "h3{font-size:1em;margin:0}"
    "p{margin:.4em 0}.soft,figcaption,summary,th{color:var(--soft)}"
    ".verdict{border-left:4px solid var(--careful);background:var(--shade);padding:.6em .9em;margin:1em 0}"
    ".good{border-color:var(--good)}.verdict p:first-child{font-weight:600}"
    ".pictures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,20em),1fr));gap:1.6em 2em}"
    "figure{margin:0;min-width:0;max-width:34em}figcaption{font-size:.9em;margin:.2em 0 .5em}"
    ".key{display:inline-block;width:.8em;height:.8em;margin-right:.3em;vertical-align:-.05em}"
    ".k1{background:var(--first)}.k2{background:var(--second)}.k3{border-bottom:2px dashed var(--soft);height:.5em}"
    ".legend{font-size:.9em;display:flex;flex-wrap:wrap;gap:0 1.2em}"
    ".wide{overflow-x:auto}table{border-collapse:collapse;font-size:.93em;overflow-wrap:normal}"
    "td,th{padding:.25em .8em .25em 0;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}"
    ".n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}.chosen td{font-weight:600}"
    "summary{cursor:pointer}"
)
KIND_NAMES: Final = {"linear": "linear model", "forest": "forest", "boosted": "boosted trees"}


def page_of(name: str, parts: Sequence[str], remarks: Sequence[str], *, is_good: bool) -> str:
    """The page of a model. parts: HTML; the first stands above the remarks, which are text: the verdict comes first."""
    title = text_of(name, 80)
    lines = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        f"<title>{title}</title><style>{_STYLE}{PLOT_STYLE}</style></head><body>",
        f'<p class="soft">Model</p><h1>{title}</h1>',
        parts[0],
        '<div class="verdict good">' if is_good else '<div class="verdict">',
        *(f"<p>{text_of(remark, 400)}</p>" for remark in remarks),
        "</div>",
        *parts[1:],
    ]
    return "\n".join([*lines, "</body></html>"])


def table_of(head: str, rows: Sequence[str]) -> str:
    """A table; a wide one can be moved sideways. head, rows: HTML."""
    return "\n".join(
        [
            '<div class="wide" tabindex="0" role="region" aria-label="table"><table>',
            f"<tr>{head}</tr>",
            *rows,
            "</table></div>",
        ]
    )


def figure_of(title: str, said: str, picture: str, *, legend: Sequence[tuple[str, str]] = (), table: str = "") -> str:
    """A picture with its title and what it says. legend: (k1, k2 or k3, what has this mark); table: its numbers."""
    marks = "".join(f'<span><span class="key {mark}"></span>{text_of(name, 60)}</span>' for mark, name in legend)
    return "\n".join(
        [
            f"<figure><h3>{title}</h3><figcaption>{said}</figcaption>",
            f'<div class="legend">{marks}</div>' if marks else "",
            picture,
            f"<details><summary>Numbers</summary>{table}</details>" if table else "",
            "</figure>",
        ]
    )
