"""`shoal files`: where the files that come with Shoal are."""

from typing import Final

from app.configuration.setting_value import SHIPPED
from app.console.output import make_console, say
from app.errors import UserError

#: Name -> its folder, and a description of its content.
FOLDERS: Final = {
    "segments": (SHIPPED / "segments", "definitions of a shop with tests; run where no other folder is given"),
    "destinations": (SHIPPED / "destinations", "destinations to copy: mail tools, CRMs, chat, a webhook"),
    "warehouse": (SHIPPED / "warehouse", "SQL for the tables of the warehouse, and key figures of segments"),
    "clients": (SHIPPED / "clients", "the client for web pages"),
    "schemas": (SHIPPED / "schemas", "JSON Schemas of messages, and the OpenAPI document of the HTTP service"),
    "grafana": (SHIPPED / "grafana", "dashboards"),
    "prometheus": (SHIPPED / "prometheus", "alert rules"),
    "kubernetes": (SHIPPED / "kubernetes", "manifests"),
    "helm": (SHIPPED / "helm", "a chart for Helm"),
    "compose": (SHIPPED / "compose", "a whole deployment for one machine"),
    "examples": (SHIPPED.parent / "examples", "programs to copy: subscribers, a webhook; for CI, Airflow and cron"),
}


def files(name: str | None = None, /) -> None:
    """Show the folders of files that come with Shoal, to copy from: definitions, destinations, dashboards, clients.

    With a name, print only the path of that folder, for use in a shell: `cp "$(shoal files destinations)/slack.yaml" .`

    Example: `shoal files destinations`

    Parameters
    ----------
    name
        The name of one folder.
    """
    console = make_console()
    if name is not None:
        if name not in FOLDERS:
            raise UserError(f"no folder {name!r} comes with Shoal", hint=f"one of {', '.join(FOLDERS)}")
        say(console, str(FOLDERS[name][0]))
        return
    name_width = max(map(len, FOLDERS))
    holds_width = max(len(holds) for _, holds in FOLDERS.values())
    for each, (path, holds) in FOLDERS.items():  # no table: it would cut a long path
        say(console, f"{each:{name_width}}  {holds:{holds_width}}  {path}")
