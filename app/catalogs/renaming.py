"""Giving a published definition another name: one publication in which the old one goes and the new one comes."""

import asyncio
import time
from dataclasses import replace
from typing import Final

import yaml

from app.catalogs.audited_publishing import publish_audited
from app.catalogs.edits import SOURCE, Edit, check_base, check_source
from app.catalogs.history import UnknownPublicationError, read_state
from app.catalogs.publishing import Outcome, checked_catalog, publish_catalog
from app.catalogs.terms import Terms
from app.runtime.records.catalog_history import files_of
from app.segments.definitions.definition import Definition
from app.segments.definitions.definition_file import read_definition_file
from app.segments.definitions.dependencies import references
from app.segments.definitions.deployed_model import read_any_definition
from app.settings import Settings

USERS_TOLD: Final = 20


class RenameRefusedError(Exception):
    """The definition cannot have this name. `users`: the definitions that use it under its own."""

    def __init__(self, said: str, users: tuple[str, ...] = ()) -> None:
        super().__init__(said)
        self.users = users


def renamed_text(text: str, name: str, to: str) -> str:
    """The text with another name; all other bytes stay. RenameRefusedError if it would then not mean the same.

    >>> renamed_text("segment: vip # all\\nwhen: list('vip')\\n", "vip", "guests")
    "segment: guests # all\\nwhen: list('vip')\\n"
    """
    file = read_definition_file("old.yaml", text)
    node = None if file.fields is None or file.kind is None else file.fields.get(file.kind)
    if file.definition is None or file.name != name or not isinstance(node, yaml.ScalarNode):
        raise RenameRefusedError(f"the text of {name:.80} cannot be read any more")
    made = text[: node.start_mark.index] + to + text[node.end_mark.index :]
    new = read_definition_file("old.yaml", made)
    if new.definition is None:
        raise RenameRefusedError("\n\n".join(map(str, new.source.problems)))
    expected: Definition = replace(file.definition, name=to)
    if new.definition != expected:
        raise RenameRefusedError("the name cannot be changed without touching more of the text: change it there")
    return made


async def publish_rename(settings: Settings, edit: Edit, to: str, *, by: str, message: str, write: bool) -> Outcome:
    """Publishes the definition `edit.name` as `to`; with `write` False it only says what would change.

    To the workers it is one definition that goes and one that comes. Raises RenameRefusedError, and as `publish_edit`
    does.
    """
    state = await read_state(settings)
    present = state.log.publication
    if present is None or edit.name not in present.definitions:
        raise UnknownPublicationError(f"no definition {edit.name!r:.80} is published")
    if to in present.definitions:
        raise RenameRefusedError(f"there is a definition {to:.80} already")
    if write:
        check_base(edit, state)
        check_source(edit, state)
    texts = {name: each for name, each in state.log.texts.items() if name in present.definitions}
    path, text = texts.pop(edit.name)
    await asyncio.to_thread(_check_unused, edit.name, texts)
    folder, slash, file = path.rpartition("/")
    new_path = f"{folder}{slash}{to}.yaml" if file == f"{edit.name}.yaml" else path
    files = files_of({**texts, to: (new_path, renamed_text(text, edit.name, to))})
    catalog = await asyncio.to_thread(checked_catalog, settings, files)
    terms = Terms(
        by=by,
        message=message,
        source=SOURCE,
        approved_by=edit.approved_by,
        if_version=present.reference,
        sources={**{name: present.sources.get(name, "") for name in texts}, to: SOURCE},
    )
    now_ms = int(time.time() * 1000)
    if not write:
        return await publish_catalog(settings, catalog, files, published_ms=now_ms, write=False, terms=terms)
    return await publish_audited(settings, catalog, files, published_ms=now_ms, terms=terms, actor=by)


def _check_unused(name: str, texts: dict[str, tuple[str, str]]) -> None:
    """RenameRefusedError, with their names, if other definitions use this one."""
    definitions = (read_any_definition(path, text).definition for path, text in texts.values())
    users = sorted(
        each.name for each in definitions if each is not None and any(one.name == name for one in references(each))
    )
    if users:
        more = f" and {len(users) - USERS_TOLD} more" if len(users) > USERS_TOLD else ""
        said = f"{name:.80} is used by {', '.join(users[:USERS_TOLD])}{more}: change them first"
        raise RenameRefusedError(said, tuple(users))
