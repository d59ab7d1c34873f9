"""A features file of a disk, with the definitions that it refers to."""

from pathlib import Path

from app.catalogs.definitions_folder import read_definition_text, read_definitions
from app.errors import UserError
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.definition import Catalog
from app.segments.definitions.features_file import Features, read_features_file
from app.segments.definitions.problem import CatalogError


def load_features(path: Path, segments: Path | None) -> tuple[Features, Catalog]:
    """The features of a file, and the catalog that computes them.

    segments: folder of the definitions that it refers to, and of the settings that hold for all (identity.yaml ...).
    Raises UserError with every problem.
    """
    if not path.is_file():
        raise UserError(f"there is no file {path}", hint="docs/features.md shows one")
    file = read_features_file(str(path), read_definition_text(path))
    try:
        catalog = load_catalog({} if segments is None else read_definitions(segments), more=file.parts)
    except CatalogError as error:
        count = len(error.problems)
        raise UserError(f"{'1 problem' if count == 1 else f'{count} problems'} in {path}", detail=str(error)) from None
    assert file.features is not None, "features without a problem"
    for label in file.features.labels:
        known = {each.name for each in catalog.segments}
        for segment in label.segments:
            if segment not in known:
                raise UserError(
                    f"the label {label.name} of {path} looks for entries of {segment}, but there is no such segment",
                    hint="--segments FOLDER gives the definitions that features refer to",
                )
    return file.features, catalog
