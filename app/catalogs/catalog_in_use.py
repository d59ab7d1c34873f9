"""Catalog that the settings name: that of a folder, or the published one."""

from app.catalogs.definitions_folder import load_segments
from app.catalogs.publishing import published_catalog
from app.errors import UserError
from app.segments.definitions.definition import Catalog
from app.settings import Settings


async def catalog_in_use(settings: Settings) -> Catalog:
    """Returns the definitions of the folder, or those published now. UserError for wrong ones, or where none are."""
    if settings.catalog == "folder":
        return load_segments(settings.segments, settings.time_rules)
    published = await published_catalog(settings)
    if published is None:
        raise UserError("no definitions are published", hint="shoal publish FOLDER, or set SHOAL_CATALOG=folder")
    return published.catalog
